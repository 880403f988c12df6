/**
 * Prepares a message once per round, language and kind, so that filling it per person encodes only what differs. All
 * static text is turned into quoted-printable here, with soft line breaks round each slot. It does not know template
 * languages: pieces come in flat.
 */
import { writeQuotedPrintable } from "../encode/quoted-printable.ts";
import { keepField } from "../header-forms.ts";
import { isWritable, writeText, type FieldProblem, type HeaderField } from "../header.ts";
import { failed, ok, type Result } from "../result.ts";

/** Static text, or the place of a value that differs per person; in HTML a value is escaped unless it is `raw`. */
export type Piece = string | { readonly slot: string; readonly raw?: boolean };

export interface MessageTemplate {
  /** The fields that are the same for everyone, as header.ts writes them. */
  readonly headers: readonly HeaderField[];
  readonly subject: readonly Piece[];
  readonly text: readonly Piece[];
  /** Without it the message is text alone. */
  readonly html?: readonly Piece[];
}

export interface CompiledMessage {
  readonly headers: readonly HeaderField[];
  /** A finished field when the subject is the same for everyone. */
  readonly subject: HeaderField | readonly Piece[];
  readonly hasHtml: boolean;
  /** What stands in the slots, each value once, however often it is used. */
  readonly values: readonly SlotValue[];
  /** The whole body: static bytes, each followed by what goes there, or by nothing at the end. */
  readonly body: readonly BodyPiece[];
}

export interface SlotValue {
  readonly slot: string;
  readonly escapeHtml: boolean;
}

export interface BodyPiece {
  readonly bytes: Buffer;
  readonly followedBy: BoundaryPlace | ValuePlace | null;
}

export interface BoundaryPlace {
  readonly kind: "boundary";
}

export interface ValuePlace {
  readonly kind: "value";
  /** Which of `values`. */
  readonly index: number;
  /** Text follows on the same line, so a soft line break stands between. */
  readonly isJoined: boolean;
}

export interface TemplateProblem {
  readonly field: string;
  readonly because: FieldProblem | "reserved";
}

/** Fields that the composer writes itself, per message. */
const RESERVED = /^(?:subject|mime-version|content-.*|dkim-signature)$/i;
const SOFT_BREAK = "=\r\n";

export function compileMessage(template: MessageTemplate): Result<CompiledMessage, TemplateProblem> {
  for (const field of template.headers) {
    if (RESERVED.test(field.name)) return failed({ field: field.name, because: "reserved" });
    if (!isWritable(field)) return failed({ field: field.name, because: "bad-value" });
  }
  const subject = compileSubject(template.subject);
  if (!subject.ok) return failed({ field: "Subject", because: subject.error });
  const body = new BodyLayout();
  if (template.html) {
    body.addBoundary("--").add(`\r\n${TEXT_PART}`).addPart(template.text, false);
    body.addBoundary("\r\n--").add(`\r\n${HTML_PART}`).addPart(template.html, true);
    body.addBoundary("\r\n--").add("--\r\n");
  } else body.addPart(template.text, false);
  return ok({
    headers: template.headers.map(keepField),
    subject: subject.value,
    hasHtml: template.html !== undefined,
    ...body.finish(),
  });
}

const TEXT_PART = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
const HTML_PART = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";

function compileSubject(pieces: readonly Piece[]): Result<HeaderField | readonly Piece[], FieldProblem> {
  const fixed = pieces.filter((piece) => typeof piece === "string").join("");
  const field = writeText("Subject", fixed);
  if (!field.ok) return field;
  return ok(pieces.every((piece) => typeof piece === "string") ? keepField(field.value) : pieces);
}

/** Puts the body together as bytes: what is static in a row becomes one piece. */
class BodyLayout {
  readonly #values: SlotValue[] = [];
  readonly #body: BodyPiece[] = [];
  #static = "";

  add(text: string): this {
    this.#static += text;
    return this;
  }

  addBoundary(before: string): this {
    return this.add(before).#place({ kind: "boundary" });
  }

  /**
   * Each slot stands between soft line breaks, so its value is encoded on lines of its own and the static text round it
   * never changes. Next to a real line break, or at either end, no soft one is needed.
   */
  addPart(pieces: readonly Piece[], isHtml: boolean): this {
    const { lead, rest } = group(pieces);
    const first = writeQuotedPrintable(lead);
    this.add(rest.length === 0 ? first : endAtLineStart(first));
    for (const [index, { piece, text }] of rest.entries()) {
      const after = writeQuotedPrintable(text);
      const isLast = index === rest.length - 1;
      const lineEnds = after.startsWith("\r\n") || (after === "" && isLast);
      const value = this.#indexOf({ slot: piece.slot, escapeHtml: isHtml && piece.raw !== true });
      this.#place({ kind: "value", index: value, isJoined: !lineEnds });
      this.add(isLast ? after : endAtLineStart(after));
    }
    return this;
  }

  finish(): Pick<CompiledMessage, "values" | "body"> {
    const last = { bytes: Buffer.from(this.#static, "latin1"), followedBy: null };
    return { values: this.#values, body: [...this.#body, last] };
  }

  #place(followedBy: BoundaryPlace | ValuePlace): this {
    this.#body.push({ bytes: Buffer.from(this.#static, "latin1"), followedBy });
    this.#static = "";
    return this;
  }

  #indexOf(wanted: SlotValue): number {
    const known = this.#values.findIndex((one) => one.slot === wanted.slot && one.escapeHtml === wanted.escapeHtml);
    return known === -1 ? this.#values.push(wanted) - 1 : known;
  }
}

type Slot = Exclude<Piece, string>;

/** Joins neighbouring static pieces: lead text, then each slot with the text that follows it. */
function group(pieces: readonly Piece[]): { lead: string; rest: readonly { piece: Slot; text: string }[] } {
  let lead = "";
  const rest: { piece: Slot; text: string }[] = [];
  for (const piece of pieces) {
    const last = rest.at(-1);
    if (typeof piece !== "string") rest.push({ piece, text: "" });
    else if (last) last.text += piece;
    else lead += piece;
  }
  return { lead, rest };
}

function endAtLineStart(encoded: string): string {
  return encoded === "" || encoded.endsWith("\r\n") ? encoded : encoded + SOFT_BREAK;
}

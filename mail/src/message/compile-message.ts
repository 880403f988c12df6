/**
 * Prepares a message once per round, language and kind, so that filling it per person encodes only what differs. All
 * static text is turned into quoted-printable here, with soft line breaks round each slot. It does not know template
 * languages: pieces come in flat.
 */
import { writeQuotedPrintable } from "../encode/quoted-printable.ts";
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
  readonly text: CompiledPart;
  readonly html: CompiledPart | undefined;
}

export interface CompiledPart {
  readonly lead: string;
  readonly slots: readonly CompiledSlot[];
}

export interface CompiledSlot {
  readonly slot: string;
  readonly escapeHtml: boolean;
  /** Soft line break, where what follows stands on the same line of text. */
  readonly join: string;
  /** Static quoted-printable up to the next slot. */
  readonly after: string;
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
  return ok({
    headers: template.headers,
    subject: subject.value,
    text: compilePart(template.text, false),
    html: template.html && compilePart(template.html, true),
  });
}

function compileSubject(pieces: readonly Piece[]): Result<HeaderField | readonly Piece[], FieldProblem> {
  const fixed = pieces.filter((piece) => typeof piece === "string").join("");
  const field = writeText("Subject", fixed);
  if (!field.ok) return field;
  return ok(pieces.every((piece) => typeof piece === "string") ? field.value : pieces);
}

/**
 * Each slot stands between soft line breaks, so its value is encoded on lines of its own and the static text round it
 * never changes. Next to a real line break, or at either end, no soft one is needed.
 */
function compilePart(pieces: readonly Piece[], isHtml: boolean): CompiledPart {
  const { lead, rest } = group(pieces);
  const first = writeQuotedPrintable(lead);
  const slots = rest.map(({ piece, text }, index): CompiledSlot => {
    const after = writeQuotedPrintable(text);
    const isLast = index === rest.length - 1;
    const lineEnds = after.startsWith("\r\n") || (after === "" && isLast);
    return {
      slot: piece.slot,
      escapeHtml: isHtml && piece.raw !== true,
      join: lineEnds ? "" : SOFT_BREAK,
      after: narrow(isLast ? after : endAtLineStart(after)),
    };
  });
  return { lead: narrow(rest.length === 0 ? first : endAtLineStart(first)), slots };
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

/**
 * The same text, one byte a character in memory: quoted-printable is ASCII, but what was cut out of wider text stays as
 * wide as that, and so would every mail that is put together with it.
 */
function narrow(encoded: string): string {
  return Buffer.from(encoded, "latin1").toString("latin1");
}

function endAtLineStart(encoded: string): string {
  return encoded === "" || encoded.endsWith("\r\n") ? encoded : encoded + SOFT_BREAK;
}

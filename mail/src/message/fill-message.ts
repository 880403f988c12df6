/**
 * Makes one person's message out of a compiled one (RFC 2046 §5.1.4: text first, HTML second, equal in value). The same
 * input gives the same bytes, so that a message sent again is the same message. It neither signs nor sends.
 */
import { writeQuotedPrintable } from "../encode/quoted-printable.ts";
import { keepField } from "../header-forms.ts";
import { writeText, type HeaderField } from "../header.ts";
import type { BoundaryPlace, CompiledMessage, Piece, ValuePlace } from "./compile-message.ts";
import { type BodyFrame, FRAME_ROOM, type Message } from "./message.ts";

export interface Personal {
  /** Fields of this one message, as header.ts writes them: To, Date, Message-ID, List-Unsubscribe, … */
  readonly headers: readonly HeaderField[];
  /** One value for each slot. */
  readonly values: Readonly<Record<string, string>>;
  /** 8 to 60 letters and digits, of this message alone: the boundary is made of it. */
  readonly seed: string;
}

const MIME_VERSION = keepField({ name: "MIME-Version", value: "1.0" });
const QUOTED_PRINTABLE = keepField({ name: "Content-Transfer-Encoding", value: "quoted-printable" });
const TEXT_PLAIN = keepField({ name: "Content-Type", value: "text/plain; charset=utf-8" });
const SOFT_BREAK = "=\r\n";

/**
 * A slot without a value, a bad seed or a value unfit for the subject is a bug of ours and throws. `lend` gives the
 * buffer that the body is laid into, of at least so many octets: from then on it is this message's alone.
 */
export function fillMessage(
  compiled: CompiledMessage,
  personal: Personal,
  lend: (octets: number) => Buffer = (octets) => Buffer.allocUnsafe(octets),
): Message {
  const headers = [...compiled.headers, fillSubject(compiled, personal.values), ...personal.headers, MIME_VERSION];
  const boundary = writeBoundary(personal.seed);
  const { body, frame } = fillBody(compiled, insertsOf(compiled, personal.values, boundary), lend);
  if (!compiled.hasHtml) return { headers, contentHeaders: [TEXT_PLAIN, QUOTED_PRINTABLE], body, frame };
  return {
    headers,
    contentHeaders: [{ name: "Content-Type", value: `multipart/alternative;\r\n boundary="${boundary}"` }],
    body,
    frame,
    // Quoted-printable has neither tabs nor blanks at a line's end or in a row, and the last boundary ends in one CRLF.
    isRelaxed: true,
  };
}

function fillSubject(compiled: CompiledMessage, values: Personal["values"]): HeaderField {
  if ("name" in compiled.subject) return compiled.subject;
  const text = compiled.subject.map((piece: Piece) =>
    typeof piece === "string" ? piece : valueOf(piece.slot, values),
  );
  const field = writeText("Subject", text.join(""));
  if (!field.ok)
    throw new Error(`A value is unfit for the subject (${field.error}): it should have been refused earlier.`);
  return field.value;
}

/** Each value as it stands in the body: quoted-printable, and therefore ASCII. */
function writeValues({ values }: CompiledMessage, given: Personal["values"]): readonly string[] {
  return values.map(({ slot, escapeHtml }) => {
    const value = valueOf(slot, given);
    return writeQuotedPrintable(escapeHtml ? escape(value) : value);
  });
}

/** Laid into a buffer with room for the header before it, so that the mail is written once and never copied. */
function fillBody(
  { body, hasHtml }: CompiledMessage,
  inserts: readonly string[],
  lend: (octets: number) => Buffer,
): { body: Buffer; frame: BodyFrame } {
  let length = hasHtml ? 0 : SOFT_BREAK.length;
  for (const [index, { bytes }] of body.entries()) length += bytes.length + (inserts[index] ?? "").length;
  const { head, tail } = FRAME_ROOM;
  const buffer = lend(head + length + tail);
  let at = head;
  for (const [index, { bytes }] of body.entries()) {
    buffer.set(bytes, at);
    at += bytes.length;
    const insert = inserts[index] ?? "";
    if (insert !== "") at += buffer.write(insert, at, "latin1");
  }
  // Multipart bodies end in their last boundary; a text alone may end anywhere.
  if (!hasHtml && at > head && buffer[at - 1] !== LF) at += buffer.write("\r\n", at, "latin1");
  return { body: buffer.subarray(head, at), frame: { buffer, bodyAt: head } };
}

const LF = 10;

/** What goes behind each piece of the body. */
function insertsOf(compiled: CompiledMessage, given: Personal["values"], boundary: string): readonly string[] {
  const values = writeValues(compiled, given);
  return compiled.body.map(({ followedBy }) => (followedBy === null ? "" : insertOf(followedBy, values, boundary)));
}

function insertOf(place: BoundaryPlace | ValuePlace, values: readonly string[], boundary: string): string {
  if (place.kind === "boundary") return boundary;
  const value = values[place.index] ?? "";
  return place.isJoined && value !== "" && !value.endsWith("\r\n") ? value + SOFT_BREAK : value;
}

/** The type check also keeps slots named like `constructor` from reaching what every object inherits. */
function valueOf(slot: string, values: Personal["values"]): string {
  const value: unknown = values[slot];
  if (typeof value !== "string") throw new Error(`The slot ${JSON.stringify(slot)} has no value.`);
  return value;
}

function escape(text: string): string {
  if (!/[&<>"']/.test(text)) return text;
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** `=_` never occurs in quoted-printable, so no body can contain its own boundary (RFC 2045 §6.7, note on boundaries). */
function writeBoundary(seed: string): string {
  if (!/^[A-Za-z0-9]{8,60}$/.test(seed)) throw new Error("The seed of a message is 8 to 60 letters and digits.");
  return `=_${seed}`;
}

/**
 * Makes one person's message out of a compiled one (RFC 2046 §5.1.4: text first, HTML second, equal in value). The same
 * input gives the same bytes, so that a message sent again is the same message. It neither signs nor sends.
 */
import { writeQuotedPrintable } from "../encode/quoted-printable.ts";
import { writeText, type HeaderField } from "../header.ts";
import type { CompiledMessage, CompiledPart, Piece } from "./compile-message.ts";
import type { Message } from "./message.ts";

export interface Personal {
  /** Fields of this one message, as header.ts writes them: To, Date, Message-ID, List-Unsubscribe, … */
  readonly headers: readonly HeaderField[];
  /** One value for each slot. */
  readonly values: Readonly<Record<string, string>>;
  /** 8 to 60 letters and digits, of this message alone: the boundary is made of it. */
  readonly seed: string;
}

const MIME_VERSION: HeaderField = { name: "MIME-Version", value: "1.0" };
const QUOTED_PRINTABLE: HeaderField = { name: "Content-Transfer-Encoding", value: "quoted-printable" };
const TEXT_PLAIN: HeaderField = { name: "Content-Type", value: "text/plain; charset=utf-8" };
const TEXT_PART = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
const HTML_PART = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";

/** A slot without a value, a bad seed or a value unfit for the subject is a bug of ours and throws. */
export function fillMessage(compiled: CompiledMessage, personal: Personal): Message {
  const headers = [...compiled.headers, fillSubject(compiled, personal.values), ...personal.headers, MIME_VERSION];
  const text = fillPart(compiled.text, personal.values);
  if (!compiled.html) {
    const body = text === "" || text.endsWith("\r\n") ? text : `${text}\r\n`;
    return { headers, contentHeaders: [TEXT_PLAIN, QUOTED_PRINTABLE], body: Buffer.from(body, "latin1") };
  }
  const boundary = writeBoundary(personal.seed);
  const html = fillPart(compiled.html, personal.values);
  const next = `--${boundary}\r\n`;
  const body = `${next}${TEXT_PART}${text}\r\n${next}${HTML_PART}${html}\r\n--${boundary}--\r\n`;
  return {
    headers,
    contentHeaders: [{ name: "Content-Type", value: `multipart/alternative;\r\n boundary="${boundary}"` }],
    body: Buffer.from(body, "latin1"),
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

function fillPart(part: CompiledPart, values: Personal["values"]): string {
  let out = part.lead;
  for (const { slot, escapeHtml, join, after } of part.slots) {
    const value = valueOf(slot, values);
    const encoded = writeQuotedPrintable(escapeHtml ? escape(value) : value);
    out += encoded;
    if (encoded !== "" && !encoded.endsWith("\r\n")) out += join;
    out += after;
  }
  return out;
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

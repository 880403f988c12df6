/**
 * A mail as it leaves us: header fields, the MIME content they lead, and its exact bytes (RFC 5322 §2.1, RFC 2045 §3).
 * Content fields are kept apart so that content can be wrapped (S/MIME) without touching the rest of the header.
 */
import { writeField } from "../header-forms.ts";
import type { HeaderField } from "../header.ts";

export interface Message {
  /** From, To, Subject, …, MIME-Version, in the order they are written. */
  readonly headers: readonly HeaderField[];
  /** Content-Type and its like: with `body` they make up one MIME entity. */
  readonly contentHeaders: readonly HeaderField[];
  /** CRLF line ends only. */
  readonly body: Buffer;
  /** The body has DKIM's relaxed form as it stands (RFC 6376 §3.4.4). Only who wrote it that way may say so. */
  readonly isRelaxed?: true;
  /** Where the body lies in a longer buffer of this message alone, with room before it and behind it. */
  readonly frame?: BodyFrame;
}

export interface BodyFrame {
  readonly buffer: Buffer;
  readonly bodyAt: number;
}

/** What a frame leaves free: before the body for the header, behind it for the final dot. */
export const FRAME_ROOM = { head: 4096, tail: 3 };
const FINAL_DOT = ".\r\n";

/**
 * The bytes given to SMTP after DATA, before dot-stuffing and the final dot. Throws on a field that would break the
 * header: writers never make one, so it is a bug of ours.
 */
export function wireBytes(message: Message): Buffer {
  const head = writeHead(message);
  const headBytes = Buffer.byteLength(head);
  const wire = Buffer.allocUnsafe(headBytes + message.body.length);
  wire.write(head, "utf8");
  wire.set(message.body, headBytes);
  return wire;
}

/** A mail ready for the wire. */
export interface WireMail {
  /** What is given to SMTP after DATA, before dot-stuffing and the final dot. */
  readonly bytes: Buffer;
  /** The same bytes with the final dot behind them, where both lie in one piece: it spares a copy of the mail. */
  readonly dotted?: Buffer;
}

/**
 * The same bytes with `first` before all other fields. A body that was laid into a frame gets its header written right
 * before it, into the room that was left there, so the mail is never copied: the frame is used up then, and the message
 * cannot be sealed with another field.
 */
export function sealMessage(message: Message, first: HeaderField): WireMail {
  const sealed = { ...message, headers: [first, ...message.headers] };
  const head = writeHead(sealed);
  const { frame } = message;
  const start = frame ? frame.bodyAt - Buffer.byteLength(head) : -1;
  if (!frame || start < 0) return { bytes: wireBytes(sealed) };
  frame.buffer.write(head, start, "utf8");
  const end = frame.bodyAt + message.body.length;
  frame.buffer.write(FINAL_DOT, end, "latin1");
  return { bytes: frame.buffer.subarray(start, end), dotted: frame.buffer.subarray(start, end + FINAL_DOT.length) };
}

function writeHead(message: Message): string {
  let head = "";
  for (const field of message.headers) head += writeField(field);
  for (const field of message.contentHeaders) head += writeField(field);
  return `${head}\r\n`;
}

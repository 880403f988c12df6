/**
 * A mail as it leaves us: header fields, the MIME content they lead, and its exact bytes (RFC 5322 §2.1, RFC 2045 §3).
 * Content fields are kept apart so that content can be wrapped (S/MIME) without touching the rest of the header.
 */
import { isWritable, type HeaderField } from "../header.ts";

export interface Message {
  /** From, To, Subject, …, MIME-Version, in the order they are written. */
  readonly headers: readonly HeaderField[];
  /** Content-Type and its like: with `body` they make up one MIME entity. */
  readonly contentHeaders: readonly HeaderField[];
  /** CRLF line ends only. */
  readonly body: Buffer;
  /** The body has DKIM's relaxed form as it stands (RFC 6376 §3.4.4). Only who wrote it that way may say so. */
  readonly isRelaxed?: true;
}

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

function writeHead(message: Message): string {
  let head = "";
  for (const field of message.headers) head += writeField(field);
  for (const field of message.contentHeaders) head += writeField(field);
  return `${head}\r\n`;
}

function writeField(field: HeaderField): string {
  if (!isWritable(field)) throw new Error(`The header field ${JSON.stringify(field.name)} cannot be written safely.`);
  return field.value === "" ? `${field.name}:\r\n` : `${field.name}: ${field.value}\r\n`;
}

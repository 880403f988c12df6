/**
 * Takes a finished mail apart into the fields and body of a Message (RFC 5322 §2.1), so that it can be signed as it is.
 * Line breaks become CRLF; field values stay as they were written. It does not decode anything: that is reading.
 */
import { isWritable, type HeaderField } from "../header.ts";
import { failed, ok, type Result } from "../result.ts";
import type { Message } from "./message.ts";

export type SplitProblem = "not-utf8" | "bad-field" | "no-fields";

/** Header bytes must be UTF-8 (ASCII, or RFC 6532); the body may be anything. */
export function splitMessage(bytes: Buffer): Result<Message, SplitProblem> {
  const wire = withCrlf(bytes);
  const gap = wire.indexOf("\r\n\r\n");
  const headEnd = gap === -1 ? wire.length : gap;
  const head = wire.subarray(0, headEnd);
  if (head.length === 0 || wire[0] === 0x0d) return failed("no-fields");
  const text = readUtf8(head);
  if (text === undefined) return failed("not-utf8");
  const fields = text
    .replace(/\r\n$/, "")
    .split(/\r\n(?![ \t])/)
    .map(splitField);
  if (!fields.every((field) => isWritable(field))) return failed("bad-field");
  return ok({
    headers: fields.filter((field) => !isContentField(field)),
    contentHeaders: fields.filter(isContentField),
    body: gap === -1 ? Buffer.alloc(0) : wire.subarray(gap + 4),
  });
}

function withCrlf(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  return /\r(?!\n)|(?<!\r)\n/.test(text) ? Buffer.from(text.replaceAll(/\r\n|\r|\n/g, "\r\n"), "latin1") : bytes;
}

function readUtf8(bytes: Buffer): string | undefined {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? text : undefined;
}

/** A line without a colon gets an empty name, which no field may have. */
function splitField(line: string): HeaderField {
  const colon = line.indexOf(":");
  return { name: line.slice(0, Math.max(colon, 0)), value: line.slice(colon + 1).replace(/^[ \t]/, "") };
}

function isContentField(field: HeaderField): boolean {
  return /^content-/i.test(field.name);
}

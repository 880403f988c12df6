/**
 * Takes a mail that was received apart into header and body, and reads single header fields (RFC 5322 §2.2), as far as an
 * answer to it needs. Folding is undone, encoded-words are left as they are: they can go into an answer unchanged.
 */

export interface Original {
  /** With the line end of its last field. */
  readonly header: Buffer;
  /** The first field of this name on one line, or null. */
  readonly field: (name: string) => string | null;
}

const HEADER_END = Buffer.from("\r\n\r\n");

export function readOriginal(bytes: Buffer): Original {
  const end = bytes.indexOf(HEADER_END);
  const header = end === -1 ? bytes : bytes.subarray(0, end + 2);
  const text = `\r\n${header.toString("utf8")}`;
  return { header, field: (name) => readField(text, name) };
}

/** The address in a field such as Reply-To: what stands in angle brackets, or the whole of it. */
export function readFieldAddress(value: string | null): string | null {
  if (value === null) return null;
  const address = (/<([^<>]*)>\s*$/.exec(value)?.[1] ?? value).trim();
  return /^[^\s<>@,;:"]+@[^\s<>@,;:"]+$/.test(address) ? address : null;
}

/** `text` starts with CRLF, so that every field does. */
function readField(text: string, name: string): string | null {
  const found = new RegExp(String.raw`\r\n${name}[ \t]*:((?:[^\r\n]|\r\n(?=[ \t]))*)`, "i").exec(text);
  return found?.[1] === undefined ? null : found[1].replaceAll("\r\n", "").trim();
}

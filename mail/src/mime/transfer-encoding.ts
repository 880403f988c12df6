/** Undoes the transfer encodings of MIME bodies (RFC 2045 §6). Lenient: what is no valid encoding is kept or left out, never an error. */

const EQUALS = 0x3d;
const LF = 0x0a;
const CR = 0x0d;

/** `encoding` as in Content-Transfer-Encoding; 7bit, 8bit, binary and whatever is unknown are the bytes themselves. */
export function decodeTransfer(body: Buffer, encoding: string): Buffer {
  switch (encoding.trim().toLowerCase()) {
    case "base64":
      return decodeBase64(body.toString("latin1"));
    case "quoted-printable":
      return decodeQuotedPrintable(body);
    default:
      return body;
  }
}

/** Characters outside the alphabet are skipped; text after padding is read on, because some encode line by line. */
export function decodeBase64(text: string): Buffer {
  const clean = text.replace(/[^A-Za-z0-9+/=]/g, "");
  if (!/=[^=]/.test(clean)) return Buffer.from(clean, "base64");
  return Buffer.concat(clean.split(/=+/).map((piece) => Buffer.from(piece, "base64")));
}

/** `=XX` and soft line breaks; an `=` that is neither stays as it is, blanks before a line end go. */
export function decodeQuotedPrintable(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length);
  let length = 0;
  let start = 0;
  for (let at = body.indexOf(EQUALS); at !== -1; at = body.indexOf(EQUALS, start)) {
    length += body.copy(out, length, start, at);
    const lineEnd = softBreakEnd(body, at + 1);
    const byte = hexAt(body, at + 1);
    if (lineEnd !== null) start = lineEnd;
    else if (byte === null) {
      out[length++] = EQUALS;
      start = at + 1;
    } else {
      out[length++] = byte;
      start = at + 3;
    }
  }
  length += body.copy(out, length, start);
  return out.subarray(0, length);
}

/** Where the next line begins, if nothing but blanks stands between `=` and the line end. */
function softBreakEnd(body: Buffer, from: number): number | null {
  let at = from;
  // Bounded, so that a body of `= = =` cannot make the reading slow.
  while (at < from + 80 && (body[at] === 0x20 || body[at] === 0x09)) at += 1;
  if (at === body.length) return at;
  if (body[at] === CR && body[at + 1] === LF) return at + 2;
  return body[at] === LF ? at + 1 : null;
}

function hexAt(body: Buffer, at: number): number | null {
  const high = hexDigit(body[at]);
  const low = hexDigit(body[at + 1]);
  return high === null || low === null ? null : high * 16 + low;
}

function hexDigit(byte: number | undefined): number | null {
  if (byte === undefined) return null;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : null;
}

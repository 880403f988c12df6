/**
 * Writes text as quoted-printable (RFC 2045 §6.7) that nothing on the way has a reason to touch: ASCII, CRLF, lines of at
 * most 76 characters, no blank at a line's end, no two blanks in a row, no tab, no line that begins with a dot or with
 * `From `. So SMTP needs no dot-stuffing, and DKIM's relaxed body is the body itself. It does not read.
 */

/** Room for the `=` of a soft line break in a line of 76. */
const LINE_MAX = 75;
const PLAIN_LINE = /^[!-<>-~]+(?: [!-<>-~]+)*$/;
const ANY_LINE_BREAK = /\r\n|\r|\n/;
const HEX = Array.from({ length: 256 }, (_, byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`);

const SPACE = 0x20;
const DOT = 0x2e;
const EQUALS = 0x3d;
const CAPITAL_F = 0x46;

/**
 * `text` in any line-break style → quoted-printable that begins at the start of a line and has a CRLF wherever the text
 * has a line break (none is added at the end). Lone surrogates become U+FFFD, as everywhere in UTF-8.
 */
export function writeQuotedPrintable(text: string): string {
  if (isPlainLine(text)) return text;
  return text.split(ANY_LINE_BREAK).map(writeLine).join("\r\n");
}

/** Most names and links need no encoding: told without a look at each byte. */
function isPlainLine(line: string): boolean {
  return line.length <= LINE_MAX && PLAIN_LINE.test(line) && !line.startsWith(".") && !line.startsWith("From ");
}

function writeLine(line: string): string {
  if (isPlainLine(line)) return line;
  const bytes = Buffer.from(line, "utf8");
  let out = "";
  let column = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    let written = writeByte(bytes, at, column);
    if (column + written.length > LINE_MAX) {
      out += "=\r\n";
      column = 0;
      // The line start has rules of its own, so what was fit for the old line may not be for the new one.
      written = writeByte(bytes, at, column);
    }
    out += written;
    column += written.length;
  }
  return out;
}

function writeByte(bytes: Buffer, at: number, column: number): string {
  const byte = bytes[at] ?? 0;
  return mayStandAsIs(bytes, at, column) ? String.fromCharCode(byte) : (HEX[byte] ?? "");
}

function mayStandAsIs(bytes: Buffer, at: number, column: number): boolean {
  const byte = bytes[at] ?? 0;
  if (byte === SPACE) return at + 1 < bytes.length && bytes[at - 1] !== SPACE;
  if (byte < SPACE || byte > 0x7e || byte === EQUALS) return false;
  if (column > 0) return true;
  // A mailbox file or an old relay takes `From ` at a line's start for the next message.
  return byte !== DOT && !(byte === CAPITAL_F && bytes.toString("latin1", at, at + 5) === "From ");
}

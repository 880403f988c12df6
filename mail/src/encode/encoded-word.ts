/**
 * Writes header text as a chain of encoded-words (RFC 2047 §2, §5), UTF-8, folded with CRLF and a space. No character is
 * cut in two, every word decodes on its own, and only letters and digits that are safe in a phrase stand unencoded.
 * It does not decide whether text needs encoding, and does not read.
 */

/** RFC 2047 §2: an encoded-word has at most 75 characters, a line that holds one at most 76. */
const LINE_MAX = 76;
const AROUND = "=?utf-8?Q??=".length;
const WORD_ROOM = 75 - AROUND;
const SAFE = /^[A-Za-z0-9!*+/-]$/;

/** `column` is where the value starts on its line, such as after `Subject: `; the result is never empty. */
export function writeEncodedWords(text: string, column: number): string {
  const points = Array.from(text, writePoint);
  const qLength = points.reduce((sum, point) => sum + point.q.length, 0);
  const bLength = points.reduce((sum, point) => sum + point.bytes.length, 0) * (4 / 3);
  // Somewhat longer is worth it: a Latin name in Q can still be read by eye.
  const method = qLength <= 1.5 * bLength ? Q : B;
  const words: string[] = [];
  let chunk: Point[] = [];
  let room = Math.min(WORD_ROOM, LINE_MAX - AROUND - column);
  for (const point of points) {
    if (chunk.length > 0 && method.length([...chunk, point]) > room) {
      words.push(method.write(chunk));
      chunk = [];
      room = WORD_ROOM;
    }
    chunk.push(point);
  }
  words.push(method.write(chunk));
  // Blanks between encoded-words vanish when they are read (RFC 2047 §6.2), so a fold adds nothing to the text.
  return words.join("\r\n ");
}

interface Point {
  readonly q: string;
  readonly bytes: Buffer;
}

interface Method {
  readonly length: (chunk: readonly Point[]) => number;
  readonly write: (chunk: readonly Point[]) => string;
}

const Q: Method = {
  length: (chunk) => chunk.reduce((sum, point) => sum + point.q.length, 0),
  write: (chunk) => `=?utf-8?Q?${chunk.map((point) => point.q).join("")}?=`,
};

const B: Method = {
  length: (chunk) => 4 * Math.ceil(chunk.reduce((sum, point) => sum + point.bytes.length, 0) / 3),
  write: (chunk) => `=?utf-8?B?${Buffer.concat(chunk.map((point) => point.bytes)).toString("base64")}?=`,
};

function writePoint(point: string): Point {
  const bytes = Buffer.from(point, "utf8");
  if (SAFE.test(point)) return { q: point, bytes };
  if (point === " ") return { q: "_", bytes };
  return { q: Array.from(bytes, (byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""), bytes };
}

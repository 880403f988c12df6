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
  const method = plainerMethod(points);
  const words: string[] = [];
  let word: Word = EMPTY;
  let room = Math.min(WORD_ROOM, LINE_MAX - AROUND - column);
  for (const point of points) {
    const longer = { text: word.text + point.text, q: word.q + point.q, octets: word.octets + point.octets };
    if (word !== EMPTY && contentLength(method, longer) > room) {
      words.push(writeWord(method, word));
      word = point;
      room = WORD_ROOM;
    } else word = longer;
  }
  words.push(writeWord(method, word));
  // Blanks between encoded-words vanish when they are read (RFC 2047 §6.2), so a fold adds nothing to the text.
  return words.join("\r\n ");
}

/** One character, or what has been gathered for one encoded-word. */
interface Word {
  readonly text: string;
  /** As Q writes it. */
  readonly q: string;
  /** In UTF-8. */
  readonly octets: number;
}

type Method = "Q" | "B";

const EMPTY: Word = { text: "", q: "", octets: 0 };

function writePoint(point: string): Word {
  if (SAFE.test(point)) return { text: point, q: point, octets: 1 };
  if (point === " ") return { text: point, q: "_", octets: 1 };
  const bytes = Buffer.from(point, "utf8");
  const q = Array.from(bytes, (byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
  return { text: point, q, octets: bytes.length };
}

/** Somewhat longer is worth it: a Latin name in Q can still be read by eye. */
function plainerMethod(points: readonly Word[]): Method {
  const qLength = points.reduce((sum, point) => sum + point.q.length, 0);
  const octets = points.reduce((sum, point) => sum + point.octets, 0);
  return qLength <= 2 * octets ? "Q" : "B";
}

function contentLength(method: Method, word: Word): number {
  return method === "Q" ? word.q.length : 4 * Math.ceil(word.octets / 3);
}

function writeWord(method: Method, word: Word): string {
  const content = method === "Q" ? word.q : Buffer.from(word.text, "utf8").toString("base64");
  return `=?utf-8?${method}?${content}?=`;
}

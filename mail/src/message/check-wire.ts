/**
 * The last look at the bytes before they are sent (RFC 5321 §2.3.8, §4.5.2, §4.5.3.1.6): nothing in them that two servers
 * could read differently, which is what SMTP smuggling lives on. It mends nothing and looks only at line structure.
 */
import { failed, ok, type Result } from "../result.ts";

export type WireProblem = "bare-cr" | "bare-lf" | "nul" | "long-line" | "leading-dot" | "no-final-crlf";

/** Without its CRLF (RFC 5322 §2.1.1). */
const LINE_MAX_OCTETS = 998;
const NUL = 0;
const LF = 10;
const CR = 13;
const DOT = 0x2e;
const WORD_BYTES = 4;

/** Ok with the number of lines, or the first thing that must not be sent. */
export function checkWire(bytes: Buffer): Result<number, WireProblem> {
  const words = wordsOf(bytes);
  let lines = 0;
  let start = 0;
  for (let at = nextControl(bytes, words, 0); at < bytes.length; at = nextControl(bytes, words, at)) {
    const byte = bytes[at];
    if (byte === NUL) return failed("nul");
    if (byte === LF) return failed("bare-lf");
    if (byte !== CR) {
      at += 1;
      continue;
    }
    if (bytes[at + 1] !== LF) return failed("bare-cr");
    if (bytes[start] === DOT) return failed("leading-dot");
    if (at - start > LINE_MAX_OCTETS) return failed("long-line");
    lines += 1;
    at += 2;
    start = at;
  }
  return lines > 0 && start === bytes.length ? ok(lines) : failed("no-final-crlf");
}

/** Where the next byte up to CR stands, from `at` on; the length where there is none. Every mail passes here, so it goes by words where it can. */
function nextControl(bytes: Buffer, { words, offset }: Words, at: number): number {
  let index = at;
  while (index < bytes.length) {
    const isWordStart = (index - offset) % WORD_BYTES === 0 && index >= offset;
    if (isWordStart) index = offset + WORD_BYTES * nextWord(words, (index - offset) / WORD_BYTES);
    if (index < bytes.length && (bytes[index] ?? 0) <= CR) return index;
    index += 1;
  }
  return bytes.length;
}

/** The next word with a byte up to CR in it. A byte above 127 does not count as one: its own top bit is masked. */
function nextWord(words: Int32Array, from: number): number {
  let index = from;
  for (; index < words.length; index += 1) {
    const word = words[index] ?? 0;
    if (((word - 0x0e0e0e0e) & ~word & 0x80808080) !== 0) break;
  }
  return index;
}

interface Words {
  readonly words: Int32Array;
  /** Where in the bytes the first word begins: memory is read in words only from every fourth address. */
  readonly offset: number;
}

function wordsOf(bytes: Buffer): Words {
  const offset = Math.min((WORD_BYTES - (bytes.byteOffset % WORD_BYTES)) % WORD_BYTES, bytes.length);
  const count = (bytes.length - offset) >> 2;
  return { words: new Int32Array(bytes.buffer, bytes.byteOffset + offset, count), offset };
}

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
  const lines = new LineCheck(bytes);
  // Four bytes at a time, for every mail passes here: only a word with a byte up to CR in it needs a closer look.
  const headBytes = Math.min((WORD_BYTES - (bytes.byteOffset % WORD_BYTES)) % WORD_BYTES, bytes.length);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + headBytes, (bytes.length - headBytes) >> 2);
  lines.lookAt(0, headBytes);
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? 0;
    if (((word - 0x0e0e0e0e) & ~word & 0x80808080) === 0) continue;
    const start = headBytes + index * WORD_BYTES;
    lines.lookAt(start, start + WORD_BYTES);
    if (lines.problem) return failed(lines.problem);
  }
  lines.lookAt(headBytes + words.length * WORD_BYTES, bytes.length);
  return lines.end();
}

class LineCheck {
  problem: WireProblem | null = null;
  readonly #bytes: Buffer;
  #lines = 0;
  #lineStart = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Every byte that could end a line or must not occur has to be looked at, in order; others may be. */
  lookAt(start: number, end: number): void {
    for (let at = start; at < end && this.problem === null; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte > CR) continue;
      if (byte === NUL) this.problem = "nul";
      else if (byte === CR) this.problem = this.#bytes[at + 1] === LF ? null : "bare-cr";
      else if (byte === LF) this.#endLine(at);
    }
  }

  end(): Result<number, WireProblem> {
    if (this.problem) return failed(this.problem);
    return this.#lines > 0 && this.#lineStart === this.#bytes.length ? ok(this.#lines) : failed("no-final-crlf");
  }

  #endLine(lf: number): void {
    const start = this.#lineStart;
    if (lf === start || this.#bytes[lf - 1] !== CR) this.problem = "bare-lf";
    else if (this.#bytes[start] === DOT) this.problem = "leading-dot";
    else if (lf - 1 - start > LINE_MAX_OCTETS) this.problem = "long-line";
    this.#lines += 1;
    this.#lineStart = lf + 1;
  }
}

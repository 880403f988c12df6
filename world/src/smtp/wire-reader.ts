/**
 * Cuts the byte stream of a client into command lines and mails (RFC 5321 §2.3.8, §4.5.2). Only CRLF.CRLF ends a mail;
 * dots are unstuffed. What is too long is read past without being kept. It does not know what a command means.
 */

export type Line = { readonly kind: "line"; readonly text: string } | { readonly kind: "too-long" };
export type Body = { readonly kind: "body"; readonly bytes: Buffer } | { readonly kind: "too-big" };

/** RFC 5321 §4.5.3.1.4 gives 512 octets; extensions add to that. */
const LINE_MAX_BYTES = 4096;
const CRLF = Buffer.from("\r\n");
const END = Buffer.from("\r\n.\r\n");
const STUFFED = Buffer.from("\r\n.");
const DOT = 0x2e;
const NOTHING = Buffer.alloc(0);

export class WireReader {
  readonly #bodyMaxBytes: number;
  #unread: Buffer = NOTHING;
  #isOverlong = false;
  /** Where to go on looking for the end of a mail. */
  #searched = 0;

  constructor(bodyMaxBytes: number) {
    this.#bodyMaxBytes = bodyMaxBytes;
  }

  push(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
  }

  /** The next whole line, or undefined until more bytes come. */
  readLine(): Line | undefined {
    const end = this.#unread.indexOf(CRLF);
    if (end === -1) {
      if (this.#unread.length > LINE_MAX_BYTES) this.#skipTo(this.#unread.length - 1);
      return undefined;
    }
    const line = this.#unread.subarray(0, end);
    const isTooLong = this.#isOverlong || line.length > LINE_MAX_BYTES;
    this.#cut(end + CRLF.length);
    return isTooLong ? { kind: "too-long" } : { kind: "line", text: line.toString("utf8") };
  }

  /** The mail after DATA, without its final dot, or undefined until all of it has come. */
  readBody(): Body | undefined {
    // A mail without a single line: the CRLF before the dot is the one that ended DATA.
    const isAtStart = this.#searched === 0 && !this.#isOverlong;
    const isEmpty = isAtStart && this.#unread.subarray(0, 3).equals(END.subarray(2));
    const end = isEmpty ? -CRLF.length : this.#unread.indexOf(END, this.#searched);
    if (end === -1) {
      if (this.#unread.length > this.#bodyMaxBytes) this.#skipTo(this.#unread.length - END.length);
      else this.#searched = Math.max(0, this.#unread.length - END.length);
      return undefined;
    }
    const bytes = this.#unread.subarray(0, end + CRLF.length);
    const isTooBig = this.#isOverlong || bytes.length > this.#bodyMaxBytes;
    this.#cut(end + END.length);
    return isTooBig ? { kind: "too-big" } : { kind: "body", bytes: unstuff(bytes) };
  }

  /** What came in clear before a TLS handshake must not be read after it (CVE-2011-0411). */
  discard(): void {
    this.#cut(this.#unread.length);
  }

  #skipTo(offset: number): void {
    this.#isOverlong = true;
    this.#unread = Buffer.from(this.#unread.subarray(offset));
    this.#searched = 0;
  }

  #cut(offset: number): void {
    this.#unread = this.#unread.subarray(offset);
    this.#isOverlong = false;
    this.#searched = 0;
  }
}

/** A copy, so that a mail that is kept does not hold on to the chunk it came in. */
function unstuff(bytes: Buffer): Buffer {
  if (bytes[0] !== DOT && !bytes.includes(STUFFED)) return Buffer.from(bytes);
  return Buffer.from(bytes.toString("latin1").replaceAll(/(?<=^|\r\n)\./g, ""), "latin1");
}

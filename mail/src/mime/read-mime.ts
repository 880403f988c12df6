/**
 * Reads a mail into its tree of parts (RFC 2045, RFC 2046 §5), as it really arrives: with missing header ends, broken or
 * unclosed boundaries, any line ends, a mailbox line on top. One pass, bounded by limits, synchronous; never throws. It
 * decodes a part only when asked, judges nothing, and fetches nothing.
 */
import { failed, ok, type Result } from "../result.ts";
import { decodeCharset } from "./charset.ts";
import { type ContentType, readContentType } from "./content-type.ts";
import { Headers, type RawField } from "./headers.ts";
import { decodeTransfer } from "./transfer-encoding.ts";

export interface MimePart {
  readonly headers: Headers;
  readonly contentType: ContentType;
  /** Still in its transfer encoding; of a multipart, all between its header and its end. A view, not a copy. */
  readonly body: Buffer;
  /** Parts of a multipart; of an enclosed message, that message as the only one. */
  readonly children: readonly MimePart[];
}

export interface MimeLimits {
  readonly sizeBytes: number;
  readonly depth: number;
  readonly parts: number;
  /** Of any one header block. */
  readonly headerBytes: number;
}

export type MimeProblem = "too-large" | "too-deep" | "too-many-parts" | "header-too-large";

export const defaultMimeLimits: MimeLimits = {
  sizeBytes: 64 * 1024 * 1024,
  depth: 50,
  parts: 500,
  headerBytes: 256 * 1024,
};

export function readMime(bytes: Buffer, limits: MimeLimits = defaultMimeLimits): Result<MimePart, MimeProblem> {
  if (bytes.length > limits.sizeBytes) return failed("too-large");
  const reader = new MimeReader(limits, { parts: 0 });
  try {
    return ok(reader.readWhole(withLineFeeds(bytes), 0));
  } catch (error) {
    if (error instanceof LimitReached) return failed(error.problem);
    throw error;
  }
}

/** The bytes that the part stands for. */
export function partBytes(part: MimePart): Buffer {
  return decodeTransfer(part.body, part.headers.first("Content-Transfer-Encoding") ?? "");
}

/** The part as text, line ends as `\n`. */
export function partText(part: MimePart): string {
  return decodeCharset(partBytes(part), part.contentType.parameters.get("charset") ?? "").replaceAll(/\r\n?/g, "\n");
}

/** The part and all below it, outermost first; `into` says of which parts the inside is wanted. */
export function* walkParts(part: MimePart, into: (part: MimePart) => boolean = () => true): Generator<MimePart> {
  yield part;
  if (!into(part)) return;
  for (const child of part.children) yield* walkParts(child, into);
}

export function isEnclosedMessage(part: MimePart): boolean {
  return ENCLOSED.test(part.contentType.type);
}

const ENCLOSED = /^message\/(?:rfc822|global|news)$|^text\/rfc822$/;
const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const DASH = 0x2d;
/** RFC 5322 §2.2 allows more in a name; what begins with a bracket or a dash is text. */
const FIELD_START = /^([A-Za-z0-9_][!-9;-~]{0,199})[ \t]{0,20}:/;
const NOTHING = Buffer.alloc(0);
/** RFC 2046 §5.1.1 allows 70 characters; some write more. */
const LONGEST_DELIMITER = 2100;
/** No line can be this. */
const NO_BOUNDARY = "\n";

/** Carries a reached limit out of the depth of the reading; never leaves this file. */
class LimitReached extends Error {
  readonly problem: MimeProblem;
  constructor(problem: MimeProblem) {
    super(problem);
    this.problem = problem;
  }
}

/** A line that begins with one of the open boundaries. */
interface Delimiter {
  readonly at: number;
  /** Where the next line begins. */
  readonly next: number;
  /** Index into the open boundaries. */
  readonly level: number;
  readonly isClosing: boolean;
}

interface Reading {
  readonly part: MimePart;
  /** The delimiter that ended the part; null at the end of all bytes. */
  readonly stop: Delimiter | null;
}

class MimeReader {
  readonly #limits: MimeLimits;
  /** Shared with the readers of encoded messages inside. */
  readonly #seen: { parts: number };
  /** Boundaries of the multiparts that are being read, the outermost first. */
  readonly #open: string[] = [];
  #bytes: Buffer = NOTHING;
  #depth = 0;

  constructor(limits: MimeLimits, seen: { parts: number }) {
    this.#limits = limits;
    this.#seen = seen;
  }

  readWhole(bytes: Buffer, depth: number): MimePart {
    this.#bytes = bytes;
    this.#depth = depth;
    return this.#readPart(afterMailboxLine(bytes), "text/plain").part;
  }

  #readPart(start: number, typeWhereNone: string): Reading {
    this.#seen.parts += 1;
    if (this.#seen.parts > this.#limits.parts) throw new LimitReached("too-many-parts");
    if (this.#depth > this.#limits.depth) throw new LimitReached("too-deep");
    const { fields, bodyStart, stop } = this.#readHeader(start);
    const headers = new Headers(fields);
    const contentType = readContentType(headers.first("Content-Type") ?? typeWhereNone);
    if (stop) return { part: { headers, contentType, body: NOTHING, children: [] }, stop };
    const shell = { headers, contentType };
    if (contentType.type.startsWith("multipart/")) return this.#readMultipart(shell, bodyStart);
    if (isEnclosedMessage({ ...shell, body: NOTHING, children: [] })) return this.#readEnclosed(shell, bodyStart);
    const end = this.#nextDelimiter(bodyStart);
    return { part: { ...shell, body: this.#slice(bodyStart, end), children: [] }, stop: end };
  }

  #readMultipart(shell: Pick<MimePart, "headers" | "contentType">, bodyStart: number): Reading {
    const boundary = shell.contentType.parameters.get("boundary")?.trimEnd() || this.#guessBoundary(bodyStart);
    const level = this.#open.push(boundary === "" ? NO_BOUNDARY : boundary) - 1;
    this.#depth += 1;
    const typeWhereNone = shell.contentType.type === "multipart/digest" ? "message/rfc822" : "text/plain";
    const children: MimePart[] = [];
    let stop = this.#nextDelimiter(bodyStart);
    while (stop && stop.level === level && !stop.isClosing) {
      const reading: Reading = this.#readPart(stop.next, typeWhereNone);
      children.push(reading.part);
      stop = reading.stop;
    }
    this.#depth -= 1;
    this.#open.length = level;
    // What follows the closing delimiter belongs to nobody.
    if (stop?.level === level) stop = this.#nextDelimiter(stop.next);
    return { part: { ...shell, body: this.#slice(bodyStart, stop), children }, stop };
  }

  #readEnclosed(shell: Pick<MimePart, "headers" | "contentType">, bodyStart: number): Reading {
    const encoding = shell.headers.first("Content-Transfer-Encoding")?.toLowerCase() ?? "";
    this.#depth += 1;
    // RFC 2046 §5.2.1 forbids it, and it is done.
    if (encoding === "base64" || encoding === "quoted-printable") {
      const stop = this.#nextDelimiter(bodyStart);
      const body = this.#slice(bodyStart, stop);
      const inner = new MimeReader(this.#limits, this.#seen);
      const child = inner.readWhole(withLineFeeds(decodeTransfer(body, encoding)), this.#depth);
      this.#depth -= 1;
      return { part: { ...shell, body, children: [child] }, stop };
    }
    const { part: child, stop } = this.#readPart(skipBlankLines(this.#bytes, bodyStart), "text/plain");
    this.#depth -= 1;
    return { part: { ...shell, body: this.#slice(bodyStart, stop), children: [child] }, stop };
  }

  /** Fields up to the empty line, or to the first line that can be no field: there the body begins. */
  #readHeader(start: number): { readonly fields: RawField[]; readonly bodyStart: number; readonly stop?: Delimiter } {
    const fields: RawField[] = [];
    let at = start;
    let field: { name: string; from: number; to: number } | null = null;
    const close = (): void => {
      if (field) fields.push({ name: field.name, value: this.#headerText(field.from, field.to) });
      field = null;
    };
    while (at < this.#bytes.length) {
      if (at - start > this.#limits.headerBytes) throw new LimitReached("header-too-large");
      const next = nextLine(this.#bytes, at);
      const stop = this.#delimiterAt(at);
      if (stop) return (close(), { fields, bodyStart: at, stop });
      const end = lineEnd(this.#bytes, at, next);
      const first = this.#bytes[at];
      if (end === at) return (close(), { fields, bodyStart: next });
      const match = FIELD_START.exec(this.#bytes.toString("latin1", at, Math.min(end, at + 240)));
      if (field && (first === SPACE || first === TAB)) field.to = end;
      else if (match) {
        close();
        field = { name: match[1] ?? "", from: at + match[0].length, to: end };
      } else if (!this.#isFieldAt(next) || (fields.length === 0 && !field)) return (close(), { fields, bodyStart: at });
      at = next;
    }
    if (at - start > this.#limits.headerBytes) throw new LimitReached("header-too-large");
    close();
    return { fields, bodyStart: this.#bytes.length };
  }

  /** One stray line amid the fields is passed over, so that a careless relay does not hide the rest of the header. */
  #isFieldAt(at: number): boolean {
    return FIELD_START.test(this.#bytes.toString("latin1", at, at + 240));
  }

  #headerText(from: number, to: number): string {
    return decodeCharset(this.#bytes.subarray(from, to), "").trim();
  }

  #nextDelimiter(from: number): Delimiter | null {
    if (this.#open.length === 0) return null;
    let at = from;
    while (at < this.#bytes.length) {
      const found = this.#delimiterAt(at);
      if (found) return found;
      const lineFeed = this.#bytes.indexOf("\n--", at, "latin1");
      if (lineFeed === -1) return null;
      at = lineFeed + 1;
    }
    return null;
  }

  #delimiterAt(at: number): Delimiter | null {
    if (this.#bytes[at] !== DASH || this.#bytes[at + 1] !== DASH || this.#open.length === 0) return null;
    const next = nextLine(this.#bytes, at);
    const line = this.#bytes.toString("latin1", at + 2, Math.min(next, at + LONGEST_DELIMITER)).trimEnd();
    const level = this.#open.lastIndexOf(line);
    if (level !== -1) return { at, next, level, isClosing: false };
    const closed = line.endsWith("--") ? this.#open.lastIndexOf(line.slice(0, -2)) : -1;
    return closed === -1 ? null : { at, next, level: closed, isClosing: true };
  }

  /** A multipart that does not name its boundary: the first line that looks like one. */
  #guessBoundary(from: number): string {
    const head = this.#bytes.toString("latin1", from, from + 4096);
    return /(?:^|\n)--([^\s-][^\r\n]{4,70}?)[ \t]*\r?\n/.exec(head)?.[1] ?? "";
  }

  /** The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1). */
  #slice(from: number, stop: Delimiter | null): Buffer {
    if (!stop) return this.#bytes.subarray(from);
    let end = stop.at;
    if (end > from && this.#bytes[end - 1] === LF) end -= 1;
    if (end > from && this.#bytes[end - 1] === CR) end -= 1;
    return this.#bytes.subarray(from, Math.max(from, end));
  }
}

/** A mail whose lines end in CR alone is read as if they ended in LF. */
function withLineFeeds(bytes: Buffer): Buffer {
  if (bytes.includes(LF) || !bytes.includes(CR)) return bytes;
  const copy = Buffer.from(bytes);
  for (let at = copy.indexOf(CR); at !== -1; at = copy.indexOf(CR, at + 1)) copy[at] = LF;
  return copy;
}

/** Empty lines on top, and the `From ` line of a mailbox file (also `>From `). */
function afterMailboxLine(bytes: Buffer): number {
  const start = skipBlankLines(bytes, 0);
  return /^>?From (?!:)/.test(bytes.toString("latin1", start, start + 8)) ? nextLine(bytes, start) : start;
}

/** Lines of nothing but blanks. */
function skipBlankLines(bytes: Buffer, from: number): number {
  let start = from;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === LF) start = at + 1;
    else if (byte !== CR && byte !== SPACE && byte !== TAB) break;
  }
  return start;
}

function nextLine(bytes: Buffer, at: number): number {
  const end = bytes.indexOf(LF, at);
  return end === -1 ? bytes.length : end + 1;
}

/** Where the text of the line that starts at `at` ends, before CR LF or LF. */
function lineEnd(bytes: Buffer, at: number, next: number): number {
  let end = next;
  if (end > at && bytes[end - 1] === LF) end -= 1;
  if (end > at && bytes[end - 1] === CR) end -= 1;
  return end;
}

/**
 * Reads SMTP replies (RFC 5321 §4.2, enhanced codes RFC 2034 and RFC 3463 §2) from bytes as they arrive, and keeps the
 * remote's own words. It promises bounded memory and never throws, whatever a hostile server sends. It does not judge
 * whether a reply fits the command before it: session.ts and transaction.ts do.
 */
import { isAscii, isUtf8 } from "node:buffer";

export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** Such as `5.1.1`, as the remote wrote it before its first words; null where it wrote none. */
  readonly enhanced: string | null;
  /** What stood behind the code on each line. Control characters, NUL among them, are replaced by U+FFFD. */
  readonly lines: readonly string[];
  /** The lines, joined by `\n`. */
  readonly text: string;
}

/** Where in the conversation something was said or went wrong. A TLS handshake is always `starttls`, also on port 465. */
export type SmtpStep =
  | "connect"
  | "greeting"
  | "ehlo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "quit";

/** What the other side said at one step, or, with `code` null, what we have to say about it ourselves. */
export interface RemoteWord {
  readonly step: SmtpStep;
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly text: string;
  readonly temporary: boolean;
}

export type ReplyFaultKind = "line-too-long" | "too-many-lines" | "reply-too-long" | "not-a-reply" | "code-changes";

/** Why the bytes are no reply; `excerpt` is the start of the line that gave it away. */
export interface ReplyFault {
  readonly kind: ReplyFaultKind;
  readonly excerpt: string;
}

/** Octets of one line, its end included. RFC 5321 §4.5.3.1.5 says 512; real servers say more than that. */
const LINE_MAX_BYTES = 4096;
const REPLY_MAX_LINES = 100;
const REPLY_MAX_BYTES = 64 * 1024;
const EXCERPT_MAX_BYTES = 80;

const LF = 0x0a;
const CR = 0x0d;
const REPLY_LINE = /^([2-5]\d\d)(?:([ -])([^]*))?$/;
const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}(?=\s|$)/;
const CONTROLS = /[\0-\x08\x0a-\x1f\x7f-\x9f]/g;
const NOTHING = Buffer.alloc(0);

/** One per connection, and a new one after STARTTLS. Once it has found a fault it reads no further. */
export class ReplyReader {
  #partialLine = NOTHING;
  #lines: string[] = [];
  #code = 0;
  #replyBytes = 0;
  #fault: ReplyFault | null = null;

  /** The replies completed by this chunk, in order, and the fault that ended the reading, if one did. */
  read(chunk: Buffer): { readonly replies: readonly Reply[]; readonly fault: ReplyFault | null } {
    const replies: Reply[] = [];
    const bytes = this.#partialLine.length === 0 ? chunk : Buffer.concat([this.#partialLine, chunk]);
    let start = 0;
    while (this.#fault === null) {
      const end = bytes.indexOf(LF, start);
      if (end === -1) break;
      const reply = this.#readLine(bytes.subarray(start, end + 1));
      if (reply) replies.push(reply);
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
    return { replies, fault: this.#fault };
  }

  /** Has a reply begun that is not complete yet? */
  get isMidReply(): boolean {
    return this.#partialLine.length > 0 || this.#lines.length > 0;
  }

  #readLine(line: Buffer): Reply | undefined {
    this.#replyBytes += line.length;
    if (line.length > LINE_MAX_BYTES) return this.#fail("line-too-long", line);
    if (this.#replyBytes > REPLY_MAX_BYTES) return this.#fail("reply-too-long", line);
    const match = REPLY_LINE.exec(readText(withoutLineEnd(line)));
    if (!match) return this.#fail("not-a-reply", line);
    const [, digits, separator = " ", text = ""] = match;
    const code = Number(digits);
    if (this.#lines.length > 0 && code !== this.#code) return this.#fail("code-changes", line);
    this.#code = code;
    this.#lines.push(text);
    if (separator === " ") return this.#complete();
    return this.#lines.length < REPLY_MAX_LINES ? undefined : this.#fail("too-many-lines", line);
  }

  #complete(): Reply {
    const lines = this.#lines;
    this.#lines = [];
    this.#replyBytes = 0;
    return { code: this.#code, enhanced: ENHANCED.exec(lines[0] ?? "")?.[0] ?? null, lines, text: lines.join("\n") };
  }

  #fail(kind: ReplyFaultKind, line: Buffer): undefined {
    this.#fault = { kind, excerpt: readText(withoutLineEnd(line.subarray(0, EXCERPT_MAX_BYTES))) };
  }

  #keep(rest: Buffer): void {
    if (this.#fault === null && rest.length >= LINE_MAX_BYTES) this.#fail("line-too-long", rest);
    // A copy, so that a few bytes do not hold on to the whole chunk they came in.
    this.#partialLine = this.#fault === null && rest.length > 0 ? Buffer.from(rest) : NOTHING;
  }
}

/** The word for a reply: temporary when the server said so (4xx). */
export function wordOf(step: SmtpStep, reply: Reply): RemoteWord {
  return { step, code: reply.code, enhanced: reply.enhanced, text: reply.text, temporary: isTemporary(reply) };
}

/** The word for trouble that no server put into words: silence, a lost connection, nonsense. Always temporary. */
export function ownWord(step: SmtpStep, text: string): RemoteWord {
  return { step, code: null, enhanced: null, text, temporary: true };
}

/** 2xx: done. */
export function isPositive(reply: Reply): boolean {
  return reply.code < 300;
}

/** 3xx: go on. */
export function isIntermediate(reply: Reply): boolean {
  return reply.code >= 300 && reply.code < 400;
}

/** 4xx or 5xx: not done. */
export function isRefusal(reply: Reply): boolean {
  return reply.code >= 400;
}

function isTemporary(reply: Reply): boolean {
  return reply.code >= 400 && reply.code < 500;
}

/** One sentence for the person who reads the timeline of a message. */
export function explainReplyFault(fault: ReplyFault): string {
  return `${FAULT_SENTENCES[fault.kind]}: “${fault.excerpt}”`;
}

const FAULT_SENTENCES: Readonly<Record<ReplyFaultKind, string>> = {
  "line-too-long": `The server sent a line of more than ${LINE_MAX_BYTES} bytes`,
  "too-many-lines": `The server sent a reply of more than ${REPLY_MAX_LINES} lines`,
  "reply-too-long": `The server sent a reply of more than ${REPLY_MAX_BYTES} bytes`,
  "not-a-reply": "The server sent something that is no SMTP reply",
  "code-changes": "The server changed the code in the middle of a reply",
};

function withoutLineEnd(line: Buffer): Buffer {
  const end = line.at(-1) === LF ? line.length - 1 : line.length;
  return line.subarray(0, end > 0 && line[end - 1] === CR ? end - 1 : end);
}

/** UTF-8 where it is that, else byte for byte as Latin-1, so that an old server's words stay readable. */
function readText(bytes: Buffer): string {
  const text = isAscii(bytes) || !isUtf8(bytes) ? bytes.toString("latin1") : bytes.toString("utf8");
  return text.replace(CONTROLS, "\u{fffd}");
}

/**
 * The wire below an SMTP session: a TCP socket, TLS on top when asked, replies coming out one by one. It promises that
 * every wait ends (a reply, a loss, a deadline) and that nothing received before TLS survives into it (RFC 3207 §6). It
 * knows no SMTP commands but the QUIT of an idle farewell; smtp-connection.smtp.ts holds the conversation.
 */
import type { X509Certificate } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectTls, TLSSocket, type ConnectionOptions as TlsConnectionOptions } from "node:tls";
import type { Result } from "@roundtrip/mail/result";
import { explainReplyFault, ReplyReader, type Reply } from "@roundtrip/mail/smtp/reply";

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  /** Our own address to send from; the system chooses when it is missing. */
  readonly localAddress?: string | undefined;
  /** How exact deadlines are: they are looked at this often, so that none of them costs a timer of its own. */
  readonly checkEveryMs: number;
}

export type Heard =
  | { readonly kind: "reply"; readonly reply: Reply; readonly hasMoreBehind: boolean }
  | { readonly kind: "lost"; readonly text: string };

export interface Ends {
  readonly address: string | null;
  readonly localAddress: string | null;
}

export interface TlsFacts {
  /** Such as `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  readonly certificate: "verified" | "unverified";
  /** Why it is unverified, in OpenSSL's or Node's word, such as `DEPTH_ZERO_SELF_SIGNED_CERT`; or what else vouches for it. */
  readonly reason?: string;
}

/** Decides on a server's certificate in place of the authorities: what vouches for it, or why it cannot be trusted. */
export type JudgePeer = (certificate: X509Certificate) => Result<string>;

/**
 * What is read in clear lands here, whichever wire it belongs to: it is read out at once, and replies are short. Without
 * it every few bytes would come in 64 KB of their own. TLS has no such way.
 */
const READ_BUFFER = Buffer.alloc(64 * 1024);

/** So many replies nobody asked for are no accident. */
const UNREAD_MAX = 16;

export class Wire {
  #socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #replies: Reply[] = [];
  #lostText: string | null = null;
  #wake: (() => void) | null = null;
  #deadlineAt = Infinity;
  #waitedMs = 0;
  #vouchedBy: string | null = null;
  readonly #checker: NodeJS.Timeout;

  /** Starts to connect; `opened` tells how that went. */
  constructor(options: WireOptions) {
    const { host, port, localAddress } = options;
    const from = localAddress === undefined ? {} : { localAddress };
    this.#socket = connect({
      host,
      port,
      noDelay: true,
      ...from,
      onread: { buffer: READ_BUFFER, callback: this.#onRead },
    });
    this.#watch(this.#socket);
    this.#checker = setInterval(() => this.#check(), options.checkEveryMs);
  }

  /** Null once the connection stands, else why it does not. */
  async opened(timeoutMs: number): Promise<string | null> {
    this.#socket.once("connect", () => this.#stir());
    if (this.#lostText === null) await this.#wait(timeoutMs);
    return this.#lostText;
  }

  /** Null once TLS stands, else why it does not. The wire is lost then. */
  async secured(options: TlsConnectionOptions, timeoutMs: number, judge?: JudgePeer): Promise<string | null> {
    // Refused rather than dropped: with nothing unread here, nothing said in clear can count as said inside TLS.
    if (this.hasUnread) this.#lose("The server sent clear text where TLS was to begin");
    if (this.#lostText !== null) return this.#lostText;
    const secure = connectTls({ ...options, socket: this.#socket });
    this.#socket = secure;
    this.#watch(secure);
    secure.on("data", this.#onData);
    secure.once("secureConnect", () => this.#stir());
    await this.#wait(timeoutMs);
    if (judge && this.#lostText === null) this.#judge(secure, judge);
    const { lostText } = this;
    return lostText === null ? null : `TLS failed: ${lostText}`;
  }

  /** The next reply, or why there will be none. Replies that arrived before a loss are heard before it. */
  async hear(timeoutMs: number): Promise<Heard> {
    const heard = this.heard();
    if (heard) return heard;
    await this.#wait(timeoutMs);
    return this.heard() ?? { kind: "lost", text: "The wait ended without a reply" };
  }

  /** The same, where nothing has to be waited for; null where it has. */
  heard(): Heard | null {
    const reply = this.#replies.shift();
    if (reply) return { kind: "reply", reply, hasMoreBehind: this.hasUnread };
    return this.#lostText === null ? null : { kind: "lost", text: this.#lostText };
  }

  /** Text for commands, bytes for mail. */
  write(piece: string | Buffer): void {
    if (piece.length > 0 && this.#lostText === null) this.#socket.write(piece);
  }

  /** Nothing is expected for now: after `timeoutMs` without a new wait the wire says QUIT and closes. */
  rest(timeoutMs: number): void {
    this.#deadlineAt = performance.now() + timeoutMs;
  }

  destroy(): void {
    this.#lose("We closed the connection");
  }

  get lostText(): string | null {
    return this.#lostText;
  }

  /** Has anything arrived that nobody has heard yet? */
  get hasUnread(): boolean {
    return this.#replies.length > 0 || this.#reader.isMidReply;
  }

  /** Are there bytes of ours that the system has not taken yet? */
  get hasUnsent(): boolean {
    return this.#socket.writableLength > 0;
  }

  get ends(): Ends {
    return { address: this.#socket.remoteAddress ?? null, localAddress: this.#socket.localAddress ?? null };
  }

  /** Null while the connection is in clear. */
  get tlsFacts(): TlsFacts | null {
    return this.#socket instanceof TLSSocket ? readTlsFacts(this.#socket, this.#vouchedBy) : null;
  }

  readonly #onRead = (length: number, buffer: Uint8Array): boolean => {
    this.#onData(Buffer.from(buffer.buffer, buffer.byteOffset, length));
    return true;
  };

  readonly #onData = (chunk: Buffer): void => {
    const { replies, fault } = this.#reader.read(chunk);
    this.#replies.push(...replies);
    if (fault) return this.#lose(explainReplyFault(fault));
    if (this.#wake === null && this.#replies.length > UNREAD_MAX)
      return this.#lose("The server talks without being asked");
    if (this.#replies.length > 0) this.#stir();
  };

  #judge(socket: TLSSocket, judge: JudgePeer): void {
    const certificate = socket.getPeerX509Certificate();
    const verdict = certificate ? judge(certificate) : null;
    if (!verdict?.ok) return this.#lose(verdict?.error ?? "The server showed no certificate");
    this.#vouchedBy = verdict.value;
  }

  #watch(socket: Socket): void {
    socket.on("error", (error) => this.#lose(explainSocketError(error)));
    socket.on("end", () => this.#lose("The server closed the connection"));
    socket.on("close", () => this.#lose("The connection was closed"));
  }

  #lose(text: string): void {
    if (this.#lostText !== null) return;
    this.#part(text);
    this.#socket.destroy();
    this.#stir();
  }

  #part(text: string): void {
    this.#lostText = text;
    clearInterval(this.#checker);
  }

  #wait(timeoutMs: number): Promise<void> {
    this.#waitedMs = timeoutMs;
    this.#deadlineAt = performance.now() + timeoutMs;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #stir(): void {
    const wake = this.#wake;
    if (wake === null) return;
    this.#wake = null;
    this.#deadlineAt = Infinity;
    wake();
  }

  #check(): void {
    // A turn later: after a pause of the whole process the reply may be waiting in the socket, not yet read.
    if (this.#isOverdue()) setImmediate(() => (this.#isOverdue() ? this.#giveUp() : undefined));
  }

  #isOverdue(): boolean {
    return performance.now() > this.#deadlineAt;
  }

  #giveUp(): void {
    if (this.#wake) return this.#lose(`Nothing came within ${this.#waitedMs / 1000} seconds`);
    this.#part("The connection was idle for too long, so we closed it");
    this.#socket.end("QUIT\r\n");
    this.#socket.destroySoon();
  }
}

function readTlsFacts(socket: TLSSocket, vouchedBy: string | null): TlsFacts {
  const version = socket.getProtocol() ?? "unknown";
  const cipher = socket.getCipher().standardName;
  if (vouchedBy !== null) return { version, cipher, certificate: "verified", reason: vouchedBy };
  if (socket.authorized) return { version, cipher, certificate: "verified" };
  // Typed as an Error, in truth most often the bare code of one.
  const why: unknown = socket.authorizationError;
  return { version, cipher, certificate: "unverified", reason: why instanceof Error ? why.message : String(why) };
}

function explainSocketError(error: NodeJS.ErrnoException): string {
  const sentence = ERROR_SENTENCES.get(error.code ?? "") ?? error.message;
  return error.code ? `${sentence} (${error.code})` : sentence;
}

const ERROR_SENTENCES: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "The server refuses connections on this port"],
  ["ECONNRESET", "The connection was reset"],
  ["EPIPE", "The server closed the connection"],
  ["ETIMEDOUT", "The server cannot be reached in time"],
  ["EHOSTUNREACH", "There is no way to the server"],
  ["ENETUNREACH", "There is no way to the network of the server"],
  ["ENOTFOUND", "The name of the server is not known"],
  ["EADDRNOTAVAIL", "This machine does not have the address to send from"],
]);

/**
 * One SMTP connection to one server, over a real socket: opens it, hands over mails one after another, closes it. It
 * promises that no mail can be taken before its `beforeFinalDot` has said yes, that every `deliver` ends in one
 * Submission, and that `failed` means certainly not taken (RFC 5321 §4.5.3.2 for the waits, RFC 1047 for why `unknown`
 * exists). It neither looks up hosts nor retries; the send engine does. The protocol itself is in `mail/smtp`.
 */
import { isAscii } from "node:buffer";
import { isIP } from "node:net";
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls";
import { FINAL_DOT, writeBody } from "@roundtrip/mail/smtp/body";
import type { Capabilities } from "@roundtrip/mail/smtp/capabilities";
import type { DsnWish } from "@roundtrip/mail/smtp/envelope";
import { ownWord, type RemoteWord } from "@roundtrip/mail/smtp/reply";
import {
  beginSession,
  breakSession,
  nextSession,
  type SessionEnd,
  type SessionEvent,
  type SessionState,
  type SessionWish,
} from "@roundtrip/mail/smtp/session";
import {
  beginTransaction,
  breakTransaction,
  nextTransaction,
  planTransaction,
  sendBody,
  type Transaction,
  type TransactionState,
} from "@roundtrip/mail/smtp/transaction";
import { type JudgePeer, type TlsFacts, Wire } from "./smtp-wire.smtp.ts";

export interface ConnectionOptions extends SessionWish {
  /** The name of the server, for TLS and for people; also what is connected to when `address` is missing. */
  readonly host: string;
  /** The IP address to connect to, where the caller has looked it up and found it fit. */
  readonly address?: string | undefined;
  readonly port: number;
  /** Our own address to send from. */
  readonly localAddress?: string | undefined;
  /** The certificate is verified unless TLS is only opportunistic and no password is at stake, or this says otherwise. */
  readonly tlsOptions?: TlsOptions | undefined;
  /** Asked in place of the authorities once TLS stands; a server it distrusts hears nothing more (`starttls`). */
  readonly judgePeer?: JudgePeer | undefined;
  /** Kept in the facts about the peer: why `tls` is `never`, though the server may be able to. */
  readonly clearBecause?: string | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** After so many mails `isUsable` is false. */
  readonly maxMessages?: number | undefined;
}

export type TlsOptions = Pick<
  TlsConnectionOptions,
  "servername" | "rejectUnauthorized" | "ca" | "minVersion" | "secureContext" | "checkServerIdentity"
>;

export interface Timeouts {
  readonly connectMs: number;
  readonly greetingMs: number;
  /** EHLO, STARTTLS with its handshake, AUTH, MAIL, RCPT, RSET. */
  readonly commandMs: number;
  readonly dataMs: number;
  /** From the final dot to its answer. Shorter than 10 minutes makes duplicates (RFC 1047). */
  readonly finalDotMs: number;
  /** How long the connection may lie unused before it closes itself. */
  readonly idleMs: number;
  readonly quitMs: number;
}

/** The mails of a round differ in length by a few names. */
const SPARE = 1024;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: MINUTE,
  greetingMs: 5 * MINUTE,
  commandMs: 5 * MINUTE,
  dataMs: 2 * MINUTE,
  finalDotMs: 10 * MINUTE,
  idleMs: MINUTE,
  quitMs: 5 * SECOND,
};

/** Who we spoke with, and how. */
export interface Peer {
  readonly host: string;
  /** Null when no connection came about. */
  readonly address: string | null;
  readonly localAddress: string | null;
  /** Null: in clear. */
  readonly tls: TlsFacts | null;
  /** Why it is in clear, where TLS was tried before. */
  readonly clearBecause?: string;
}

/** `refused` in the server's own words; `failed` when there was no usable word. `word.step` is `starttls` when TLS is to blame. */
export interface ConnectFailure extends SessionEnd {
  readonly peer: Peer;
}

/** One finished mail to one recipient. */
export interface Mail {
  /** Return-path without brackets; empty for `<>`. */
  readonly from: string;
  readonly to: string;
  /** Lines end with CRLF. */
  readonly bytes: Buffer;
  /** The same with the final dot behind it, where whoever made it has it in one piece. */
  readonly dotted?: Buffer | undefined;
  readonly smtpUtf8: boolean;
  readonly dsn?: DsnWish | undefined;
  /**
   * Asked once, after the server's 354 and before any byte of the mail leaves. False or a throw withdraws the mail.
   * `deliver` never ends while this is pending, so what it records comes before the outcome.
   */
  readonly beforeFinalDot: () => Promise<boolean>;
}

export type Submission =
  /** The server's 2xx to the final dot. */
  | { readonly kind: "accepted"; readonly word: RemoteWord; readonly peer: Peer }
  /** A 4xx (`word.temporary`) or 5xx; or, with `code` null, what the server cannot take by its own EHLO. */
  | { readonly kind: "refused"; readonly word: RemoteWord; readonly peer: Peer }
  /** Lost, timed out or nonsense before the last byte: certainly not taken. */
  | { readonly kind: "failed"; readonly word: RemoteWord; readonly peer: Peer }
  /** Lost, timed out or nonsense after the last byte was handed to the socket: perhaps taken. */
  | { readonly kind: "unknown"; readonly word: RemoteWord; readonly peer: Peer }
  /** `beforeFinalDot` said no, or threw `cause`: certainly not taken. */
  | { readonly kind: "withdrawn"; readonly cause?: unknown };

/** Throws for options that cannot be (a password without TLS); all that the network does is in the answer. */
export async function openConnection(options: ConnectionOptions): Promise<Connection | ConnectFailure> {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const first = beginSession(options);
  const { host, address = host, port, localAddress } = options;
  const wire = new Wire({ host: address, port, localAddress, checkEveryMs: checkEveryMs(timeouts) });
  const lost = await wire.opened(timeouts.connectMs);
  const { ends } = wire;
  if (lost !== null) return { kind: "failed", word: ownWord("connect", lost), peer: { host, ...ends, tls: null } };
  const state = await openSession(wire, options, first.state, timeouts);
  const why = options.clearBecause === undefined ? {} : { clearBecause: options.clearBecause };
  const peer = { host, ...ends, tls: wire.lostText === null ? wire.tlsFacts : null, ...why };
  if (state.kind === "ready")
    return new Connection({
      wire,
      peer,
      offer: state.capabilities,
      timeouts,
      maxMessages: options.maxMessages ?? Infinity,
    });
  wire.destroy();
  return { ...state.end, peer };
}

interface ConnectionParts {
  readonly wire: Wire;
  readonly peer: Peer;
  readonly offer: Capabilities;
  readonly timeouts: Timeouts;
  readonly maxMessages: number;
}

/** Made by `openConnection` only. */
export class Connection {
  readonly kind = "open";
  readonly peer: Peer;
  /** What the server offered. */
  readonly offer: Capabilities;
  readonly #wire: Wire;
  readonly #timeouts: Timeouts;
  readonly #maxMessages: number;
  #messages = 0;
  #buffer = Buffer.alloc(0);
  #isBusy = false;
  #needsReset = false;

  constructor(parts: ConnectionParts) {
    this.peer = parts.peer;
    this.offer = parts.offer;
    this.#wire = parts.wire;
    this.#timeouts = parts.timeouts;
    this.#maxMessages = parts.maxMessages;
    this.#wire.rest(this.#timeouts.idleMs);
  }

  /** May `deliver` be called now? A server that closes meanwhile makes it `failed`, never `unknown`. */
  get isUsable(): boolean {
    const isQuiet = this.#wire.lostText === null && !this.#wire.hasUnread;
    return isQuiet && !this.#isBusy && this.#messages < this.#maxMessages;
  }

  /** How many mails were begun here: a connection that fails after the first may only have been lying too long. */
  get messages(): number {
    return this.#messages;
  }

  /**
   * A buffer for the next mail, of at least so many octets. It is that of the mail before, once its last byte has left:
   * one connection carries one mail at a time, and no buffer is ever another connection's.
   */
  lend(octets: number): Buffer {
    if (this.#isBusy) throw new Error("This connection is in the middle of another mail.");
    if (this.#buffer.length < octets || this.#wire.hasUnsent) this.#buffer = Buffer.allocUnsafeSlow(octets + SPARE);
    return this.#buffer;
  }

  /** Throws for a mail that must not leave (an address or a body that breaks out of its command) or a second call at once. */
  async deliver(mail: Mail): Promise<Submission> {
    if (this.#isBusy) throw new Error("This connection is in the middle of another mail.");
    const { from, to, bytes, smtpUtf8, dsn } = mail;
    const body = withFinalDot(mail);
    const isEightBit = !isAscii(bytes);
    const plan = planTransaction({ from, to, sizeBytes: bytes.length, isEightBit, smtpUtf8, dsn }, this.offer);
    if (!plan.ok) return { kind: "refused", word: plan.error, peer: this.peer };
    if (!this.isUsable) return this.#failUnsent();
    this.#isBusy = true;
    this.#messages += 1;
    try {
      return await this.#converse(plan.value, body, mail.beforeFinalDot);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Says QUIT and waits a little for the answer. */
  async close(): Promise<void> {
    if (this.#isBusy) throw new Error("This connection is in the middle of a mail.");
    this.#wire.write("QUIT\r\n");
    await this.#wire.hear(this.#timeouts.quitMs);
    this.#wire.destroy();
  }

  /** At once. A mail under way ends as `failed`, or as `unknown` if its last byte was handed over. */
  destroy(): void {
    this.#wire.destroy();
  }

  async #converse(transaction: Transaction, body: Buffer, beforeFinalDot: Mail["beforeFinalDot"]): Promise<Submission> {
    let { state, write } = beginTransaction(transaction, this.#needsReset);
    this.#wire.write(write);
    while (state.kind !== "done") {
      if (state.kind === "may-send") {
        const permission = await ask(beforeFinalDot);
        if (!permission.isGiven) return this.#withdraw(permission);
        // Whatever came in the meantime came out of turn, and no byte of the mail has left yet.
        if (!this.#wire.hasUnread && this.#wire.lostText === null) {
          this.#wire.write(body);
          state = sendBody(state);
        }
      }
      const heard = this.#wire.heard() ?? (await this.#wire.hear(waitMs(state, this.#timeouts)));
      if (heard.kind === "lost") {
        state = breakTransaction(state, heard.text);
      } else {
        ({ state, write } = nextTransaction(transaction, state, heard.reply));
        this.#wire.write(write);
      }
    }
    return this.#finish(state);
  }

  #finish({ end, after }: TransactionState & { kind: "done" }): Submission {
    this.#needsReset = after === "reset";
    // A refusal in the middle of a mail: the rest of it is still on its way, and may be answered once more.
    if (after === "spent" || this.#wire.hasUnsent) this.#wire.destroy();
    else this.#wire.rest(this.#timeouts.idleMs);
    return { ...end, peer: this.peer };
  }

  #withdraw(permission: { readonly cause?: unknown }): Submission {
    this.#wire.destroy();
    return "cause" in permission ? { kind: "withdrawn", cause: permission.cause } : { kind: "withdrawn" };
  }

  #failUnsent(): Submission {
    const text = this.#wire.lostText ?? "The connection has no room for another mail";
    return { kind: "failed", word: ownWord("mail", text), peer: this.peer };
  }
}

/** From the first byte to a session that takes mail, or to its end. */
async function openSession(
  wire: Wire,
  options: ConnectionOptions,
  first: SessionState,
  timeouts: Timeouts,
): Promise<SessionState & { kind: "ready" | "ended" }> {
  let state = first;
  if (options.tls === "implicit") {
    const trouble = await wire.secured(tlsChoice(options), timeouts.commandMs, options.judgePeer);
    if (trouble !== null) return { kind: "ended", end: breakSession({ kind: "handshake" }, trouble) };
  }
  while (state.kind !== "ready" && state.kind !== "ended") {
    const event = await nextEvent(wire, options, state, timeouts);
    if (event.kind === "lost") return { kind: "ended", end: breakSession(state, event.text) };
    const move = nextSession(options, state, event);
    wire.write(move.write);
    state = move.state;
  }
  return state;
}

async function nextEvent(
  wire: Wire,
  options: ConnectionOptions,
  state: SessionState,
  timeouts: Timeouts,
): Promise<SessionEvent | { readonly kind: "lost"; readonly text: string }> {
  if (state.kind !== "handshake") {
    return await wire.hear(state.kind === "greeting" ? timeouts.greetingMs : timeouts.commandMs);
  }
  const trouble = await wire.secured(tlsChoice(options), timeouts.commandMs, options.judgePeer);
  return trouble === null ? { kind: "secured" } : { kind: "lost", text: trouble };
}

/** RFC 7435: encryption with whoever answers beats none; but a password, or a demand for TLS, wants the right server. */
function tlsChoice({ host, tls, auth, tlsOptions, judgePeer }: ConnectionOptions): TlsConnectionOptions {
  return {
    host,
    servername: isIP(host) === 0 ? host : "",
    rejectUnauthorized: !judgePeer && (auth !== null || tls !== "opportunistic"),
    ...tlsOptions,
  };
}

/** In one piece: one write to the system, and over TLS one record less. Nothing passes here that two servers could read differently. */
function withFinalDot({ bytes, dotted }: Mail): Buffer {
  const body = writeBody(bytes);
  return dotted && body === bytes ? dotted : Buffer.concat([body, FINAL_DOT]);
}

async function ask(beforeFinalDot: Mail["beforeFinalDot"]): Promise<{ isGiven: boolean; cause?: unknown }> {
  try {
    return { isGiven: await beforeFinalDot() };
  } catch (cause) {
    return { isGiven: false, cause };
  }
}

function waitMs(state: TransactionState, timeouts: Timeouts): number {
  if (state.kind === "body") return timeouts.finalDotMs;
  return state.kind === "data" || state.kind === "lone-dot" ? timeouts.dataMs : timeouts.commandMs;
}

/** Often enough for the shortest wait, and never more than a few times a minute for the usual ones. */
function checkEveryMs(timeouts: Timeouts): number {
  return Math.min(5 * SECOND, Math.max(10, Math.min(...Object.values(timeouts)) / 4));
}

/**
 * Hands over one mail to one recipient, without touching a socket: MAIL, RCPT, DATA, the mail, the final dot (RFC 5321
 * §3.3), in one write where the server offers PIPELINING (RFC 2920 §3.1). It promises that every end is told apart by
 * what the server can have: `accepted` and `refused` are its word, `failed` is certainly not taken, `unknown` is
 * nobody's to guess. It sends no byte of a mail before `sendBody`, and nothing at all to a refused recipient.
 */
import type { Capabilities } from "./capabilities.ts";
import { refuseUnsent, writeMail, writeRcpt, type Envelope } from "./envelope.ts";
import {
  isIntermediate,
  isPositive,
  isRefusal,
  ownWord,
  wordOf,
  type RemoteWord,
  type Reply,
  type SmtpStep,
} from "./reply.ts";
import { failed, ok, type Result } from "../result.ts";

/** `refusal` is the first no among the answers to a pipelined group; the others are still to be heard. */
export type TransactionState =
  | { readonly kind: "rset" }
  | { readonly kind: "mail" }
  | { readonly kind: "rcpt"; readonly refusal: RemoteWord | null }
  | { readonly kind: "data"; readonly refusal: RemoteWord | null; readonly hasRecipient: boolean }
  /** 354 is here: `sendBody` may be called. */
  | { readonly kind: "may-send" }
  /** The last byte has been handed over; only the server knows what became of it. */
  | { readonly kind: "body" }
  /** 354 came though the recipient was refused: the empty mail was ended at once. */
  | { readonly kind: "lone-dot"; readonly refusal: RemoteWord }
  | { readonly kind: "done"; readonly end: TransactionEnd; readonly after: Afterwards };

export interface TransactionEnd {
  readonly kind: "accepted" | "refused" | "failed" | "unknown";
  readonly word: RemoteWord;
}

/** What the connection is good for: `reset` means that the next transaction begins with RSET, `spent` for nothing. */
export type Afterwards = "usable" | "reset" | "spent";

export interface Transaction {
  readonly mail: string;
  readonly rcpt: string;
  readonly isPipelined: boolean;
}

/** Write `write` (it may be empty), then act on `state`. */
export interface TransactionMove {
  readonly state: TransactionState;
  readonly write: string;
}

const DATA = "DATA\r\n";
/** RFC 5321 §3.8: the server closes the connection, at whatever step it says so. */
const CLOSING = 421;

/** The commands of one transaction, or the refusal known beforehand. Throws for an envelope that must not leave. */
export function planTransaction(envelope: Envelope, offer: Capabilities): Result<Transaction, RemoteWord> {
  const mail = writeMail(envelope, offer);
  const rcpt = writeRcpt(envelope, offer);
  const refusal = refuseUnsent(envelope, offer);
  return refusal ? failed(refusal) : ok({ mail, rcpt, isPipelined: offer.pipelining });
}

/** `resetFirst` where the transaction before ended in `reset`. */
export function beginTransaction(transaction: Transaction, resetFirst: boolean): TransactionMove {
  const first = sayMail(transaction);
  if (!resetFirst) return first;
  return { state: { kind: "rset" }, write: transaction.isPipelined ? `RSET\r\n${first.write}` : "RSET\r\n" };
}

/** The mail and the final dot go out now. Only from `may-send`. */
export function sendBody(state: TransactionState): TransactionState {
  if (state.kind !== "may-send") throw new Error(`A body cannot be sent in state ${state.kind}.`);
  return { kind: "body" };
}

export function nextTransaction(transaction: Transaction, state: TransactionState, reply: Reply): TransactionMove {
  if (reply.code === CLOSING) return stay(hearClosing(state, reply));
  switch (state.kind) {
    case "rset":
      if (!isPositive(reply)) return misfit(state, reply);
      return transaction.isPipelined ? stay({ kind: "mail" }) : sayMail(transaction);
    case "mail":
      return hearMail(transaction, reply);
    case "rcpt":
      return hearRcpt(transaction, state, reply);
    case "data":
      return hearData(state, reply);
    case "may-send":
      // Nothing was sent that could be answered; what it refuses is the DATA it has just allowed.
      return isRefusal(reply) ? stay(refuse(wordOf("data", reply), "spent")) : misfit(state, reply);
    case "body":
      if (isPositive(reply)) return stay(finish("accepted", wordOf("body", reply), "usable"));
      return isRefusal(reply) ? stay(refuse(wordOf("body", reply), "usable")) : misfit(state, reply);
    case "lone-dot":
      return isIntermediate(reply) ? misfit(state, reply) : stay(refuse(state.refusal, "usable"));
    case "done":
      break;
  }
  return stay({ ...state, after: "spent" });
}

/** The connection was lost, timed out or spoke nonsense; `text` says which. What was known by then still stands. */
export function breakTransaction(state: TransactionState, text: string): TransactionState & { kind: "done" } {
  if (state.kind === "done") return { ...state, after: "spent" };
  const refusal = refusalSoFar(state);
  if (refusal) return refuse(refusal, "spent");
  return finish(state.kind === "body" ? "unknown" : "failed", ownWord(transactionStep(state), text), "spent");
}

export function transactionStep(state: TransactionState): SmtpStep {
  return state.kind === "done" ? state.end.word.step : STEPS[state.kind];
}

const STEPS: Readonly<Record<Exclude<TransactionState["kind"], "done">, SmtpStep>> = {
  rset: "mail",
  mail: "mail",
  rcpt: "rcpt",
  data: "data",
  "may-send": "data",
  "lone-dot": "data",
  body: "body",
};

function hearClosing(state: TransactionState, reply: Reply): TransactionState {
  if (state.kind === "done") return { ...state, after: "spent" };
  return refuse(refusalSoFar(state) ?? wordOf(transactionStep(state), reply), "spent");
}

function sayMail(transaction: Transaction): TransactionMove {
  const { mail, rcpt, isPipelined } = transaction;
  return { state: { kind: "mail" }, write: isPipelined ? `${mail}${rcpt}${DATA}` : mail };
}

function hearMail(transaction: Transaction, reply: Reply): TransactionMove {
  if (isIntermediate(reply)) return misfit({ kind: "mail" }, reply);
  const refusal = isRefusal(reply) ? wordOf("mail", reply) : null;
  if (transaction.isPipelined) return stay({ kind: "rcpt", refusal });
  if (refusal) return stay(refuse(refusal, "usable"));
  return { state: { kind: "rcpt", refusal }, write: transaction.rcpt };
}

function hearRcpt(transaction: Transaction, state: TransactionState & { kind: "rcpt" }, reply: Reply): TransactionMove {
  if (isIntermediate(reply)) return misfit(state, reply);
  const refusal = state.refusal ?? (isRefusal(reply) ? wordOf("rcpt", reply) : null);
  if (transaction.isPipelined) return stay({ kind: "data", refusal, hasRecipient: isPositive(reply) });
  if (refusal) return stay(refuse(refusal, "reset"));
  return { state: { kind: "data", refusal, hasRecipient: true }, write: DATA };
}

function hearData(state: TransactionState & { kind: "data" }, reply: Reply): TransactionMove {
  if (isRefusal(reply)) return stay(refuse(state.refusal ?? wordOf("data", reply), "reset"));
  if (!isIntermediate(reply)) return misfit(state, reply);
  if (!state.refusal) return stay({ kind: "may-send" });
  // MAIL was refused, yet RCPT and DATA were not: even a lone dot could now deliver an empty mail.
  if (state.hasRecipient) return stay(refuse(state.refusal, "spent"));
  return { state: { kind: "lone-dot", refusal: state.refusal }, write: ".\r\n" };
}

function misfit(state: TransactionState, reply: Reply): TransactionMove {
  return stay(breakTransaction(state, `The server gave an answer that does not fit: ${reply.code} ${reply.text}`));
}

function refusalSoFar(state: TransactionState): RemoteWord | null {
  return "refusal" in state ? state.refusal : null;
}

function refuse(word: RemoteWord, after: Afterwards): TransactionState & { kind: "done" } {
  return finish("refused", word, after);
}

function finish(
  kind: TransactionEnd["kind"],
  word: RemoteWord,
  after: Afterwards,
): TransactionState & { kind: "done" } {
  return { kind: "done", end: { kind, word }, after };
}

function stay(state: TransactionState): TransactionMove {
  return { state, write: "" };
}

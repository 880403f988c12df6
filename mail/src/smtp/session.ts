/**
 * Opens an SMTP session, without touching a socket: greeting, EHLO (HELO where that is all a server knows, RFC 5321
 * §3.2), STARTTLS with a second EHLO (RFC 3207), AUTH PLAIN or LOGIN (RFC 4954, RFC 4616). It promises that a password
 * never leaves without TLS, and that nothing said before TLS counts after it. Mail is for transaction.ts.
 *
 *     greeting → ehlo → [helo] → [starttls → handshake → ehlo] → [auth] → ready      any of them → ended
 */
import { NO_CAPABILITIES, readCapabilities, type Capabilities } from "./capabilities.ts";
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

export interface SessionWish {
  /** The name we give ourselves: a host name or an address literal. */
  readonly ehloName: string;
  /** `opportunistic` takes TLS where it is offered; `implicit` is TLS from the first byte (port 465, RFC 8314 §3.3). */
  readonly tls: "never" | "opportunistic" | "required" | "implicit";
  /** With a password TLS is obligatory, whatever `tls` says. */
  readonly auth: Credentials | null;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export type SessionState =
  | { readonly kind: "greeting"; readonly secure: boolean }
  | { readonly kind: "ehlo"; readonly secure: boolean }
  | { readonly kind: "helo" }
  | { readonly kind: "starttls" }
  /** The caller drops every byte it has buffered, starts TLS, and comes back with `secured`. */
  | { readonly kind: "handshake" }
  | { readonly kind: "auth"; readonly capabilities: Capabilities; readonly answers: readonly string[] }
  | { readonly kind: "ready"; readonly capabilities: Capabilities }
  | { readonly kind: "ended"; readonly end: SessionEnd };

/** `refused`: the server said no (4xx, 5xx). `failed`: it said nothing usable, or lacks what we must have. */
export interface SessionEnd {
  readonly kind: "refused" | "failed";
  readonly word: RemoteWord;
}

export type SessionEvent =
  /** `hasMoreBehind`: bytes beyond this reply are here already, though we have not spoken since. */
  { readonly kind: "reply"; readonly reply: Reply; readonly hasMoreBehind: boolean } | { readonly kind: "secured" };

/** Write `write` (it may be empty), then act on `state`. */
export interface SessionMove {
  readonly state: SessionState;
  readonly write: string;
}

/** Throws for a wish that cannot be: a password with `never`, a name or password that would break a line. */
export function beginSession(wish: SessionWish): SessionMove {
  if (!/^[!-~]{1,255}$/.test(wish.ehloName)) throw new Error("The EHLO name must be one word of printable ASCII.");
  if (wish.auth && wish.tls === "never") throw new Error("A password is only sent over TLS.");
  if (wish.auth && `${wish.auth.user}${wish.auth.password}`.includes("\0")) {
    throw new Error("User and password cannot hold a NUL.");
  }
  return move({ kind: "greeting", secure: wish.tls === "implicit" });
}

export function nextSession(wish: SessionWish, state: SessionState, event: SessionEvent): SessionMove {
  if (event.kind === "secured") return sayEhlo(wish, true);
  // We ask one thing at a time here, so whatever stands behind an answer was never asked for. Behind the 220 to
  // STARTTLS it would be clear text posing as part of the encrypted session (CVE-2011-0411, RFC 3207 §6).
  if (event.hasMoreBehind) return fail(state, "The server went on talking out of turn");
  return hearReply(wish, state, event.reply);
}

/** The connection was lost, timed out or spoke nonsense; `text` says which. */
export function breakSession(state: SessionState, text: string): SessionEnd {
  return { kind: "failed", word: ownWord(sessionStep(state), text) };
}

export function sessionStep(state: SessionState): SmtpStep {
  return state.kind === "ended" ? state.end.word.step : STEPS[state.kind];
}

const STEPS: Readonly<Record<Exclude<SessionState["kind"], "ended">, SmtpStep>> = {
  greeting: "greeting",
  ehlo: "ehlo",
  helo: "ehlo",
  starttls: "starttls",
  handshake: "starttls",
  auth: "auth",
  ready: "ehlo",
};

function hearReply(wish: SessionWish, state: SessionState, reply: Reply): SessionMove {
  switch (state.kind) {
    case "greeting":
      return isPositive(reply) ? sayEhlo(wish, state.secure) : endWith(state, reply);
    case "ehlo":
      if (isPositive(reply)) return useOffer(wish, state, readCapabilities(reply));
      return reply.code >= 500 && mayDoWithoutEhlo(wish, state.secure)
        ? move({ kind: "helo" }, `HELO ${wish.ehloName}\r\n`)
        : endWith(state, reply);
    case "helo":
      return isPositive(reply) ? move({ kind: "ready", capabilities: NO_CAPABILITIES }) : endWith(state, reply);
    case "starttls":
      return isPositive(reply) ? move({ kind: "handshake" }) : endWith(state, reply);
    case "auth":
      return hearAuth(state, reply);
    case "handshake":
    case "ready":
    case "ended":
      break;
  }
  return fail(state, "The server spoke out of turn", reply);
}

function sayEhlo(wish: SessionWish, secure: boolean): SessionMove {
  return move({ kind: "ehlo", secure }, `EHLO ${wish.ehloName}\r\n`);
}

/** What EHLO offered decides what comes next: TLS first, then the password, then mail. */
function useOffer(wish: SessionWish, state: SessionState & { kind: "ehlo" }, offer: Capabilities): SessionMove {
  if (!state.secure && wish.tls !== "never" && offer.startTls) return move({ kind: "starttls" }, "STARTTLS\r\n");
  if (!state.secure && needsTls(wish)) {
    return fail({ kind: "starttls" }, "The server does not offer STARTTLS, and without TLS nothing may be sent");
  }
  if (!wish.auth) return move({ kind: "ready", capabilities: offer });
  return sayAuth(wish.auth, offer);
}

function sayAuth({ user, password }: Credentials, capabilities: Capabilities): SessionMove {
  if (capabilities.auth.includes("PLAIN")) {
    return move({ kind: "auth", capabilities, answers: [] }, `AUTH PLAIN ${base64(`\0${user}\0${password}`)}\r\n`);
  }
  if (capabilities.auth.includes("LOGIN")) {
    return move({ kind: "auth", capabilities, answers: [base64(user), base64(password)] }, "AUTH LOGIN\r\n");
  }
  const offered = capabilities.auth.join(" ") || "none";
  return fail(
    { kind: "auth", capabilities, answers: [] },
    `The server takes a password neither by PLAIN nor by LOGIN (it offers: ${offered})`,
  );
}

function hearAuth(state: SessionState & { kind: "auth" }, reply: Reply): SessionMove {
  if (isPositive(reply)) return move({ kind: "ready", capabilities: state.capabilities });
  const [answer, ...answers] = state.answers;
  return isIntermediate(reply) && answer !== undefined
    ? move({ ...state, answers }, `${answer}\r\n`)
    : endWith(state, reply);
}

function needsTls(wish: SessionWish): boolean {
  return wish.tls === "required" || wish.auth !== null;
}

/** Without EHLO there is neither STARTTLS nor AUTH. */
function mayDoWithoutEhlo(wish: SessionWish, secure: boolean): boolean {
  return wish.auth === null && (secure || wish.tls !== "required");
}

function endWith(state: SessionState, reply: Reply): SessionMove {
  if (!isRefusal(reply)) return fail(state, "The server gave an answer that does not fit", reply);
  return move({ kind: "ended", end: { kind: "refused", word: wordOf(sessionStep(state), reply) } });
}

function fail(state: SessionState, text: string, reply?: Reply): SessionMove {
  const said = reply ? `: ${reply.code} ${reply.text}` : "";
  return move({ kind: "ended", end: breakSession(state, `${text}${said}`) });
}

function move(state: SessionState, write = ""): SessionMove {
  return { state, write };
}

function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}

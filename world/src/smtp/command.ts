/**
 * Reads one SMTP command line (RFC 5321 §4.1) with the parameters this world offers: SIZE (RFC 1870), BODY (RFC 6152),
 * SMTPUTF8 (RFC 6531), RET, ENVID, NOTIFY and ORCPT (RFC 3461 §4). A line that is no such command comes back as the reply
 * to give. It does not know whether the command is in its turn.
 */

export type Command =
  | { readonly kind: "ehlo"; readonly name: string; readonly isExtended: boolean }
  | MailCommand
  | RcptCommand
  | { readonly kind: "data" | "rset" | "noop" | "quit" | "starttls" | "vrfy" }
  | { readonly kind: "unreadable"; readonly reply: string };

export interface MailCommand {
  readonly kind: "mail";
  /** Without brackets; empty for the null reverse-path. */
  readonly from: string;
  readonly sizeBytes: number | null;
  readonly smtpUtf8: boolean;
  /** What a notice should return of the mail; null when the sender did not say. */
  readonly returns: "full" | "headers" | null;
  /** Decoded. */
  readonly envelopeId: string | null;
}

export interface RcptCommand {
  readonly kind: "rcpt";
  readonly to: string;
  /** Which notices the sender wants; null when it did not say, which means failure and perhaps delay. */
  readonly notify: readonly Notify[] | null;
  /** `rfc822;…`, decoded. */
  readonly originalRecipient: string | null;
}

export type Notify = "never" | "success" | "failure" | "delay";

const BARE = ["data", "rset", "noop", "quit", "starttls", "vrfy"] as const;
const MAILBOX =
  /^(?:[^\s<>@"\\]+|"(?:[^"\\\r\n]|\\.)*")@(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[^\]]+\]|[^\0-\x20<>@]*[^\0-\x7f][^\0-\x20<>@]*)$/;

export function readCommand(line: string): Command {
  const [word = ""] = line.split(/[ :]/, 1);
  const verb = word.toLowerCase();
  if (verb === "ehlo" || verb === "helo") return readHello(line, verb === "ehlo");
  if (verb === "mail") return readMail(line);
  if (verb === "rcpt") return readRcpt(line);
  const bare = BARE.find((known) => known === verb);
  if (bare === undefined) return unreadable("500 5.5.2 Command not recognised");
  const takesArgument = bare === "noop" || bare === "vrfy";
  return line.length === bare.length || takesArgument
    ? { kind: bare }
    : unreadable("501 5.5.4 No argument is expected here");
}

function readHello(line: string, isExtended: boolean): Command {
  const name = line.slice(5).trim();
  return /^[^\s]+$/.test(name) ? { kind: "ehlo", name, isExtended } : unreadable("501 5.5.4 Say who you are");
}

function readMail(line: string): Command {
  const found = /^mail from:<([^<>]*)>(.*)$/i.exec(line);
  if (!found) return unreadable("501 5.5.4 Syntax: MAIL FROM:<address>");
  const [, from = "", rest = ""] = found;
  const parameters = readParameters(rest, ["SIZE", "BODY", "SMTPUTF8", "RET", "ENVID"]);
  if (!parameters) return unreadable("555 5.5.4 Unsupported parameter");
  const smtpUtf8 = parameters.has("SMTPUTF8");
  const problem = from === "" ? null : mailboxProblem(from);
  if (problem) return unreadable(`501 5.1.7 ${problem}`);
  if (isBeyondAscii(from) && !smtpUtf8) return unreadable("553 5.6.7 Address needs SMTPUTF8");
  const size = parameters.get("SIZE");
  return {
    kind: "mail",
    from,
    sizeBytes: size === undefined ? null : Number(size),
    smtpUtf8,
    returns: readReturn(parameters.get("RET")),
    envelopeId: readXtext(parameters.get("ENVID")),
  };
}

function readRcpt(line: string): Command {
  const found = /^rcpt to:<([^<>]+)>(.*)$/i.exec(line);
  if (!found) return unreadable("501 5.5.4 Syntax: RCPT TO:<address>");
  const [, to = "", rest = ""] = found;
  const parameters = readParameters(rest, ["NOTIFY", "ORCPT"]);
  if (!parameters) return unreadable("555 5.5.4 Unsupported parameter");
  const problem = to.toLowerCase() === "postmaster" ? null : mailboxProblem(to);
  if (problem) return unreadable(`501 5.1.3 ${problem}`);
  const notify = parameters.get("NOTIFY");
  return {
    kind: "rcpt",
    to,
    notify: notify === undefined ? null : notify.toLowerCase().split(",").filter(isNotify),
    originalRecipient: readXtext(parameters.get("ORCPT")),
  };
}

function unreadable(reply: string): Command {
  return { kind: "unreadable", reply };
}

/** Undefined when one of them was not offered in EHLO. */
function readParameters(rest: string, known: readonly string[]): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const word of rest.trim().split(/ +/).filter(Boolean)) {
    const [keyword = "", value = ""] = word.split(/=(.*)/, 2);
    if (!known.includes(keyword.toUpperCase())) return undefined;
    parameters.set(keyword.toUpperCase(), value);
  }
  return parameters;
}

function mailboxProblem(address: string): string | null {
  if (Buffer.byteLength(address) > 254) return "Address too long";
  return MAILBOX.test(address) ? null : "Bad address syntax";
}

export function isBeyondAscii(text: string): boolean {
  return /[^\0-\x7f]/.test(text);
}

function readReturn(word: string | undefined): MailCommand["returns"] {
  if (word === undefined) return null;
  return word.toUpperCase() === "HDRS" ? "headers" : "full";
}

function isNotify(word: string): word is Notify {
  return word === "never" || word === "success" || word === "failure" || word === "delay";
}

/** RFC 3461 §4: `+` and two hex digits stand for one octet. */
function readXtext(text: string | undefined): string | null {
  if (text === undefined) return null;
  return text.replaceAll(/\+([0-9A-F]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

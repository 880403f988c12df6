/**
 * Writes the two commands that carry an envelope, MAIL and RCPT (RFC 5321 §4.1.1.2–3), with SIZE (RFC 1870), BODY
 * (RFC 6152), SMTPUTF8 (RFC 6531) and DSN parameters (RFC 3461 §4) as far as the server offers them; and says beforehand
 * when a server cannot take a mail at all. An address that would break out of its command throws: that is a bug of ours.
 */
import type { Capabilities } from "./capabilities.ts";
import type { RemoteWord } from "./reply.ts";

/** One sender and one recipient: an unknown end then concerns one person only. */
export interface Envelope {
  /** Without brackets; empty for the null reverse-path `<>`. */
  readonly from: string;
  readonly to: string;
  /** Octets of the mail as composed, before dot-stuffing. */
  readonly sizeBytes: number;
  /** The mail holds octets above 127. */
  readonly isEightBit: boolean;
  /** An address or a header of the mail is not ASCII. */
  readonly smtpUtf8: boolean;
  readonly dsn?: DsnWish | undefined;
}

/** Which notices we ask for. Passed on where the server offers DSN, left out elsewhere. */
export interface DsnWish {
  readonly notify: "never" | readonly ("success" | "failure" | "delay")[];
  readonly returns: "full" | "headers";
  /** Comes back in the notice as Original-Envelope-Id: printable ASCII, at most 100 characters as xtext. */
  readonly envelopeId: string;
}

/** `MAIL FROM:<…> …` with its line end. */
export function writeMail(envelope: Envelope, offer: Capabilities): string {
  const parameters = [
    offer.size === null ? "" : ` SIZE=${envelope.sizeBytes}`,
    envelope.isEightBit ? " BODY=8BITMIME" : "",
    envelope.smtpUtf8 ? " SMTPUTF8" : "",
    envelope.dsn && offer.dsn ? writeReturn(envelope.dsn) : "",
  ];
  return `MAIL FROM:<${checkedPath(envelope.from, envelope.smtpUtf8)}>${parameters.join("")}\r\n`;
}

/** `RCPT TO:<…> …` with its line end. */
export function writeRcpt(envelope: Envelope, offer: Capabilities): string {
  if (envelope.to === "") throw new Error("A mail needs a recipient.");
  const path = checkedPath(envelope.to, envelope.smtpUtf8);
  return `RCPT TO:<${path}>${envelope.dsn && offer.dsn ? writeNotify(envelope.dsn, envelope.to) : ""}\r\n`;
}

/** What the server would have to say to this mail, known from its EHLO alone; null when there is nothing against it. */
export function refuseUnsent(envelope: Envelope, offer: Capabilities): RemoteWord | null {
  if (offer.size !== null && envelope.sizeBytes > offer.size) {
    return refusal(
      "5.3.4",
      `The server takes mails of at most ${offer.size} bytes, this one has ${envelope.sizeBytes}`,
    );
  }
  if (envelope.smtpUtf8 && !offer.smtpUtf8) {
    return refusal("5.6.7", "The address has characters beyond ASCII, and the server does not offer SMTPUTF8");
  }
  if (envelope.isEightBit && !offer.eightBitMime) {
    return refusal("5.6.3", "The mail holds 8-bit text, and the server does not offer 8BITMIME");
  }
  return null;
}

function refusal(enhanced: string, text: string): RemoteWord {
  return { step: "mail", code: null, enhanced, text, temporary: false };
}

/** The last gate before the wire: nothing that ends a command, a path or a parameter, and no address beyond what was agreed. */
function checkedPath(address: string, smtpUtf8: boolean): string {
  if (/[\0-\x20\x7f<>]/.test(address)) throw new Error(`Not fit for an envelope: ${JSON.stringify(address)}`);
  if (!smtpUtf8 && /[^\0-\x7f]/.test(address)) throw new Error(`Needs SMTPUTF8: ${JSON.stringify(address)}`);
  if (!address.isWellFormed()) throw new Error(`Not well-formed Unicode: ${JSON.stringify(address)}`);
  return address;
}

function writeReturn(dsn: DsnWish): string {
  const envelopeId = writeXtext(dsn.envelopeId);
  if (!/^[ -~]+$/.test(dsn.envelopeId) || envelopeId.length > 100)
    throw new Error("ENVID is at most 100 printable characters.");
  return ` RET=${dsn.returns === "full" ? "FULL" : "HDRS"} ENVID=${envelopeId}`;
}

function writeNotify(dsn: DsnWish, to: string): string {
  if (dsn.notify.length === 0) throw new Error("NOTIFY names at least one notice.");
  const notify = dsn.notify === "never" ? "NEVER" : dsn.notify.join(",").toUpperCase();
  // An address beyond ASCII would need the utf-8 form of RFC 6533 §3; the server then takes the one in RCPT itself.
  const original = /^[!-~]+$/.test(to) ? ` ORCPT=rfc822;${writeXtext(to)}` : "";
  return ` NOTIFY=${notify}${original}`;
}

/** RFC 3461 §4: printable ASCII as it is, but `+`, `=` and the blank as `+` and two hex digits. */
function writeXtext(text: string): string {
  return text.replaceAll(/[+= ]/g, (char) => `+${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

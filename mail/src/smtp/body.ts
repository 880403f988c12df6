/**
 * Makes a finished mail fit for DATA: dots that begin a line are doubled (RFC 5321 §4.5.2) and the end is a line end.
 * Our own composer never needs it, so this is above all the last gate before the wire: what two servers could read
 * differently throws, whoever composed it (CVE-2023-51764). It does not look at what the mail says.
 */
import { checkWire } from "../message/check-wire.ts";

const CRLF = Buffer.from("\r\n");
const LEADING_DOT = /(?<=^|\r\n)\./g;

/** What follows the mail: the final dot. */
export const FINAL_DOT = Buffer.from(".\r\n");

/** The same buffer, when it is fit as it stands. */
export function writeBody(mail: Buffer): Buffer {
  const wire = checkWire(mail);
  if (wire.ok) return mail;
  if (mail.length === 0) throw new Error("An empty mail cannot be sent.");
  const ended = mail.subarray(-2).equals(CRLF) ? mail : Buffer.concat([mail, CRLF]);
  const text = ended.toString("latin1");
  const otherwise = checkWire(Buffer.from(text.replaceAll(LEADING_DOT, "-"), "latin1"));
  if (!otherwise.ok)
    throw new Error(`This mail is not fit to send (${otherwise.error}): two servers could read it differently.`);
  return Buffer.from(text.replaceAll(LEADING_DOT, ".."), "latin1");
}

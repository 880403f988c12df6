/**
 * Makes a finished mail fit for DATA: dots that begin a line are doubled (RFC 5321 §4.5.2) and the end is a line end.
 * Our own composer never needs it, so this is above all the last look for mail that could end early on the way
 * (CVE-2023-51764): a dot behind a bare CR or LF throws. It does not look at what the mail says.
 */

const DOT = 0x2e;
const AFTER_LF = Buffer.from("\n.");
const AFTER_CR = Buffer.from("\r.");
const CRLF = Buffer.from("\r\n");

/** What follows the mail: the final dot. */
export const FINAL_DOT = ".\r\n";

/** The same buffer, when it is fit as it stands. */
export function writeBody(mail: Buffer): Buffer {
  if (mail.length === 0) throw new Error("An empty mail cannot be sent.");
  const isFit = mail[0] !== DOT && !mail.includes(AFTER_LF) && !mail.includes(AFTER_CR);
  const isEnded = mail.subarray(-2).equals(CRLF);
  if (isFit && isEnded) return mail;
  return Buffer.from(stuffDots(mail.toString("latin1")) + (isEnded ? "" : "\r\n"), "latin1");
}

function stuffDots(text: string): string {
  if (/(?<!\r)\n\.|\r\./.test(text)) throw new Error("A bare line end before a dot could end the mail early.");
  return text.replaceAll(/(?<=^|\r\n)\./g, "..");
}

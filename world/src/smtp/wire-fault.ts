/**
 * Finds what a finished mail must not hold on the wire: bare CR or LF (RFC 5321 §2.3.8) and lines above 998 octets
 * (RFC 5322 §2.1.1). The miniature world refuses such mail where many real servers mend it, so that faults of ours show.
 */

const LF = 0x0a;
const CR = 0x0d;
const LINE_MAX_OCTETS = 998;

/** The reply to such a mail, or null when there is nothing against it. */
export function findWireFault(mail: Buffer): string | null {
  let start = 0;
  let lines = 0;
  for (let end = mail.indexOf(LF); end !== -1; end = mail.indexOf(LF, start)) {
    if (mail[end - 1] !== CR) return "550 5.6.0 The mail holds a line feed without a carriage return";
    if (end - 1 - start > LINE_MAX_OCTETS) return "550 5.6.0 The mail holds a line of more than 998 octets";
    start = end + 1;
    lines += 1;
  }
  return countOf(mail, CR) === lines ? null : "550 5.6.0 The mail holds a carriage return without a line feed";
}

function countOf(mail: Buffer, octet: number): number {
  let count = 0;
  for (let at = mail.indexOf(octet); at !== -1; at = mail.indexOf(octet, at + 1)) count += 1;
  return count;
}

/** Puts a server's words into the one form that rules are written for. Linear, bounded; the words themselves are kept elsewhere. */

/** What a rule needs stands in the first lines; some servers go on for pages. */
const LONGEST = 4000;

/**
 * Lower case, single blanks, addresses as `<address>`, the codes that multi-line replies repeat left out, and the class
 * words that IronPort gateways set before every reply they quote.
 */
export function normaliseSaying(text: string): string {
  const head = text.slice(0, LONGEST).toLowerCase();
  // Sendmail's own last word, below the answer that it got.
  const said = head.includes("<<< ") ? head.replaceAll("554 5.0.0 service unavailable", " ") : head;
  return said
    .replaceAll(/[’‘`´]/g, "'")
    .replace(
      /[45]\.\d\.\d - (?:unknown address error|bad destination host|other mail system problem|other network problem|delivery expired \(message too old\)) (?=[45]\d\d-)/,
      " ",
    )
    .replaceAll(/(?<![\d.])[245]\d\d-(?:[245]\.\d{1,3}\.\d{1,3} )?/g, " ")
    .replaceAll(/<?(?<![\w.!#$%&'*+/=?^{|}~-])[\w.!#$%&'*+/=?^{|}~-]{1,64}@[a-z0-9.-]{1,255}>?/g, "<address>")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** What SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989) say of a reply, and how that is put to people. Pure. */

export type Verdict =
  | {
      readonly kind: "checked";
      /** The domain in From that it is all about. */
      readonly domain: string;
      readonly spf: string;
      readonly dkim: string;
      readonly dmarc: string;
    }
  | { readonly kind: "not-checked"; readonly because: string };

/** One sentence; null while nobody has looked. A reply that proves nothing is not called forged: many domains prove nothing. */
export function explainVerdict(verdict: Verdict | null): string {
  if (verdict === null) return "Not checked yet whether it is really from there.";
  if (verdict.kind === "not-checked") return `Not checked whether it is really from there: ${verdict.because}.`;
  const { domain } = verdict;
  if (verdict.dmarc === "pass") return `Really from ${domain}.`;
  if (verdict.dmarc === "fail")
    return `Perhaps not from ${domain}: it does not pass that domain's own checks. Do not trust it with anything personal.`;
  return `${domain || "The sender's domain"} does not let anyone check who writes in its name.`;
}

/** Three words for those who know them. */
export function writeVerdictWords(verdict: Verdict | null): string {
  return verdict?.kind === "checked" ? `SPF ${verdict.spf}, DKIM ${verdict.dkim}, DMARC ${verdict.dmarc}` : "";
}

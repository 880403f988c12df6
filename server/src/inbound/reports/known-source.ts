/** Names the sources of mail that claims to be ours, and the receivers that report it, as far as it can be told. Pure. */
import type { ReportedSource } from "@roundtrip/mail/report/report";
import { getDomain } from "tldts";
import { findProviders } from "../../outcome/cause/providers.ts";

/**
 * `ours`: one of our sending addresses. `ses`: Amazon, with our signature or envelope. `authorised`: our SPF record lists
 * the address, a relay for instance. `forwarder`: our signature held, from an address that is not ours. `unknown`: the rest.
 */
export type SourceOrigin = "ours" | "ses" | "authorised" | "forwarder" | "unknown";

export function nameSource(source: ReportedSource, ownAddresses: ReadonlySet<string>): SourceOrigin {
  if (ownAddresses.has(source.ip)) return "ours";
  if (source.passed > 0 && [...source.signers, ...source.envelopeFrom].some(isSes)) return "ses";
  if (source.spfPassed > 0) return "authorised";
  // Anybody can be called a forwarder by one receiver; a signature that held cannot be made up.
  return source.dkimPassed > 0 ? "forwarder" : "unknown";
}

/** Anybody may send through Amazon: only what also passes as ours is ours. */
function isSes(domain: string): boolean {
  return domain === "amazonses.com" || domain.endsWith(".amazonses.com");
}

/** Domains that reporters write from, where it is not the domain of their mail servers. */
const SISTERS: Readonly<Record<string, string>> = {
  "microsoft.com": "outlook.com",
  "yahooinc.com": "yahoo.com",
  "fastmaildmarc.com": "messagingengine.com",
  "mimecastreport.com": "mimecast.com",
  "mimecast.org": "mimecast.com",
};

/** One word for who reports, by the domain of its contact or its own name: the same word as `receiverOfHost` finds for its servers. */
export function receiverOfReporter(reporter: string, contact: string): string {
  const domain = getDomain(contact.split("@").at(-1) ?? "") ?? getDomain(reporter) ?? "";
  return receiverOfHost(SISTERS[domain] ?? domain) || reporter.toLowerCase();
}

/** Of the server that took a mail, or of the domain it went to. */
export function receiverOfHost(host: string): string {
  const [provider] = findProviders("", host);
  return provider ?? getDomain(host) ?? host.toLowerCase();
}

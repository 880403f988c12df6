/**
 * Looks up the TLSA records of a mail host (RFC 7672 §2.2). Only answers that a validating resolver on this machine vouches
 * for count, from the MX records down to here; in an unsigned zone nothing is asked, because some name servers fail at it.
 */
import type { DnsClient } from "./dns-client.dns.ts";
import type { MailHost } from "./find-route.dns.ts";
import type { Tlsa } from "./tls-policy.ts";
import { pickUsable } from "./tlsa.ts";

/** `isMxAuthentic`: a host that an unsigned MX record names may be anybody's (§2.2.1). */
export async function findTlsa(
  dns: DnsClient,
  host: MailHost,
  { port, isMxAuthentic }: { readonly port: number; readonly isMxAuthentic: boolean },
): Promise<Tlsa> {
  if (!dns.isTrusted || !isMxAuthentic || !host.isAuthentic) return { kind: "none" };
  // §2.2.3: where the host is an alias, the records of its true name go first.
  for (const name of new Set([host.canonicalName, host.name])) {
    const answer = await dns.ask(`_${String(port)}._tcp.${name}`, "TLSA");
    if (answer.kind === "failed" || answer.kind === "alias-loop")
      return { kind: "unknown", why: "the records of its mail server cannot be looked up" };
    if (answer.kind === "records" && answer.isAuthentic)
      return { kind: "records", usable: pickUsable(answer.records), baseName: name };
  }
  return { kind: "none" };
}

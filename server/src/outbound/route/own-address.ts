/** The addresses of ours that mail leaves from, and which of them writes to a domain while nothing cleverer decides. Pure. */
import { createHash } from "node:crypto";

/** One of our addresses, and the name it says hello with. */
export interface OwnAddress {
  readonly address: string;
  readonly heloName: string;
  /** An IPv6 address of the same machine, where there is one: without it, mail leaves by the kind of `address` only. */
  readonly ipv6?: string | undefined;
}

/**
 * Always the same address for a domain, so that a retry comes from where the first try did; all domains spread evenly; and
 * when an address comes or goes, only the domains that must move do. Throws for an empty list.
 */
export function pickOwnAddress(addresses: readonly OwnAddress[], domain: string): OwnAddress {
  const scored = addresses.map((own) => ({ own, score: scoreOf(own.address, domain) }));
  const [best] = scored.toSorted((left, right) => (left.score < right.score ? 1 : -1));
  if (!best) throw new Error("There is no address to send from.");
  return best.own;
}

function scoreOf(address: string, domain: string): string {
  return createHash("sha256").update(`${address} ${domain}`).digest("hex");
}

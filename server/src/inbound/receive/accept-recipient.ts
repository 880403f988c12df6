/**
 * Decides at RCPT what an incoming address is to us, before any database is asked: a return path we issued, the reply
 * address, the postmaster, or nobody. Strangers learn nothing from the answers but "no such user".
 */
import { readReturnPath, type ReturnPathKey, type ReturnPathToken, returnPathDay } from "@roundtrip/mail/verp";

export interface InboundAddresses {
  readonly bounceDomain: string;
  readonly returnPathKeys: readonly ReturnPathKey[];
  /** Whole addresses, in lower case. */
  readonly replyAddresses: readonly string[];
}

export type Recipient =
  | { readonly kind: "return-path"; readonly token: ReturnPathToken }
  | { readonly kind: "reply" }
  /** Where DMARC and TLS reports about us are asked for. */
  | { readonly kind: "report" }
  /** RFC 5321 §4.5.1: every domain that takes mail takes mail for its postmaster. */
  | { readonly kind: "postmaster" }
  | { readonly kind: "refused"; readonly because: "unknown" | "expired" };

export function acceptRecipient(address: string, addresses: InboundAddresses, now: Date): Recipient {
  const lower = address.toLowerCase();
  if (addresses.replyAddresses.includes(lower)) return { kind: "reply" };
  if (lower === `postmaster@${addresses.bounceDomain}` || lower === `abuse@${addresses.bounceDomain}`)
    return { kind: "postmaster" };
  if (isReportAddress(lower, addresses.bounceDomain)) return { kind: "report" };
  const token = readReturnPath(address, addresses.returnPathKeys, addresses.bounceDomain, returnPathDay(now));
  if (token.ok) return { kind: "return-path", token: token.value };
  return { kind: "refused", because: token.error === "expired" ? "expired" : "unknown" };
}

/** `rua` of our DMARC records and of our TLS-RPT record (RFC 8460 §3). In lower case. */
export function isReportAddress(address: string, bounceDomain: string): boolean {
  return address === `dmarc@${bounceDomain}` || address === `tlsrpt@${bounceDomain}`;
}

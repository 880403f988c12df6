/**
 * Decides how a mail host must be spoken to: TLS where it is offered (RFC 7435), or as the domain's MTA-STS policy
 * (RFC 8461), the host's TLSA records (DANE, RFC 7672) or the operator's own rule demand. DANE says who the host is where
 * it is there, else the certificate authorities do; an MTA-STS policy always says which hosts may be used at all.
 */
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";
import type { TlsaRecord } from "./dns-answer.ts";
import { isStsHost, type StsPolicy } from "./sts-policy.ts";

export type TlsPolicySource = "MTA-STS policy" | "DANE records" | "rule of our own";

export type TlsDemand =
  | { readonly kind: "opportunistic" }
  /** TLS with whoever answers: there are TLSA records, and none that can be used (RFC 7672 §2.2). */
  | { readonly kind: "encrypted"; readonly source: TlsPolicySource }
  /** A certificate from a known authority, in the name of the host. */
  | { readonly kind: "certificate"; readonly source: TlsPolicySource }
  /** `baseName`: the name whose records they are, asked for in the handshake and expected in the certificate. */
  | {
      readonly kind: "dane";
      readonly source: "DANE records";
      readonly records: readonly TlsaRecord[];
      readonly baseName: string;
    }
  /** No mail to this host now. */
  | { readonly kind: "excluded"; readonly source: TlsPolicySource; readonly why: string };

export type Tlsa =
  /** Nothing that binds: no validating resolver, an unsigned zone, or no records. */
  | { readonly kind: "none" }
  | { readonly kind: "records"; readonly usable: readonly TlsaRecord[]; readonly baseName: string }
  /** The zone is signed, and whether there are records cannot be found out: an attacker could want just that. */
  | { readonly kind: "unknown"; readonly why: string };

export interface TlsWishes {
  readonly sts: StsPolicy | null;
  readonly tlsa: Tlsa;
  /** The operator wants TLS with a valid certificate for this domain. */
  readonly isTlsRequired: boolean;
}

export function decideTls(hostName: string, { sts, tlsa, isTlsRequired }: TlsWishes): TlsDemand {
  if (sts?.mode === "enforce" && !isStsHost(sts, hostName))
    return { kind: "excluded", source: "MTA-STS policy", why: "this mail server is not among those it names" };
  if (tlsa.kind === "unknown") return { kind: "excluded", source: "DANE records", why: tlsa.why };
  if (tlsa.kind === "records" && tlsa.usable.length > 0)
    return { kind: "dane", source: "DANE records", records: tlsa.usable, baseName: tlsa.baseName };
  if (isTlsRequired) return { kind: "certificate", source: "rule of our own" };
  if (sts?.mode === "enforce") return { kind: "certificate", source: "MTA-STS policy" };
  return tlsa.kind === "records" ? { kind: "encrypted", source: "DANE records" } : { kind: "opportunistic" };
}

/** What a policy in testing mode would have said, for the log only (RFC 8461 §5): null where it has nothing against this. */
export function explainTestingBreach(
  sts: StsPolicy | null,
  hostName: string,
  tls: { readonly certificate: "verified" | "unverified" } | null,
): string | null {
  if (sts?.mode !== "testing") return null;
  if (!isStsHost(sts, hostName)) return "this mail server is not among those it names";
  if (tls === null) return "this mail server was spoken to without TLS";
  return tls.certificate === "verified" ? null : "the certificate of this mail server is not valid";
}

/** Temporary: the domain's administrators can mend it, and until then nothing leaves (RFC 8461 §5, RFC 7672 §2.1). */
export function explainTlsBreach(source: TlsPolicySource, why: string): RemoteWord {
  const text = `A secure connection is demanded by the ${source} for this domain, so nothing was sent: ${why}`;
  return { step: "starttls", code: null, enhanced: "4.7.10", text, temporary: true };
}

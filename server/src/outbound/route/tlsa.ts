/**
 * Checks a mail server's certificate against its TLSA records (DANE for SMTP, RFC 7672; RFC 6698 §2.1, RFC 7671 §5). Usages
 * 2 and 3 count, 0 and 1 do not (RFC 7672 §3.1.3). It looks up nothing and opens nothing.
 */
import { createHash, timingSafeEqual, type X509Certificate } from "node:crypto";
import type { TlsaRecord } from "./dns-answer.ts";

const DANE_TA = 2;
const DANE_EE = 3;
const CHAIN_MAX = 10;

/** Those a client can use at all. None of several: TLS is still obligatory, without a name (RFC 7672 §2.2). */
export function pickUsable(records: readonly TlsaRecord[]): readonly TlsaRecord[] {
  return records.filter(({ usage, selector, matchingType, association }) => {
    const isKnown = (usage === DANE_TA || usage === DANE_EE) && selector <= 1 && matchingType <= 2;
    const length = matchingType === 1 ? 32 : 64;
    return isKnown && (matchingType === 0 ? association.length > 0 : association.length === length);
  });
}

/**
 * Null where one record fits, else why none does. `names`: what the certificate may call itself where the record pins an
 * authority (RFC 7672 §3.2.2). A record that pins the server itself asks for neither name nor date (§3.1.1).
 */
export function explainTlsaMismatch(
  records: readonly TlsaRecord[],
  leaf: X509Certificate,
  options: { readonly names: readonly string[]; readonly now: Date },
): string | null {
  if (records.some((record) => record.usage === DANE_EE && isMatch(record, leaf))) return null;
  const authorities = records.filter(({ usage }) => usage === DANE_TA);
  const path = authorities.length === 0 ? [] : findPath(leaf);
  const isPinned = path.some((certificate) => authorities.some((record) => isMatch(record, certificate)));
  if (!isPinned) return "its certificate fits none of its TLSA records";
  if (!options.names.some((name) => leaf.checkHost(name) !== undefined)) return "its certificate has another name";
  const isInTime = [leaf, ...path].every((each) => isWithinDates(each, options.now));
  return isInTime ? null : "its certificate is out of date";
}

/**
 * From the server's certificate upwards, each signature checked: a pinned authority that merely lies beside an unrelated
 * certificate proves nothing. Servers send what they send in any order.
 */
function findPath(leaf: X509Certificate): readonly X509Certificate[] {
  const shown = listShown(leaf);
  const path: X509Certificate[] = [];
  for (let signed: X509Certificate | undefined = leaf; signed && path.length < CHAIN_MAX;) {
    const issuer: X509Certificate | undefined = shown.find((each) => !path.includes(each) && isIssuer(each, signed));
    if (issuer) path.push(issuer);
    signed = issuer;
  }
  return path;
}

/** All that the server showed behind its own certificate. */
function listShown(leaf: X509Certificate): readonly X509Certificate[] {
  const shown: X509Certificate[] = [];
  for (let next = leaf.issuerCertificate; next && shown.length < CHAIN_MAX; next = next.issuerCertificate)
    shown.push(next);
  return shown;
}

function isIssuer(candidate: X509Certificate, signed: X509Certificate | undefined): boolean {
  return signed !== undefined && candidate.ca && signed.checkIssued(candidate) && signed.verify(candidate.publicKey);
}

function isWithinDates(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now <= certificate.validToDate;
}

function isMatch({ selector, matchingType, association }: TlsaRecord, certificate: X509Certificate): boolean {
  const whole = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: "spki", format: "der" });
  const ours =
    matchingType === 0
      ? whole
      : createHash(matchingType === 1 ? "sha256" : "sha512")
          .update(whole)
          .digest();
  return ours.length === association.length && timingSafeEqual(ours, association);
}

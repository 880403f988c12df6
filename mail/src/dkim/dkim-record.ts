/**
 * Writes the DNS record that lets others verify our DKIM signatures (RFC 6376 §3.6.1, RFC 8463 §4). It goes to
 * `<selector>._domainkey.<domain>` as TXT. It does not ask DNS.
 */
import { createPublicKey, KeyObject } from "node:crypto";

/** DNS strings hold at most 255 octets (RFC 1035 §3.3). */
const STRING_MAX = 255;

/** The TXT value for an RSA or Ed25519 key; a private key will do, for the public one is in it. Throws on other keys. */
export function writeDkimRecord(key: KeyObject | string): string {
  const publicKey = key instanceof KeyObject && key.type === "public" ? key : createPublicKey(key);
  if (publicKey.asymmetricKeyType === "rsa") {
    return `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;
  }
  if (publicKey.asymmetricKeyType !== "ed25519") throw new Error("DKIM keys are RSA or Ed25519.");
  const { x } = publicKey.export({ format: "jwk" });
  return `v=DKIM1; k=ed25519; p=${Buffer.from(x ?? "", "base64url").toString("base64")}`;
}

/** The same value as the quoted strings that zone files need: resolvers join them without a space. */
export function writeTxtStrings(value: string): string {
  const strings: string[] = [];
  for (let at = 0; at < value.length; at += STRING_MAX) strings.push(`"${value.slice(at, at + STRING_MAX)}"`);
  return strings.join(" ");
}

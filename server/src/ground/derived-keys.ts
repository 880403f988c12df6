/** Keys for single purposes, all derived from the master key (HKDF, RFC 5869), so that nothing more has to be stored or backed up. */
import { hkdfSync } from "node:crypto";

export type KeyPurpose = "return-path" | "message-id" | "link" | "status-page";

/** 32 bytes; the same master key, purpose and number always give the same. A new number makes a new key while the old one is still known. */
export function deriveKey(masterKey: Buffer, purpose: KeyPurpose, number = 1): Buffer {
  return Buffer.from(hkdfSync("sha256", masterKey, "roundtrip", `${purpose}:${String(number)}`, 32));
}

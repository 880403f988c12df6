/** Makes a new DKIM key pair out of the machine's randomness, the one thing in this folder that is not the same twice. */
import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import { writeDkimRecord } from "./dkim-record.ts";

export interface DkimKeyPair {
  /** PKCS #8 PEM: to be sealed at rest. */
  readonly privateKeyPem: string;
  /** The TXT value for DNS. */
  readonly record: string;
}

/** RSA has 2048 bits: enough for every receiver, and the most that fits common DNS panels. Takes 0.1 to 1 s. */
export async function generateDkimKey(kind: "rsa" | "ed25519"): Promise<DkimKeyPair> {
  const { privateKey, publicKey } =
    kind === "rsa"
      ? await promisify(generateKeyPair)("rsa", { modulusLength: 2048 })
      : await promisify(generateKeyPair)("ed25519");
  return {
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }),
    record: writeDkimRecord(publicKey),
  };
}

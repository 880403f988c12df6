/**
 * Secrets at rest: each secret is encrypted under a data key of its own, and that key under the master key
 * (AES-256-GCM both times), so that the master key can be changed without touching the secrets' own ciphertext.
 * Does not keep or fetch the master key; see master-key.files.ts.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";

const version = 1;
const ivBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** Seals `plain` for the place named by `context` (a sealed value moved to another row does not open). `random` yields n random bytes. */
export function sealSecret(
  masterKey: Buffer,
  plain: Buffer,
  context: string,
  random: (bytes: number) => Buffer,
): Buffer {
  const dataKey = random(keyBytes);
  const wrapped = encrypt(masterKey, dataKey, `key:${context}`, random(ivBytes));
  const sealed = encrypt(dataKey, plain, `value:${context}`, random(ivBytes));
  return Buffer.concat([Buffer.from([version]), wrapped, sealed]);
}

/** Opens what `sealSecret` sealed; throws when the master key or the context is another one, or a byte was changed. */
export function openSecret(masterKey: Buffer, sealed: Buffer, context: string): Buffer {
  if (sealed[0] !== version) throw new Error(`Sealed secret ${context}: unknown format ${String(sealed[0])}`);
  const wrappedEnd = 1 + ivBytes + keyBytes + tagBytes;
  const dataKey = decrypt(masterKey, sealed.subarray(1, wrappedEnd), `key:${context}`);
  return decrypt(dataKey, sealed.subarray(wrappedEnd), `value:${context}`);
}

function encrypt(key: Buffer, plain: Buffer, context: string, iv: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(context));
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, sealed: Buffer, context: string): Buffer {
  const iv = sealed.subarray(0, ivBytes);
  const tag = sealed.subarray(sealed.length - tagBytes);
  const decipher = createDecipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(context)).setAuthTag(tag);
  return Buffer.concat([decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes)), decipher.final()]);
}

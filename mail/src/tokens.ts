/**
 * Derives from one secret all that makes a message its own: link tokens, seed, Message-ID. The same delivery always
 * gets the same ones, so a message sent again is byte for byte the same; without the secret none can be guessed.
 * It stores and checks nothing: whoever wants to find a delivery by its token keeps the token.
 */
import { writeBase32 } from "./encode/base32.ts";
import { writeHmac } from "./hmac.ts";

/** 160 bits: 32 letters of base32, with none left over. */
const TOKEN_BYTES = 20;
const IDS_BYTES = 12;

/**
 * 32 letters and digits in lower case, fit for URLs, boundaries and Message-IDs. `purpose` such as `survey-link` keeps
 * tokens apart: knowing one says nothing about another. A short secret or a number out of range throws.
 */
export function deriveToken(secret: Buffer, purpose: string, org: number, delivery: number): string {
  if (secret.length < 32) throw new RangeError("A token secret has 32 octets or more.");
  if (!/^[a-z][a-z-]*$/.test(purpose)) throw new RangeError("A purpose is written in lower-case letters and hyphens.");
  if (!Number.isSafeInteger(delivery)) throw new RangeError("A delivery id is a safe integer.");
  // NUL ends the purpose, which cannot hold one: no two inputs run together to the same bytes.
  const message = Buffer.alloc(purpose.length + 1 + IDS_BYTES);
  message.write(purpose, "latin1");
  message.writeUInt32BE(org, purpose.length + 1);
  message.writeUInt32BE(Math.floor(delivery / 2 ** 32), purpose.length + 5);
  message.writeUInt32BE(delivery % 2 ** 32, purpose.length + 9);
  const mac = writeHmac(secret, message);
  return writeBase32(mac.subarray(0, TOKEN_BYTES));
}

/** `<token@domain>` (RFC 5322 §3.6.4); the domain is ours, in A-labels. */
export function writeMessageId(token: string, domain: string): string {
  if (!/^[a-z0-9]+$/i.test(token) || !/^[a-z0-9.-]+$/i.test(domain)) throw new Error("This is no Message-ID.");
  return `<${token}@${domain}>`;
}

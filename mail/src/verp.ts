/**
 * Return-Path addresses that tie each bounce to one delivery (VERP), and that nobody else can make. Read and judged
 * without a database: a wrong one costs one HMAC. It does not know what a delivery is, and asks no clock.
 *
 *   b <base32 of: key id 1 · org 4 · delivery 8 · generation 1 · day 2 · HMAC-SHA-256 cut to 12 octets> @ domain     (46 characters)
 */
import { timingSafeEqual } from "node:crypto";
import { readBase32, writeBase32 } from "./encode/base32.ts";
import { writeHmac } from "./hmac.ts";
import { failed, ok, type Result } from "./result.ts";

export interface ReturnPathKey {
  /** 0 to 255; several keys live side by side while one replaces another. */
  readonly id: number;
  /** 32 octets or more. */
  readonly secret: Buffer;
}

export interface ReturnPathToken {
  /** Positive 32-bit number. */
  readonly org: number;
  readonly delivery: number;
  /** 0 to 255: which mail of this delivery. A notice of an earlier one must not speak for the present one. */
  readonly generation: number;
  /** When it was written, in the days of `returnPathDay`. */
  readonly day: number;
}

export type ReturnPathProblem = "not-ours" | "forged" | "expired";

const TAG = "b";
const TAG_BYTES = Buffer.from(TAG);
const PAYLOAD_BYTES = 16;
const MAC_BYTES = 12;
const TOKEN_LENGTH = TAG.length + Math.ceil(((PAYLOAD_BYTES + MAC_BYTES) * 8) / 5);
const VALID_DAYS = 30;
/** Nodes may disagree about midnight. */
const FUTURE_DAYS = 1;
const DAY_MS = 86_400_000;
const DAY_ZERO_MS = Date.UTC(2020, 0, 1);

/** Days since 2020-01-01, in UTC. */
export function returnPathDay(at: Date): number {
  return Math.floor((at.getTime() - DAY_ZERO_MS) / DAY_MS);
}

/** `b…@domain` for MAIL FROM. Numbers out of range are a bug of ours and throw. */
export function writeReturnPath(key: ReturnPathKey, token: ReturnPathToken, domain: string): string {
  if (!Number.isSafeInteger(token.delivery)) throw new RangeError("A delivery id is a safe integer.");
  const bytes = Buffer.allocUnsafe(PAYLOAD_BYTES + MAC_BYTES);
  bytes.writeUInt8(key.id, 0);
  bytes.writeUInt32BE(token.org, 1);
  bytes.writeUInt32BE(Math.floor(token.delivery / 2 ** 32), 5);
  bytes.writeUInt32BE(token.delivery % 2 ** 32, 9);
  bytes.writeUInt8(token.generation, 13);
  bytes.writeUInt16BE(token.day, 14);
  bytes.set(macOf(key, bytes.subarray(0, PAYLOAD_BYTES), domain), PAYLOAD_BYTES);
  return `${TAG}${writeBase32(bytes)}@${domain}`;
}

/**
 * `recipient` is the address of RCPT TO, without brackets, in any letter case; `today` comes from `returnPathDay`.
 * Only what carries a true MAC can be `expired`; whatever has not our shape is `not-ours`.
 */
export function readReturnPath(
  recipient: string,
  keys: readonly ReturnPathKey[],
  domain: string,
  today: number,
): Result<ReturnPathToken, ReturnPathProblem> {
  const bytes = readToken(recipient, domain);
  if (!bytes) return failed("not-ours");
  const payload = bytes.subarray(0, PAYLOAD_BYTES);
  const key = keys.find(({ id }) => id === payload.readUInt8(0));
  if (!key || !timingSafeEqual(macOf(key, payload, domain), bytes.subarray(PAYLOAD_BYTES))) return failed("forged");
  const token = {
    org: payload.readUInt32BE(1),
    delivery: Number(payload.readBigUInt64BE(5)),
    generation: payload.readUInt8(13),
    day: payload.readUInt16BE(14),
  };
  const age = today - token.day;
  return age > VALID_DAYS || age < -FUTURE_DAYS ? failed("expired") : ok(token);
}

function readToken(recipient: string, domain: string): Buffer | undefined {
  // ASCII alone: beyond it, letters such as the Kelvin sign turn into ours when their case is changed.
  if (recipient.length !== TOKEN_LENGTH + 1 + domain.length || !/^[!-~]*$/.test(recipient)) return undefined;
  const lower = recipient.toLowerCase();
  if (!lower.startsWith(TAG) || lower.slice(TOKEN_LENGTH) !== `@${domain.toLowerCase()}`) return undefined;
  return readBase32(recipient.slice(TAG.length, TOKEN_LENGTH));
}

function macOf(key: ReturnPathKey, payload: Buffer, domain: string): Buffer {
  if (key.secret.length < 32) throw new RangeError("A return-path secret has 32 octets or more.");
  const message = Buffer.concat([TAG_BYTES, payload, Buffer.from(domain.toLowerCase())]);
  return writeHmac(key.secret, message).subarray(0, MAC_BYTES);
}

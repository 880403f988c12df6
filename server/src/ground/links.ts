/**
 * The personal links in a mail: they name one delivery, nobody can guess one, and reading one asks no database.
 * A link alone never changes anything; that takes a POST (mail scanners open every link they see).
 */
import { timingSafeEqual } from "node:crypto";
import { deriveToken } from "@roundtrip/mail/tokens";

export type LinkPurpose = "survey" | "unsubscribe";

export interface LinkTarget {
  readonly org: number;
  readonly delivery: number;
}

const paths = { survey: "s", unsubscribe: "u" } as const satisfies Record<LinkPurpose, string>;

/** `https://host/s/<org>-<delivery>-<160-bit token>`; numbers in base 36. */
export function writeLink(publicUrl: string, secret: Buffer, purpose: LinkPurpose, target: LinkTarget): string {
  const token = deriveToken(secret, purpose, target.org, target.delivery);
  return `${publicUrl}/${paths[purpose]}/${target.org.toString(36)}-${target.delivery.toString(36)}-${token}`;
}

/** Null for anything that is not exactly a link of ours for this purpose; the caller answers all of those alike. */
export function readLink(text: string, secret: Buffer, purpose: LinkPurpose): LinkTarget | null {
  const parts = /^([0-9a-z]{1,7})-([0-9a-z]{1,11})-([a-z2-7]{32})$/.exec(text);
  if (!parts) return null;
  const [, orgText = "", deliveryText = "", given = ""] = parts;
  const target = { org: Number.parseInt(orgText, 36), delivery: Number.parseInt(deliveryText, 36) };
  if (target.org > 0xffff_ffff || !Number.isSafeInteger(target.delivery)) return null;
  const expected = deriveToken(secret, purpose, target.org, target.delivery);
  return timingSafeEqual(Buffer.from(given), Buffer.from(expected)) ? target : null;
}

/**
 * Decides what the server of a persona answers to RCPT and to the final dot. Pure: what has happened before comes in as
 * numbers. It keeps nothing and sends nothing.
 */
import { personaNamed, type PersonaName } from "./personas.ts";

export type RcptAnswer =
  | { readonly kind: "take" }
  | { readonly kind: "refuse"; readonly reply: string }
  /** 421: the reply is the last on this connection (RFC 5321 §3.8). */
  | { readonly kind: "hang-up"; readonly reply: string };

export type MailAnswer =
  /** `copy`: it was kept before, so 250 without keeping it again. */
  | { readonly kind: "take"; readonly keeps: "mail" | "copy" }
  | { readonly kind: "refuse"; readonly reply: string }
  | { readonly kind: "drop"; readonly keeps: "mail" | "nothing" };

/** `tries`: RCPT commands for this recipient so far, this one included. `isAboveRate`: of all rate-limited ones together. */
export function decideAtRcpt(name: PersonaName, to: string, tries: number, isAboveRate: boolean): RcptAnswer {
  const { refusesRcpt, isRateLimited } = personaNamed(name);
  if (isRateLimited && isAboveRate) {
    return { kind: "hang-up", reply: "421 4.7.0 Too many messages from your address, closing the connection" };
  }
  if (refusesRcpt && tries <= refusesRcpt.tries) {
    return { kind: "refuse", reply: refusesRcpt.reply.replace("<@>", () => `<${to}>`) };
  }
  return { kind: "take" };
}

/** `copies`: mails with this Message-ID that have come for this recipient, this one included. */
export function decideAtDot(name: PersonaName, copies: number): MailAnswer {
  const { refusesMail, dropsFirstCopy } = personaNamed(name);
  if (refusesMail) return { kind: "refuse", reply: refusesMail.reply };
  if (!dropsFirstCopy) return { kind: "take", keeps: "mail" };
  const isKept = dropsFirstCopy === "kept";
  if (copies === 1) return { kind: "drop", keeps: isKept ? "mail" : "nothing" };
  return { kind: "take", keeps: isKept || copies > 2 ? "copy" : "mail" };
}

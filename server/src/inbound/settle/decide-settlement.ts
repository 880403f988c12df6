/**
 * Decides what a recognised mail means for us. Pure. The token says who it is about, the mail says why: a notice
 * without a token of ours changes no employee, whatever it claims. What cannot be placed is kept for a person to see.
 */
import type { DeliveryEvent } from "../../outcome/delivery.ts";
import type { Recognised, RecognisedRecipient } from "../recognise/recognised.ts";

export type Settlement =
  /** News about the delivery that the token names. */
  | {
      readonly kind: "delivery";
      readonly event: DeliveryEvent;
      readonly result: string;
      readonly recipient: RecognisedRecipient | null;
    }
  /** Somebody wrote, or their mailbox did. `evidence` holds when it came by the token of a delivery. */
  | {
      readonly kind: "reply";
      readonly automatic: boolean;
      readonly reason: string | null;
      readonly evidence: DeliveryEvent | null;
    }
  | { readonly kind: "unmatched"; readonly because: string };

/** `address` is where the delivery went, to pick the right one out of a notice that names several; null when no token was found. */
export function decideSettlement(mail: Recognised, address: string | null): Settlement {
  switch (mail.kind) {
    case "bounce":
    case "delayed":
    case "success":
      return address === null
        ? { kind: "unmatched", because: "The notice carries no token of ours." }
        : settleNotice(mail.recipients, address);
    case "complaint":
      if (address === null) return { kind: "unmatched", because: "The complaint carries no token of ours." };
      return { kind: "delivery", event: { kind: "complained" }, result: "complained", recipient: null };
    case "auto-reply":
      return {
        kind: "reply",
        automatic: true,
        reason: mail.autoReply?.reason ?? null,
        evidence: address === null ? null : { kind: "evidence-of-arrival" },
      };
    case "reply":
      return {
        kind: "reply",
        automatic: false,
        reason: null,
        evidence: address === null ? null : { kind: "evidence-of-arrival" },
      };
    case "dmarc-report":
    case "dmarc-failure":
    case "tls-report":
      return { kind: "unmatched", because: "Reports are kept, but not read yet." };
    case "read-receipt":
    case "other":
      return { kind: "unmatched", because: "It is neither a notice nor a reply." };
    case "unreadable":
      return { kind: "unmatched", because: `It could not be read: ${mail.reason}.` };
  }
}

function settleNotice(recipients: readonly RecognisedRecipient[], address: string): Settlement {
  const recipient =
    recipients.find((candidate) => candidate.recipient === address.toLowerCase()) ??
    recipients.find((candidate) => candidate.action === "failed") ??
    recipients[0];
  if (!recipient) return { kind: "unmatched", because: "The notice names no recipient and no outcome." };
  const { action, cause, fault, permanent, rule, text } = recipient;
  if (action === "delivered" || action === "relayed" || action === "expanded") {
    // Relayed and expanded say that it went on, not that it arrived.
    const arrived = action === "delivered";
    return {
      kind: "delivery",
      event: { kind: arrived ? "notice-delivered" : "notice-delayed" },
      result: action,
      recipient,
    };
  }
  if (action !== "failed" || !recipient.final)
    return { kind: "delivery", event: { kind: "notice-delayed" }, result: "delayed", recipient };
  return {
    kind: "delivery",
    event: { kind: "notice-failed", verdict: { cause, fault, permanent, rule }, text },
    result: "failed",
    recipient,
  };
}

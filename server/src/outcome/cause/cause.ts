/**
 * Why a mail was not delivered, in sixteen words, and whose fault that is. Plain words and types; the rules that find
 * the cause are data in this folder, and what follows from a cause is decided elsewhere.
 */

export const causes = [
  "recipient-unknown",
  "mailbox-disabled",
  "mailbox-full",
  "domain-invalid",
  "message-too-large",
  "content-rejected",
  "reputation-blocked",
  "authentication-failed",
  "policy-rejected",
  "rate-limited",
  "greylisted",
  "tls-failed",
  "network-or-timeout",
  "server-fault",
  "suppressed",
  "unclassified",
] as const;

export type Cause = (typeof causes)[number];

/** The address is wrong (mend the person), their mail system is in the way (tell their IT), or we are (tell the operator). */
export type Fault = "address" | "their-system" | "us";

export interface CauseVerdict {
  readonly cause: Cause;
  readonly fault: Fault;
  /** As the remote said it: 5xx true, 4xx false, null where it said neither. It is no judgement of ours. */
  readonly permanent: boolean | null;
  /** Id of the rule that decided, so that a wrong verdict can be traced and run again. */
  readonly rule: string;
}

/** Whose fault a cause is, as long as the rule that found it does not know better. */
export function faultOf(cause: Cause): Fault {
  return MEANINGS[cause].fault;
}

/** One sentence for the person who looks after employees and rounds, not for a mail engineer. */
export function explainCause(cause: Cause): string {
  return MEANINGS[cause].sentence;
}

const MEANINGS: Readonly<Record<Cause, { readonly fault: Fault; readonly sentence: string }>> = {
  "recipient-unknown": { fault: "address", sentence: "There is no mailbox with this address." },
  "mailbox-disabled": { fault: "address", sentence: "The mailbox exists, but it has been closed or switched off." },
  "mailbox-full": {
    fault: "address",
    sentence: "The mailbox is full and takes no new mail until its owner makes room.",
  },
  "domain-invalid": {
    fault: "address",
    sentence: "The part after the @ sign does not exist or takes no mail: check it for a typing error.",
  },
  "message-too-large": { fault: "their-system", sentence: "The mail is larger than this mailbox accepts." },
  "content-rejected": { fault: "their-system", sentence: "A filter on their side took the mail for spam or a danger." },
  "reputation-blocked": {
    fault: "us",
    sentence: "Their mail system does not trust the server that our mail comes from.",
  },
  "authentication-failed": {
    fault: "us",
    sentence: "Their mail system could not verify that the mail really comes from our domain.",
  },
  "policy-rejected": { fault: "their-system", sentence: "A rule of their mail system does not let this mail in." },
  "rate-limited": { fault: "their-system", sentence: "Their mail system asks us to send more slowly." },
  greylisted: {
    fault: "their-system",
    sentence: "Their mail system asks unknown senders to try once more a little later.",
  },
  "tls-failed": { fault: "their-system", sentence: "No secure connection to their mail system could be made." },
  "network-or-timeout": { fault: "their-system", sentence: "Their mail system could not be reached in time." },
  "server-fault": { fault: "their-system", sentence: "Their mail system had a fault of its own." },
  suppressed: {
    fault: "address",
    sentence: "The mail was not tried, because this address stands on a list of addresses that failed before.",
  },
  unclassified: { fault: "their-system", sentence: "The mail was refused, and the answer does not say clearly why." },
};

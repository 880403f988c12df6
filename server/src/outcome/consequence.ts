/** What follows from a failure: try again in a certain rhythm, or stop and flag. A data table over cause and permanence, no code. */
import type { Cause } from "./cause/cause.ts";
import type { Flag } from "./flag.ts";
import type { RetryKind } from "./retry-policy.ts";

export type Consequence =
  | { readonly kind: "retry"; readonly rhythm: RetryKind }
  | { readonly kind: "stop"; readonly flag: Flag; readonly alertOperator: boolean };

const retry = (rhythm: RetryKind): Consequence => ({ kind: "retry", rhythm });
const stop = (flag: Flag): Consequence => ({ kind: "stop", flag, alertOperator: false });
/** The other side names us as the reason: the person is not to blame, and the operator must know. */
const stopAndAlert: Consequence = { kind: "stop", flag: "refused-by-their-system", alertOperator: true };

/** `permanent` and `temporary` are the remote's own word. A full mailbox stays a matter of waiting even when it says 5xx. */
const table: Readonly<Record<Cause, { readonly permanent: Consequence; readonly temporary: Consequence }>> = {
  "recipient-unknown": { permanent: stop("hard"), temporary: retry("network") },
  "mailbox-disabled": { permanent: stop("hard"), temporary: retry("mailbox-full") },
  "mailbox-full": { permanent: retry("mailbox-full"), temporary: retry("mailbox-full") },
  "domain-invalid": { permanent: stop("hard"), temporary: retry("network") },
  // Our mails are a few kilobytes: "too large" speaks of what is left of a quota.
  "message-too-large": { permanent: retry("mailbox-full"), temporary: retry("mailbox-full") },
  "content-rejected": { permanent: stop("refused-by-their-system"), temporary: retry("greylisted") },
  "reputation-blocked": { permanent: stopAndAlert, temporary: retry("throttled") },
  "authentication-failed": { permanent: stopAndAlert, temporary: retry("network") },
  "policy-rejected": { permanent: stop("refused-by-their-system"), temporary: retry("greylisted") },
  "rate-limited": { permanent: retry("throttled"), temporary: retry("throttled") },
  greylisted: { permanent: retry("greylisted"), temporary: retry("greylisted") },
  "tls-failed": { permanent: retry("network"), temporary: retry("network") },
  "network-or-timeout": { permanent: retry("network"), temporary: retry("network") },
  "server-fault": { permanent: retry("network"), temporary: retry("network") },
  suppressed: { permanent: stop("hard"), temporary: stop("hard") },
  unclassified: { permanent: stop("hard"), temporary: retry("network") },
};

/** Looks the consequence up. `permanent` null (the remote did not say) counts as temporary: a wrong retry costs less than a wrong flag. */
export function findConsequence(cause: Cause, permanent: boolean | null): Consequence {
  return table[cause][permanent ? "permanent" : "temporary"];
}

/**
 * The delivery state machine: what a mail to one person becomes when something happens to it, and what follows.
 * Pure: (delivery, event, when) → step; effects are values that a store carries out. An event that does not concern
 * the present state changes nothing, so duplicates and late-comers are harmless. The database refuses other transitions.
 */
import type { CauseVerdict } from "./cause/cause.ts";
import { findConsequence } from "./consequence.ts";
import type { Flag } from "./flag.ts";
import { nextStep, type RetryPolicy } from "./retry-policy.ts";

export const deliveryStates = [
  "queued",
  "held",
  "claimed",
  "submitting",
  "unknown",
  "accepted",
  "delivered",
  "bounced",
  "expired",
  "suppressed",
  "complained",
  "cancelled",
] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** States in which the sending side still has something to do. */
const waiting: ReadonlySet<DeliveryState> = new Set(["queued", "held", "claimed", "submitting", "unknown"]);
export function isSettled(state: DeliveryState): boolean {
  return !waiting.has(state);
}

export interface Delivery {
  readonly state: DeliveryState;
  /** Tries that came to something; a throttled one does not count. */
  readonly attempts: number;
  readonly firstTriedAt: Date | null;
  /** It went out once more after an answer was lost. */
  readonly possibleDuplicate: boolean;
  /** The person carries a soft flag from an earlier mail. */
  readonly softFlagged: boolean;
}

/** Why a mail was not even tried. */
export type SuppressedBecause = "flagged" | "complained" | "inactive" | "opted-out" | "not-started" | "round-closed";

export type DeliveryEvent =
  | { readonly kind: "accepted" }
  | {
      readonly kind: "refused";
      readonly verdict: CauseVerdict;
      readonly hintMs: number | null;
      readonly text: string;
      /** It happened before any recipient was named, so it says nothing about this person; `for-good` where it sounded final. */
      readonly aboutUs?: "for-now" | "for-good";
    }
  /** The last byte had left when the connection was lost: sent or not, nobody can say. */
  | { readonly kind: "answer-lost" }
  /** It was certainly not handed over, and that was our own doing. */
  | { readonly kind: "withdrawn" }
  | { readonly kind: "resend-due" }
  | { readonly kind: "notice-failed"; readonly verdict: CauseVerdict; readonly text: string }
  | { readonly kind: "notice-delayed" }
  | { readonly kind: "notice-delivered" }
  /** Something only the recipient's mailbox could have caused came back, such as an out-of-office reply. */
  | { readonly kind: "evidence-of-arrival" }
  | { readonly kind: "complained" }
  | { readonly kind: "suppressed"; readonly because: SuppressedBecause }
  | { readonly kind: "held" }
  | { readonly kind: "released" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "round-closed" }
  | { readonly kind: "cleared" };

export interface When {
  readonly now: Date;
  readonly closesAt: Date;
  /** In [0, 1), for the retry jitter. */
  readonly chance: number;
}

export interface SendingRules {
  readonly retry: RetryPolicy;
  readonly unknownResendMs: number;
  readonly neverSendTwice: boolean;
}

export type Effect =
  | {
      readonly kind: "flag-employee";
      readonly flag: Flag;
      readonly verdict: CauseVerdict;
      readonly text: string;
    }
  /** The second flag: this person does not want the mail. */
  | { readonly kind: "mark-complained" }
  /** A mail was accepted again, so the soft flag has served its time. */
  | { readonly kind: "lift-soft-flag" }
  | { readonly kind: "alert-operator"; readonly verdict: CauseVerdict; readonly text: string };

export interface Step {
  readonly state: DeliveryState;
  /** When it is tried next (queued), or resent (unknown); null: a person decides, or nothing more happens. */
  readonly dueAt: Date | null;
  readonly attempts: number;
  readonly possibleDuplicate: boolean;
  /** The person's address was put right: it goes out as another mail, with another Message-ID. */
  readonly newGeneration: boolean;
  readonly suppressedBecause: SuppressedBecause | null;
  readonly effects: readonly Effect[];
}

/** Decides the step; null when the event changes nothing in this state. */
export function decideStep(delivery: Delivery, event: DeliveryEvent, rules: SendingRules, when: When): Step | null {
  const { state } = delivery;
  const inFlight = state === "claimed" || state === "submitting";
  switch (event.kind) {
    case "accepted":
      return inFlight || state === "unknown" ? afterAcceptance(delivery) : null;
    case "refused":
      return inFlight ? afterRefusal(delivery, event, rules, when) : null;
    case "answer-lost":
      return state === "submitting" ? afterLostAnswer(delivery, rules, when) : null;
    case "withdrawn":
      return inFlight ? to(delivery, "queued", { dueAt: when.now }) : null;
    case "resend-due":
      return state === "unknown" ? to(delivery, "queued", { dueAt: when.now, possibleDuplicate: true }) : null;
    case "notice-failed":
      return afterFailureNotice(delivery, event);
    case "notice-delayed":
      return null;
    case "notice-delivered":
      return riseTo(delivery, "delivered");
    case "evidence-of-arrival":
      return state === "unknown" ? to(delivery, "accepted") : null;
    case "complained":
      return riseTo(delivery, "complained", [{ kind: "mark-complained" }]);
    case "suppressed":
      return state === "queued" || state === "held" || state === "claimed"
        ? to(delivery, "suppressed", { suppressedBecause: event.because })
        : null;
    case "held":
      return state === "queued" || state === "claimed" ? to(delivery, "held") : null;
    case "released":
      return state === "held" ? to(delivery, "queued", { dueAt: when.now }) : null;
    case "cancelled":
      return state === "queued" || state === "held" ? to(delivery, "cancelled") : null;
    case "round-closed":
      return state === "queued" || state === "held" ? atClose(delivery) : null;
    case "cleared":
      return state === "bounced" || state === "expired" || state === "suppressed"
        ? to(delivery, "queued", { dueAt: when.now, attempts: 0, possibleDuplicate: false, newGeneration: true })
        : null;
  }
}

/** A relay that cannot be reached this often is the operator's business. */
const alertAfterAttempts = 3;

function afterAcceptance(delivery: Delivery): Step {
  return to(delivery, "accepted", {
    attempts: delivery.attempts + 1,
    effects: delivery.softFlagged ? [{ kind: "lift-soft-flag" }] : [],
  });
}

function afterRefusal(
  delivery: Delivery,
  event: Extract<DeliveryEvent, { kind: "refused" }>,
  rules: SendingRules,
  when: When,
): Step {
  const consequence = findConsequence(event.verdict.cause, event.verdict.permanent);
  const attempts = delivery.attempts + 1;
  if (consequence.kind === "stop") {
    const effects: Effect[] = [
      { kind: "flag-employee", flag: consequence.flag, verdict: event.verdict, text: event.text },
    ];
    if (consequence.alertOperator) effects.push({ kind: "alert-operator", verdict: event.verdict, text: event.text });
    return to(delivery, "bounced", { attempts, effects });
  }
  const tried = {
    kind: consequence.rhythm,
    attempts,
    firstTriedAt: delivery.firstTriedAt ?? when.now,
    hintMs: event.hintMs,
  };
  const next = nextStep(rules.retry, tried, when);
  if (next.kind === "give-up") {
    return to(delivery, "expired", { attempts, effects: event.aboutUs ? [] : [flagSoft(event)] });
  }
  const needsOperator = event.aboutUs === "for-good" || (event.aboutUs === "for-now" && attempts >= alertAfterAttempts);
  const effects: Effect[] = needsOperator ? [{ kind: "alert-operator", verdict: event.verdict, text: event.text }] : [];
  // Being told to slow down says nothing about this mail: the try is not counted against it.
  return to(delivery, "queued", {
    dueAt: next.at,
    attempts: consequence.rhythm === "throttled" ? delivery.attempts : attempts,
    effects,
  });
}

/** Waits for evidence, then goes out once more with the same bytes. A second lost answer, or "never send twice", is a person's to decide. */
function afterLostAnswer(delivery: Delivery, rules: SendingRules, when: When): Step {
  const mayResend = !rules.neverSendTwice && !delivery.possibleDuplicate;
  const dueAt = mayResend ? new Date(when.now.getTime() + rules.unknownResendMs) : null;
  return to(delivery, "unknown", { attempts: delivery.attempts + 1, dueAt });
}

/** The next server had accepted the mail and gave up on it later; its retries are over, so waiting causes end as expired. */
function afterFailureNotice(delivery: Delivery, event: Extract<DeliveryEvent, { kind: "notice-failed" }>): Step | null {
  const consequence = findConsequence(event.verdict.cause, event.verdict.permanent);
  if (consequence.kind === "retry") return riseTo(delivery, "expired", [flagSoft(event)]);
  const effects: Effect[] = [
    { kind: "flag-employee", flag: consequence.flag, verdict: event.verdict, text: event.text },
  ];
  if (consequence.alertOperator) effects.push({ kind: "alert-operator", verdict: event.verdict, text: event.text });
  return riseTo(delivery, "bounced", effects);
}

function flagSoft(event: { readonly verdict: CauseVerdict; readonly text: string }): Effect {
  return { kind: "flag-employee", flag: "soft", verdict: event.verdict, text: event.text };
}

/** News from beyond the next server may come doubled and in any order: the weightiest word stays. */
const weight = { accepted: 0, delivered: 1, expired: 2, bounced: 3, complained: 4 } as const;

function riseTo(
  delivery: Delivery,
  state: "delivered" | "expired" | "bounced" | "complained",
  effects: readonly Effect[] = [],
): Step | null {
  const standing = delivery.state;
  if (standing === "cancelled" || standing === "suppressed") return null;
  if (standing in weight && weight[standing as keyof typeof weight] >= weight[state]) return null;
  return to(delivery, state, { effects });
}

function atClose(delivery: Delivery): Step {
  return delivery.attempts > 0
    ? to(delivery, "expired")
    : to(delivery, "suppressed", { suppressedBecause: "round-closed" });
}

function to(delivery: Delivery, state: DeliveryState, changes: Partial<Step> = {}): Step {
  return {
    state,
    dueAt: null,
    attempts: delivery.attempts,
    possibleDuplicate: delivery.possibleDuplicate,
    newGeneration: false,
    suppressedBecause: null,
    effects: [],
    ...changes,
  };
}

/**
 * Says when a softly refused mail is tried again, and when trying ends. Pure: takes the time, gives the time.
 * The same function draws the "next try" in the interface, so what is shown is what happens.
 */

/** How a temporary trouble behaves, which decides the rhythm of the tries. */
export type RetryKind = "greylisted" | "network" | "throttled" | "mailbox-full";

export interface RetryPolicy {
  /** Waits before the 2nd, 3rd, … try; the last one repeats. */
  readonly delaysMs: Readonly<Record<RetryKind, readonly number[]>>;
  readonly giveUpAfterMs: number;
  /** Trying ends this long before the round closes: a mail nobody can answer any more helps no one. */
  readonly marginBeforeCloseMs: number;
  /** Each wait is stretched or shortened by up to this share, so that retries of one minute do not stampede. */
  readonly jitter: number;
  /** A wait that the other side names is believed within these bounds. */
  readonly shortestHintMs: number;
  readonly longestHintMs: number;
}

const minute = 60_000;
const hour = 60 * minute;

export const defaultRetryPolicy = {
  delaysMs: {
    greylisted: [5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour],
    network: [5 * minute, 15 * minute, hour, 2 * hour, 4 * hour],
    throttled: [10 * minute],
    "mailbox-full": [hour, 4 * hour, 12 * hour],
  },
  giveUpAfterMs: 72 * hour,
  marginBeforeCloseMs: hour,
  jitter: 0.1,
  shortestHintMs: 30_000,
  longestHintMs: 6 * hour,
} satisfies RetryPolicy;

export interface Tried {
  readonly kind: RetryKind;
  /** Counting the one that just failed: at least 1. */
  readonly attempts: number;
  readonly firstTriedAt: Date;
  /** A wait the other side named in its reply. */
  readonly hintMs: number | null;
}

export type NextStep =
  | { readonly kind: "retry"; readonly at: Date }
  | { readonly kind: "give-up"; readonly because: "tried-long-enough" | "round-closes" };

/** `chance` is a number in [0, 1). The last try is moved forward to the deadline rather than dropped, when that is still a real wait away. */
export function nextStep(
  policy: RetryPolicy,
  tried: Tried,
  when: { now: Date; closesAt: Date; chance: number },
): NextStep {
  const tooOldMs = tried.firstTriedAt.getTime() + policy.giveUpAfterMs;
  const closingMs = when.closesAt.getTime() - policy.marginBeforeCloseMs;
  const deadlineMs = Math.min(tooOldMs, closingMs);
  const delays = policy.delaysMs[tried.kind];
  const shortestMs = (delays[0] ?? 0) * (1 - policy.jitter);
  const nowMs = when.now.getTime();
  if (deadlineMs - nowMs < Math.min(shortestMs, 5 * minute)) {
    return { kind: "give-up", because: closingMs < tooOldMs ? "round-closes" : "tried-long-enough" };
  }
  const atMs = nowMs + waitMs(policy, tried, when.chance);
  return { kind: "retry", at: new Date(Math.min(atMs, deadlineMs)) };
}

function waitMs(policy: RetryPolicy, tried: Tried, chance: number): number {
  const delays = policy.delaysMs[tried.kind];
  const planned = delays[Math.min(tried.attempts, delays.length) - 1] ?? minute;
  const hinted =
    tried.hintMs === null ? null : Math.min(Math.max(tried.hintMs, policy.shortestHintMs), policy.longestHintMs);
  // A hint is a minimum the other side asked for, so jitter only ever lengthens it.
  if (hinted !== null) return hinted * (1 + policy.jitter * chance);
  return planned * (1 + policy.jitter * (2 * chance - 1));
}

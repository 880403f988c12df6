/** Retries come in the documented rhythm, never stampede, and always end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultRetryPolicy, nextStep, type RetryKind, type Tried } from "./retry-policy.ts";

const start = new Date("2026-11-24T08:00:00Z");
const minute = 60_000;
const hour = 60 * minute;
const faraway = new Date(start.getTime() + 30 * 24 * hour);

/** The waits, in minutes, of a mail that is refused every time; jitter at its middle. */
function rhythm(kind: RetryKind, closesAt = faraway): number[] {
  const waits: number[] = [];
  let now = start;
  for (let attempts = 1; attempts < 100; attempts++) {
    const step = nextStep(
      defaultRetryPolicy,
      { kind, attempts, firstTriedAt: start, hintMs: null },
      { now, closesAt, chance: 0.5 },
    );
    if (step.kind === "give-up") return waits;
    waits.push((step.at.getTime() - now.getTime()) / minute);
    now = step.at;
  }
  throw new Error("never gave up");
}

describe("nextStep", () => {
  it("tries a greylisted mail after 5, 15, 30 minutes, 1 hour, 2 hours, then every 4 hours for 72 hours", () => {
    const waits = rhythm("greylisted");
    expect(waits.slice(0, 7)).toEqual([5, 15, 30, 60, 120, 240, 240]);
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBe(72 * 60);
  });

  it("tries a full mailbox after 1, 4, then every 12 hours", () => {
    expect(rhythm("mailbox-full").slice(0, 4)).toEqual([60, 240, 720, 720]);
  });

  it("makes its last try an hour before the round closes, and says why it ends", () => {
    const closesAt = new Date(start.getTime() + 3 * hour);
    expect(rhythm("mailbox-full", closesAt)).toEqual([60, 60]);
    const late = nextStep(
      defaultRetryPolicy,
      { kind: "network", attempts: 3, firstTriedAt: start, hintMs: null },
      { now: new Date(start.getTime() + 2 * hour), closesAt, chance: 0 },
    );
    expect(late).toEqual({ kind: "give-up", because: "round-closes" });
  });

  it("believes a wait named in the reply, within 30 seconds and 6 hours", () => {
    const waitFor = (hintMs: number) => {
      const step = nextStep(
        defaultRetryPolicy,
        { kind: "greylisted", attempts: 1, firstTriedAt: start, hintMs },
        { now: start, closesAt: faraway, chance: 0 },
      );
      return step.kind === "retry" ? step.at.getTime() - start.getTime() : null;
    };
    expect(waitFor(20 * minute)).toBe(20 * minute);
    expect(waitFor(1)).toBe(30_000);
    expect(waitFor(100 * hour)).toBe(6 * hour);
  });

  it("ends for every rhythm, close and luck, never later than its deadline, and never goes back in time", () => {
    const kinds = fc.constantFrom<RetryKind>("greylisted", "network", "throttled", "mailbox-full");
    fc.assert(
      fc.property(
        kinds,
        fc.integer({ min: 0, max: 200 * 60 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (kind, openMinutes, chance) => {
          const closesAt = new Date(start.getTime() + openMinutes * minute);
          const deadline = Math.min(closesAt.getTime() - hour, start.getTime() + 72 * hour);
          let tried: Tried = { kind, attempts: 1, firstTriedAt: start, hintMs: null };
          let now = start;
          for (let step = nextStep(defaultRetryPolicy, tried, { now, closesAt, chance }); step.kind === "retry";) {
            expect(step.at.getTime()).toBeGreaterThan(now.getTime());
            expect(step.at.getTime()).toBeLessThanOrEqual(deadline);
            now = step.at;
            tried = { ...tried, attempts: tried.attempts + 1 };
            expect(tried.attempts).toBeLessThan(1000);
            step = nextStep(defaultRetryPolicy, tried, { now, closesAt, chance });
          }
        },
      ),
    );
  });

  it("waits longer with each try until the last delay repeats, apart from the move to the deadline", () => {
    for (const kind of ["greylisted", "network", "mailbox-full"] as const) {
      const waits = rhythm(kind).slice(0, -1);
      for (const [index, wait] of waits.entries()) expect(wait).toBeGreaterThanOrEqual(waits[index - 1] ?? 0);
    }
  });
});

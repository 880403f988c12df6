/** A slot is used at its time or lost, and the database's clock is read as if its answers took no time. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DatabaseClock, latestMs, Pace } from "./pace.ts";

const grantOf = (more: object = {}) => ({
  key: "lane",
  granted: 3,
  firstInMs: 50,
  everyMs: 100,
  databaseMs: 1_000_000,
  ...more,
});
const asked = (sentMs: number, answeredMs = sentMs) => ({ sentMs, answeredMs });

describe("a pace", () => {
  it("hands out each slot once, at its time", () => {
    const pace = new Pace(new DatabaseClock());
    pace.add(grantOf(), asked(0));
    expect(pace.left(0)).toBe(3);
    expect([1, 2, 3, 4].map(() => pace.take(0)?.fromMs)).toEqual([50, 150, 250, undefined]);
  });

  it("lets a mail begin a little late, and loses a slot that was missed", () => {
    const pace = new Pace(new DatabaseClock());
    pace.add(grantOf(), asked(0));
    expect(pace.take(50 + latestMs)).toEqual({ fromMs: 50 + latestMs, untilMs: 50 + latestMs });
    expect(pace.left(150 + latestMs + 1)).toBe(1);
    expect(pace.take(150 + latestMs + 1)).toEqual({ fromMs: 250, untilMs: 250 + latestMs });
  });

  it("goes on with the next grant when one is used up, and forgets all when the lane is slowed down", () => {
    const pace = new Pace(new DatabaseClock());
    pace.add(grantOf({ granted: 1 }), asked(0));
    pace.add(grantOf({ granted: 0 }), asked(0));
    pace.add(grantOf({ granted: 2, firstInMs: 150 }), asked(0));
    expect([pace.take(0)?.fromMs, pace.take(0)?.fromMs, pace.left(0)]).toEqual([50, 150, 1]);
    pace.drop();
    expect(pace.take(0)).toBeNull();
  });

  it("gives all at once where there is no pace, whenever they are taken", () => {
    const pace = new Pace(new DatabaseClock());
    pace.add(grantOf({ granted: 2, firstInMs: 0, everyMs: 0 }), asked(0));
    expect(pace.take(5000)).toEqual({ fromMs: 5000, untilMs: Infinity });
    expect([pace.take(9000)?.fromMs, pace.take(9000)]).toEqual([9000, null]);
  });

  it("never hands out more than granted, never before the slot, never later than allowed", () => {
    const moves = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 });
    fc.assert(
      fc.property(moves, fc.nat(40), fc.integer({ min: 1, max: 300 }), (steps, granted, everyMs) => {
        const pace = new Pace(new DatabaseClock());
        pace.add(grantOf({ granted, everyMs }), asked(0));
        let [nowMs, taken] = [0, 0];
        for (const step of steps) {
          nowMs += step;
          const slot = pace.take(nowMs);
          if (slot === null) continue;
          taken += 1;
          const index = (slot.untilMs - latestMs - 50) / everyMs;
          expect(Number.isInteger(index) && index >= taken - 1 && index < granted).toBe(true);
          expect(slot.fromMs).toBeGreaterThanOrEqual(Math.max(nowMs, 50 + index * everyMs));
          expect(slot.fromMs).toBeLessThanOrEqual(slot.untilMs);
        }
        expect(taken).toBeLessThanOrEqual(granted);
      }),
    );
  });
});

describe("the database's clock", () => {
  it("believes the quickest statements", () => {
    const clock = new DatabaseClock();
    clock.read(1000, asked(10, 90));
    expect([clock.toNodeMs(1000), clock.doubtMs]).toEqual([90, 80]);
    clock.read(1100, asked(119, 121));
    expect([clock.toNodeMs(1100), clock.doubtMs]).toEqual([121, 2]);
    clock.read(1200, asked(210, 290));
    expect(clock.toNodeMs(1200)).toBeCloseTo(221, 0);
  });

  it("begins anew when a clock was set", () => {
    const clock = new DatabaseClock();
    clock.read(1000, asked(10, 11));
    clock.read(1100 - 3_600_000, asked(110, 111));
    expect(clock.toNodeMs(1100 - 3_600_000)).toBe(111);
    clock.read(1200 + 3_600_000, asked(210, 211));
    expect(clock.toNodeMs(1200 + 3_600_000)).toBe(211);
  });

  it("makes slots useless until it is known well enough, and does with what it has when the database is far away", () => {
    const pace = new Pace(new DatabaseClock());
    const answers = Array.from({ length: 12 }, (_, n) => {
      pace.add(grantOf({ granted: 1, databaseMs: 1_000_000 + 1000 * n }), asked(1000 * n, 1000 * n + 80));
      return pace.take(1000 * n + 80)?.fromMs ?? null;
    });
    expect(answers.slice(0, 9)).toEqual(Array(9).fill(null));
    expect(answers[10]).toBeCloseTo(10_130, 0);
  });

  it("is never early, and late by no more than its doubt", () => {
    const trips = fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 })), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(trips, (answers) => {
        const clock = new DatabaseClock();
        for (const [index, [there, back]] of answers.entries()) {
          // The node's clock reads 7000 less than the database's.
          const atMs = 1000 * (index + 10);
          clock.read(atMs + 7000, asked(atMs - there, atMs + back));
          const lateMs = clock.toNodeMs(atMs + 7000) - atMs;
          expect(lateMs).toBeGreaterThanOrEqual(0);
          expect(lateMs).toBeLessThanOrEqual(clock.doubtMs + 1e-6);
          expect(clock.doubtMs).toBeLessThanOrEqual(there + back + 1e-6);
        }
      }),
    );
  });
});

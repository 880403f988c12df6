/** A new address begins with little, earns more by real use, and loses it again by idleness. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ceilingToday, type DayOfUse, plannedCeilings } from "./warm-up.ts";

const start = Date.parse("2026-11-24T09:00:00Z");
const dayMs = 86_400_000;
const on = (day: number) => new Date(start + day * dayMs);
const used = (day: number, sent: number): DayOfUse => ({ day: on(day).toISOString().slice(0, 10), sent });

describe("ceilingToday", () => {
  it("doubles from 50 a day while there is little, then grows by half, and ends after thirty days of use", () => {
    const planned = plannedCeilings([], "google", on(0), 31);
    expect(planned.slice(0, 9)).toEqual([50, 100, 200, 400, 800, 1600, 2400, 3600, 5400]);
    expect(planned[29]).toBeTypeOf("number");
    expect(planned[30]).toBeNull();
  });

  it("goes slower at Yahoo, and faster where one company's own server is all there is", () => {
    expect(plannedCeilings([], "yahoo", on(0), 5)).toEqual([50, 75, 112, 168, 252]);
    expect(plannedCeilings([], "own:example.com", on(0), 5)).toEqual([200, 400, 800, 1600, 2400]);
  });

  it("has no ceiling where nobody judges the address", () => {
    expect([ceilingToday([], "relay", on(0)), ceilingToday([], "world", on(0))]).toEqual([null, null]);
  });

  it("grows with what was really sent, not with time", () => {
    expect(ceilingToday([used(0, 10), used(1, 10), used(2, 10)], "google", on(3))).toBe(50);
    expect(ceilingToday([used(0, 40)], "google", on(1))).toBe(80);
  });

  it("does not count mails above the ceiling, nor those of today", () => {
    expect(ceilingToday([used(0, 40_000)], "google", on(1))).toBe(100);
    expect(ceilingToday([used(0, 50)], "google", on(0))).toBe(50);
  });

  it("loses half in thirty idle days, and an endless one ends", () => {
    const quarter = Array.from({ length: 90 }, (_, day) => used(day, 100_000_000));
    const idle = [30, 31, 61, 91, 900].map((days) => ceilingToday(quarter, "google", on(90 + days)));
    expect(idle[0]).toBeNull();
    expect(idle[1]! / idle[2]!).toBeCloseTo(2, 5);
    expect(idle[2]! / idle[3]!).toBeCloseTo(2, 5);
    expect(idle[4]).toBe(50);
    expect(ceilingToday([used(0, 50)], "google", on(31))).toBe(50);
  });

  const history = fc.array(fc.record({ day: fc.nat(200), sent: fc.nat(200_000) }), { maxLength: 60 });
  const provider = fc.constantFrom("google", "yahoo", "microsoft", "own:example.com");

  it("is never below the first day's, never more than double the best day, and does not depend on the order", () => {
    fc.assert(
      fc.property(history, provider, (days, name) => {
        const unique = [...new Map(days.map((entry) => [entry.day, used(entry.day, entry.sent)])).values()];
        const ceiling = ceilingToday(unique, name, on(201));
        expect(ceilingToday(unique.toReversed(), name, on(201))).toBe(ceiling);
        if (ceiling === null) return;
        const best = Math.max(0, ...unique.map(({ sent }) => sent));
        const first = ceilingToday([], name, on(0))!;
        expect(ceiling).toBeGreaterThanOrEqual(first);
        expect(ceiling).toBeLessThanOrEqual(Math.max(first, best * 2));
      }),
    );
  });

  it("never shrinks from one day to the next while it is used to the full, and never grows while it is not used", () => {
    fc.assert(
      fc.property(history, provider, (days, name) => {
        const known = days.map((entry) => used(entry.day, entry.sent));
        const planned = plannedCeilings(known, name, on(201), 40).map((ceiling) => ceiling ?? Infinity);
        expect(planned).toEqual(planned.toSorted((left, right) => left - right));
        const idle = Array.from({ length: 40 }, (_, day) => ceilingToday(known, name, on(201 + day)) ?? Infinity);
        expect(idle).toEqual(idle.toSorted((left, right) => right - left));
      }),
    );
  });
});

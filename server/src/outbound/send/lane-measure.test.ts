/** What is measured by counting comes to what it is, whenever the samples are taken. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LaneMeasure } from "./lane-measure.ts";

describe("a lane's measure", () => {
  it("says nothing before it has seen enough", () => {
    const measure = new LaneMeasure();
    measure.add({ busy: 5, done: 0, atMs: 0 });
    measure.add({ busy: 5, done: 19, atMs: 5000 });
    expect(measure.take()).toBeNull();
    measure.add({ busy: 5, done: 100, atMs: 10_000 });
    expect(measure.take()).toBe(0.5);
    expect(measure.take(), "and begins anew").toBeNull();
  });

  it("does not count the time in which nothing was to do, and forgets what it is told to", () => {
    const measure = new LaneMeasure();
    measure.add({ busy: 2, done: 0, atMs: 0 });
    measure.add({ busy: 0, done: 40, atMs: 4000 });
    measure.add({ busy: 0, done: 40, atMs: 900_000 });
    expect(measure.take()).toBe(0.1);
    measure.add({ busy: 9, done: 40, atMs: 901_000 });
    measure.add({ busy: 9, done: 90, atMs: 910_000 });
    measure.drop();
    expect(measure.take()).toBeNull();
  });

  it("finds the true figure of steady work, whenever it looks", () => {
    const looks = fc.array(fc.integer({ min: 50, max: 2000 }), { minLength: 10, maxLength: 50 });
    fc.assert(
      fc.property(looks, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 5, max: 100 }), (gaps, busy, eachMs) => {
        const measure = new LaneMeasure();
        let atMs = 0;
        for (const gap of [0, ...gaps]) {
          atMs += gap;
          measure.add({ busy, done: Math.floor((atMs / eachMs) * busy), atMs });
        }
        const found = measure.take();
        if (found !== null) expect(Math.abs(found * 1000 - eachMs) / eachMs).toBeLessThan(0.06);
      }),
    );
  });
});

/** Thousands of small worlds in which everything goes wrong, each drawn from a seed: every promise is kept after every step. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, it } from "vitest";
import { explainFailure, runSeeds } from "./run-seeds.ts";

interface KeptSeed {
  readonly seed: number;
  /** What it found when it failed. */
  readonly found: string;
}

/**
 * Known, reported and not mended yet: what comes back to the queue after its round has closed stays there, and a node that
 * marks an old and a new claim of one mail in the same statement hears yes to both.
 */
const known = /is left (queued|unknown) in a round that is closed$|^mark of \d+: somebody else has it$/;

const kept = JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as readonly KeptSeed[];
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

it.each([
  ["every seed that once failed", kept.map(({ seed }) => seed)],
  ["2,000 others", upTo(2000)],
])("%s: no promise is broken, and everything comes to rest", { timeout: 400_000 }, async (_name, seeds) => {
  const run = await runSeeds(inject("postgres"), "roundtrip_template", seeds, { failuresMost: Infinity });
  const failed = run.failed.filter(({ breaches }) => !breaches.every((breach) => known.test(breach)));
  expect(failed.slice(0, 5).map(explainFailure).join("\n\n")).toBe("");
  expect(run.played).toBe(seeds.length);
  // Worlds in which nothing happens would keep every promise too.
  expect(run.copies).toBeGreaterThan(seeds.length * 5);
});

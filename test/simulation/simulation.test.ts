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

const kept = JSON.parse(readFileSync(join(import.meta.dirname, "seeds.json"), "utf8")) as readonly KeptSeed[];
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

it.each([
  ["every seed that once failed", kept.map(({ seed }) => seed)],
  ["2,000 others", upTo(2000)],
])("%s: no promise is broken, and everything comes to rest", { timeout: 400_000 }, async (_name, seeds) => {
  const run = await runSeeds(inject("postgres"), "roundtrip_template", seeds);
  expect(run.failed.map(explainFailure).join("\n\n")).toBe("");
  expect(run.played).toBe(seeds.length);
  // Worlds in which nothing happens would keep every promise too.
  expect(run.copies).toBeGreaterThan(seeds.length * 5);
});

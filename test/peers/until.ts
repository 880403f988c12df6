/** Waiting for a condition, with a deadline and a sentence about what was missing when it passed. */
import { setTimeout as wait } from "node:timers/promises";

const lookEveryMs = 20;

/** `missing` looks and says what is not there yet; null ends the wait. Rejects with its last word when `deadlineMs` is over. */
export async function until(missing: () => string | null | Promise<string | null>, deadlineMs = 20_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const word = await missing();
    if (word === null) return;
    if (performance.now() > deadline) throw new Error(`Waited ${String(deadlineMs / 1000)} s in vain: ${word}`);
    await wait(lookEveryMs);
  }
}

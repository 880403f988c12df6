/** The computer's own clock and source of randomness: the only places where the server asks for either. */
import type { Clock } from "./clock.ts";

export const systemClock: Clock = {
  now: () => new Date(),
};

/** A number in [0, 1), as the retry jitter wants it; nothing that must not be guessed may be made of it. */
export type Chance = () => number;
export const systemChance: Chance = () => Math.random();

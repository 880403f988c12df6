/** The computer's own clock and source of randomness: the only places where the server asks for either. */
import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

export const systemClock: Clock = {
  now: () => new Date(),
};

/** A number in [0, 1), as the retry jitter wants it. */
export type Chance = () => number;
export const systemChance: Chance = () => randomBytes(4).readUInt32BE(0) / 0x1_0000_0000;

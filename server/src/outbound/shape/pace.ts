/**
 * Turns granted slots into instants on this node's own steady clock (`performance.now()`), and hands them out one a
 * mail: never before a slot, and not much after it; a slot that was missed is lost, or two nodes together would be too
 * fast. In memory only, and told the time; lane.store.ts grants the slots.
 */
import type { SlotGrant } from "./lane.store.ts";

/** How late a mail may begin after its slot. Slots lie so far apart that this stays within the pace (lane.store.ts). */
export const latestMs = 30;
/** Two steady clocks drift apart by less than this in a millisecond. */
const driftPerMs = 0.0002;

/** The node's time at which a statement was sent off, and at which its answer was there. */
export interface Asked {
  readonly sentMs: number;
  readonly answeredMs: number;
}

/**
 * What the database's clock reads in this node's time. An answer is always a little later than the clock it tells of;
 * the quickest answer so far comes closest, and one that cannot be true any more (a clock was set) begins anew.
 */
export class DatabaseClock {
  #aheadMs = Infinity;
  #readMs = 0;

  read(databaseMs: number, { sentMs, answeredMs }: Asked): void {
    const latest = answeredMs - databaseMs;
    const earliest = sentMs - databaseMs;
    const known = this.#aheadMs + (answeredMs - this.#readMs) * driftPerMs;
    this.#aheadMs = known < earliest ? latest : Math.min(known, latest);
    this.#readMs = answeredMs;
  }

  /** Only after a first reading. */
  toNodeMs(databaseMs: number): number {
    return databaseMs + this.#aheadMs;
  }
}

/** One mail may begin between these two instants of this node's time. */
export interface Slot {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A run of slots in this node's time. */
interface Run {
  readonly firstMs: number;
  readonly everyMs: number;
  readonly count: number;
}

/** The slots of one lane that this node holds. */
export class Pace {
  readonly #clock: DatabaseClock;
  #runs: Run[] = [];

  constructor(clock: DatabaseClock) {
    this.#clock = clock;
  }

  add(grant: SlotGrant, asked: Asked): void {
    if (grant.granted === 0) return;
    this.#clock.read(grant.databaseMs, asked);
    const firstMs = this.#clock.toNodeMs(grant.databaseMs + grant.firstInMs);
    this.#runs.push({ firstMs, everyMs: grant.everyMs, count: grant.granted });
  }

  /** The next mail's slot, which is gone then; null when none is left. Whoever wakes after its end takes another. */
  take(nowMs: number): Slot | null {
    this.#dropMissed(nowMs);
    const run = this.#runs[0];
    if (!run) return null;
    this.#runs[0] = { ...run, firstMs: run.firstMs + run.everyMs, count: run.count - 1 };
    return { fromMs: Math.max(run.firstMs, nowMs), untilMs: run.everyMs === 0 ? Infinity : run.firstMs + latestMs };
  }

  /** How many mails can still begin. */
  left(nowMs: number): number {
    this.#dropMissed(nowMs);
    return this.#runs.reduce((sum, { count }) => sum + count, 0);
  }

  /** Gives up what is held: the lane has been slowed down or paused. */
  drop(): void {
    this.#runs = [];
  }

  #dropMissed(nowMs: number): void {
    this.#runs = this.#runs.flatMap((run) => {
      if (run.everyMs === 0) return run.count > 0 ? [run] : [];
      const late = nowMs - latestMs - run.firstMs;
      const missed = late > 0 ? Math.ceil(late / run.everyMs) : 0;
      const count = run.count - missed;
      return count > 0 ? [{ ...run, firstMs: run.firstMs + missed * run.everyMs, count }] : [];
    });
  }
}

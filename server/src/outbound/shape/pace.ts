/**
 * Turns granted slots into instants on this node's own steady clock (`performance.now()`), and hands them out one a
 * mail: never before a slot, and not much after it; a slot that was missed is lost, or two nodes together would be too
 * fast. In memory only, and told the time; lane.store.ts grants the slots.
 */
import type { SlotGrant } from "./lane.store.ts";

/**
 * How late a mail may begin after its slot. Slots lie so far apart that 30 ms stay within the pace (lane.store.ts); the
 * rest is for timers that are early and for the answer of the database.
 */
export const latestMs = 25;
/** Two steady clocks drift apart by less than this in a millisecond. */
const driftPerMs = 0.0002;
/** A database that is far away never answers quickly: after so many readings we go by what we have. */
const readingsEnough = 10;

/** The node's time at which a statement was sent off, and at which its answer was there. */
export interface Asked {
  readonly sentMs: number;
  readonly answeredMs: number;
}

/**
 * What the database's clock reads in this node's time. It was read between the sending and the answer of a statement;
 * the quickest ones say it most exactly, and one that contradicts them (a clock was set) begins anew.
 */
export class DatabaseClock {
  #earliestMs = -Infinity;
  #latestMs = Infinity;
  #readMs = 0;
  #readings = 0;

  read(databaseMs: number, { sentMs, answeredMs }: Asked): void {
    const driftMs = (answeredMs - this.#readMs) * driftPerMs;
    const earliestMs = Math.max(this.#earliestMs - driftMs, sentMs - databaseMs);
    const latestMs = Math.min(this.#latestMs + driftMs, answeredMs - databaseMs);
    const agrees = earliestMs <= latestMs;
    this.#earliestMs = agrees ? earliestMs : sentMs - databaseMs;
    this.#latestMs = agrees ? latestMs : answeredMs - databaseMs;
    this.#readings = agrees ? this.#readings + 1 : 1;
    this.#readMs = answeredMs;
  }

  /** Never early, and at most `doubtMs` late. Only after a first reading. */
  toNodeMs(databaseMs: number): number {
    return databaseMs + this.#latestMs;
  }

  get doubtMs(): number {
    const doubtMs = this.#latestMs - this.#earliestMs;
    return this.#readings < readingsEnough ? doubtMs : Math.min(doubtMs, latestMs / 2);
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
  /** How late a mail may begin. */
  readonly slackMs: number;
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
    const slackMs = grant.everyMs === 0 ? Infinity : latestMs - this.#clock.doubtMs;
    // While the database's clock is not known well enough, its slots are lost; each answer makes it better known.
    if (slackMs >= 0) this.#runs.push({ firstMs, slackMs, everyMs: grant.everyMs, count: grant.granted });
  }

  /** The next mail's slot, which is gone then; null when none is left. Whoever wakes after its end takes another. */
  take(nowMs: number): Slot | null {
    this.#dropMissed(nowMs);
    const run = this.#runs[0];
    if (!run) return null;
    this.#runs[0] = { ...run, firstMs: run.firstMs + run.everyMs, count: run.count - 1 };
    return { fromMs: Math.max(run.firstMs, nowMs), untilMs: run.firstMs + run.slackMs };
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
      const lateMs = nowMs - run.slackMs - run.firstMs;
      const missed = lateMs > 0 ? Math.ceil(lateMs / run.everyMs) : 0;
      const count = run.count - missed;
      return count > 0 ? [{ ...run, firstMs: run.firstMs + missed * run.everyMs, count }] : [];
    });
  }
}

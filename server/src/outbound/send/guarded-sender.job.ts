/**
 * A sender that runs only while the database is known to be the one it was (ground/instance.ts). Promises that none starts
 * before the database was looked at, that a latch stops a running one gracefully, and that one is started within seconds
 * once the latch is lifted. It sends nothing itself, and what latches is not decided here.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "../../ground/clock.ts";
import type { Database } from "../../ground/database.store.ts";
import { explainLatch, type InstanceMarker, type LatchReason } from "../../ground/instance.ts";
import { readInstanceMarker, writeInstanceMarker } from "../../ground/instance-marker.files.ts";
import { checkInstance } from "../../ground/instance.store.ts";
import type { Log } from "../../ground/log.process.ts";
import type { Sender } from "./sender.job.ts";

export interface GuardParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** ROUNDTRIP_INSTANCE. */
  readonly instance: string | null;
  /** Where this machine remembers which database it has sent for. */
  readonly dataDir: string;
  readonly paces?: GuardPaces;
  /** Called again after each latch that was lifted. */
  start(): Promise<Sender>;
}

/** How often is asked: while nothing is sent (or the database did not answer), and while it is. */
export interface GuardPaces {
  readonly waitingMs: number;
  readonly sendingMs: number;
}

export interface GuardedSender {
  /** Why this node sends nothing; empty while nothing stands in its way. */
  readonly latched: readonly LatchReason[];
  /** As a sender's stop; prompt while none runs. */
  stop(): Promise<void>;
}

const usualPaces: GuardPaces = { waitingMs: 3000, sendingMs: 30_000 };

/** Looks, and starts a sender unless the database is latched. Rejects when the first look or the first start fails. */
export async function startGuardedSender(parts: GuardParts): Promise<GuardedSender> {
  const guard = new Guard(parts);
  await guard.look();
  guard.watch();
  return guard;
}

class Guard implements GuardedSender {
  readonly #parts: GuardParts;
  readonly #stopping = new AbortController();
  #watching: Promise<void> = Promise.resolve();
  #sender: Sender | null = null;
  #marker: InstanceMarker | null = null;
  #latched: readonly LatchReason[] = [];
  #isMarkerWritable = true;

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  get latched(): readonly LatchReason[] {
    return this.#latched;
  }

  async look(): Promise<void> {
    const { database, instance, clock } = this.#parts;
    const isRunning = this.#sender !== null;
    const view = { name: instance, marker: this.#recall(isRunning), isRunning };
    const { marker, latched } = await checkInstance(database, view, clock.now());
    if (latched.length > 0) return this.#halt(latched);
    this.#remember(marker);
    if (this.#latched.length > 0) this.#parts.log.info("the latch was lifted: sending goes on");
    this.#latched = [];
    this.#sender ??= await this.#parts.start();
  }

  watch(): void {
    this.#watching = this.#keepLooking();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    await this.#sender?.stop();
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopping;
    const { waitingMs, sendingMs } = this.#parts.paces ?? usualPaces;
    let isCertain = true;
    for (;;) {
      // A database that was away may have come back as an older one: then there is no time to lose.
      const pauseMs = this.#sender && isCertain ? sendingMs : waitingMs;
      await wait(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      isCertain = await this.look().then(
        () => true,
        (error: unknown) => {
          this.#parts.log.warn({ err: error }, "the database could not be looked at; trying again");
          return false;
        },
      );
    }
  }

  async #halt(latched: readonly LatchReason[]): Promise<void> {
    if (latched.join() !== this.#latched.join()) this.#parts.log.error({ latched }, explainLatch(latched));
    const sender = this.#sender;
    this.#sender = null;
    await sender?.stop();
    this.#latched = latched;
  }

  /** While it runs, a node believes itself; while it waits, the file, which `roundtrip confirm-restore` writes. */
  #recall(isRunning: boolean): InstanceMarker | null {
    return isRunning ? this.#marker : (readInstanceMarker(this.#parts.dataDir) ?? this.#marker);
  }

  /** A data directory that cannot be written keeps nobody from sending: most of what latches is found without it. */
  #remember(marker: InstanceMarker): void {
    this.#marker = marker;
    try {
      writeInstanceMarker(this.#parts.dataDir, marker);
      this.#isMarkerWritable = true;
    } catch (error) {
      if (this.#isMarkerWritable)
        this.#parts.log.warn(
          { err: error },
          "the data directory cannot be written: a restart will not remember which database it has sent for",
        );
      this.#isMarkerWritable = false;
    }
  }
}

/**
 * Writes outcomes in batches and does not give up: while they cannot be written, `isBlocked` tells the sender to submit
 * nothing more. An outcome that the database refuses for itself is set apart, so that it cannot hold up the others.
 */
import { setTimeout as wait } from "node:timers/promises";
import { createBatcher } from "../../ground/batcher.ts";
import type { Database } from "../../ground/database.store.ts";
import type { Log } from "../../ground/log.process.ts";
import { type AttemptOutcome, recordOutcomes } from "../../outcome/outcome.store.ts";

export interface OutcomeWriter {
  readonly isBlocked: boolean;
  /** Outcomes that are not committed yet. */
  readonly pending: number;
  /** Resolves when it is committed, or has been given up; never rejects. */
  add(outcome: AttemptOutcome): Promise<void>;
  idle(): Promise<void>;
  /** Stops trying again after a failure; what is still unwritten is left to the take-over. */
  giveUp(): void;
}

const largestBatch = 500;
const retryMs = 250;
/** Nobody waits for an outcome, so more of them may share a commit; a kill costs no more than these few. */
const gatherMs = 10;

export function createOutcomeWriter(database: Database, log: Log): OutcomeWriter {
  let blocked = false;
  let pending = 0;
  let givenUp = false;

  const write = async (batch: readonly AttemptOutcome[]): Promise<void> => {
    for (;;) {
      try {
        await recordOutcomes(database, batch);
        blocked = false;
        return;
      } catch (error) {
        if (isRefusedByItself(error)) return writeApart(batch, error);
        if (!blocked)
          log.error({ err: error, outcomes: batch.length }, "outcomes cannot be written; sending stops until they can");
        blocked = true;
        if (givenUp) throw error;
        await wait(retryMs);
      }
    }
  };

  const writeApart = async (batch: readonly AttemptOutcome[], error: unknown): Promise<void> => {
    if (batch.length === 1) {
      blocked = false;
      log.error(
        { err: error, delivery: batch[0]?.id },
        "an outcome was refused by the database; its delivery will be taken over as unknown",
      );
      return;
    }
    const middle = Math.ceil(batch.length / 2);
    await write(batch.slice(0, middle));
    await write(batch.slice(middle));
  };

  const batcher = createBatcher<AttemptOutcome, void>(
    largestBatch,
    async (batch) => {
      await write(batch);
      return batch.map(() => undefined);
    },
    () => wait(gatherMs),
  );

  return {
    get isBlocked() {
      return blocked;
    },
    get pending() {
      return pending;
    },
    add: (outcome) => {
      pending += 1;
      return batcher
        .add(outcome)
        .catch((error: unknown) => log.error({ err: error }, "outcomes were left unwritten at the end"))
        .finally(() => (pending -= 1));
    },
    idle: () => batcher.idle(),
    giveUp: () => (givenUp = true),
  };
}

/** SQLSTATE classes 22 (data) and 23 (constraint): trying again would say the same. */
function isRefusedByItself(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^2[23]/.test(error.code);
}

/** The job behind a launch: makes sure the round can be sent as it is, then enqueues everybody. Safe to run again after a kill. */
import type { Database } from "../../ground/database.store.ts";
import { Refusal } from "../../ground/refusal.ts";
import { enqueueRound } from "../audience/enqueue.store.ts";
import type { PreparedRound } from "../outbound.ts";
import { stopRound } from "./round.store.ts";

/** A round that cannot be sent is stopped with its reason before a single mail is enqueued. */
export async function launchRoundJob(
  database: Database,
  round: { orgId: number; roundId: number },
  prepare: () => Promise<PreparedRound>,
  now: Date,
): Promise<void> {
  try {
    const prepared = await prepare();
    const [first, ...others] = prepared.messages.keys();
    const attributes = [...new Set([...prepared.messages.values()].flatMap((message) => message.attributes))];
    if (first !== undefined) await enqueueRound(database, { ...round, languages: [first, ...others], attributes }, now);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await stopRound(database.engine, round, error.message, now);
  }
}

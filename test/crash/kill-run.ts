/**
 * Kills sending nodes, and the database under them, again and again while they send, and counts what arrived. Used by the
 * short tests and by the long soak. The moments are chosen by progress, so that they spread over the whole round.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Database } from "../../server/src/ground/database.store.ts";
import { end, type Field, onField, type SendingProcess, type Tally, until } from "./field.ts";

export interface KillPlan {
  readonly mails: number;
  readonly kills: number;
  readonly nodes: number;
  readonly signal: "SIGKILL" | "SIGTERM";
  /** How often, and how, the database dies and comes back. */
  readonly restarts: number;
  readonly restartDatabase?: () => Promise<void>;
  readonly log: (line: string) => void;
}

export interface KillReport extends Tally {
  /** Mails that were between mark and outcome when their node was killed or the database went, over all times. */
  readonly inFlightAtKills: number;
}

/** Runs the plan on a migrated database that nothing else uses. */
export async function runKills(database: Database, databaseUrl: string, plan: KillPlan): Promise<KillReport> {
  return onField(database, databaseUrl, plan, async (field) => {
    const senders = Array.from({ length: plan.nodes }, () => field.startSender());
    let inFlight = 0;
    const blows = orderBlows(plan);
    for (const [index, blow] of blows.entries()) {
      const target = Math.round(((index + 0.5 + Math.random()) * plan.mails) / (blows.length + 1.5));
      await untilSettled(field, Math.min(target, plan.mails - 1));
      await wait(Math.random() * 20);
      const cut =
        blow === "kill" ? await killOne(database, field, senders, plan) : await restartUnder(database, field, plan);
      inFlight += cut;
      plan.log(`${blow} ${String(index + 1)} of ${String(blows.length)}: ${String(cut)} in flight`);
    }
    await field.settled();
    await Promise.all(senders.map(({ child }) => end(child, "SIGTERM")));
    return { ...(await field.tally()), inFlightAtKills: inFlight };
  });
}

/** Restarts spread evenly among the kills. */
function orderBlows({ kills, restarts }: KillPlan): readonly ("kill" | "restart")[] {
  const share = (count: number) => Math.floor((count * restarts) / (kills + restarts));
  return Array.from({ length: kills + restarts }, (_, index) => (share(index + 1) > share(index) ? "restart" : "kill"));
}

async function untilSettled(field: Field, count: number): Promise<void> {
  await until(`${String(count)} mails to be settled`, async () => (await field.countSettled()) >= count);
}

/** Ends one of the processes and starts another in its place. Returns how many mails were in flight. */
async function killOne(database: Database, field: Field, senders: SendingProcess[], plan: KillPlan): Promise<number> {
  const index = Math.floor(Math.random() * senders.length);
  const victim = senders[index];
  if (!victim) return 0;
  if (plan.signal === "SIGTERM") {
    await end(victim.child, plan.signal);
    const leftOpen = await field.countInFlight(victim);
    senders[index] = field.startSender();
    return leftOpen;
  }
  const client = await database.owner.connect();
  try {
    // While its node row is locked nobody can take its work over, so what was in flight can be counted. Its own claims may
    // go on: they share the lock.
    await client.query("begin");
    await client.query("select from node where name = $1 for share", [victim.name]);
    await end(victim.child, plan.signal);
    senders[index] = field.startSender();
    await until("its statements to end", async () => !(await field.isBusy(victim)));
    const inFlight = await field.countInFlight(victim);
    await client.query("commit");
    return inFlight;
  } finally {
    client.release();
  }
}

/** Nodes live on and write down later what they hold; what is taken over before that is unknown by then, and is counted too. */
async function restartUnder(database: Database, field: Field, plan: KillPlan): Promise<number> {
  await plan.restartDatabase?.();
  let inFlight = 0;
  await until("the database to answer again", async () => {
    const counted = await database.owner.query<{ count: number }>(
      "select count(*) from delivery where org_id = $1 and state in ('submitting', 'unknown')",
      [field.round.orgId],
    );
    inFlight = counted.rows[0]?.count ?? 0;
    return true;
  });
  return inFlight;
}

/** `roundtrip confirm-restore`: a person has looked at a restored or copied database and says that it is the one to go on with. */
import { resolve } from "node:path";
import { writeInstanceMarker } from "../ground/instance-marker.files.ts";
import { confirmInstance } from "../ground/instance.store.ts";
import { visitDatabase } from "./visit.ts";

/** Lifts the latch, under the name that ROUNDTRIP_INSTANCE gives; returns in one sentence what follows. Sending goes on within seconds. */
export async function confirmRestore(environment: NodeJS.ProcessEnv, now: Date): Promise<string> {
  return visitDatabase(environment, async ({ config, database }) => {
    const marker = await confirmInstance(database, config.instance, now);
    writeInstanceMarker(resolve(config.dataDir), marker);
    const waiting = await database.owner.query<{ rounds: number; mails: number }>(
      `select count(distinct r.id) as rounds, count(*) as mails from round r join delivery d on d.org_id = r.org_id and d.round_id = r.id
       where r.state = 'open' and d.settled_at is null`,
    );
    const { rounds, mails } = waiting.rows[0] ?? { rounds: 0, mails: 0 };
    return `Confirmed: mail is sent from this database; ${explainWaiting(mails, rounds)}.`;
  });
}

function explainWaiting(mails: number, rounds: number): string {
  if (mails === 0) return "no mail is waiting to go out";
  const count = (value: number, one: string) => `${String(value)} ${one}${value === 1 ? "" : "s"}`;
  return `${count(mails, "mail")} in ${count(rounds, "open round")} will go out`;
}

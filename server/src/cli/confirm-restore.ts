/** `roundtrip confirm-restore`: a person has looked at a restored or copied database and says that it is the one to go on with. */
import { resolve } from "node:path";
import { explainLatch } from "../ground/instance.ts";
import { writeInstanceMarker } from "../ground/instance-marker.files.ts";
import { confirmInstance, readLatch } from "../ground/instance.store.ts";
import { visitDatabase } from "./visit.ts";

/** Lifts the latch; returns what was confirmed and what will be sent now, in words. Sending goes on within seconds. */
export async function confirmRestore(environment: NodeJS.ProcessEnv, name: string | null, now: Date): Promise<string> {
  return visitDatabase(environment, async ({ config, database }) => {
    const latched = await readLatch(database.engine);
    const marker = await confirmInstance(database, name, now);
    writeInstanceMarker(resolve(config.dataDir), marker);
    const waiting = await database.owner.query<{ rounds: number; mails: number }>(
      `select count(distinct r.id) as rounds, count(*) as mails from round r join delivery d on d.org_id = r.org_id and d.round_id = r.id
       where r.state = 'open' and d.settled_at is null`,
    );
    const { rounds, mails } = waiting.rows[0] ?? { rounds: 0, mails: 0 };
    const before = latched ? `Confirmed. Until now: ${explainLatch(latched)}` : "Confirmed. No latch stood.";
    return `${before}\n${String(mails)} mails in ${String(rounds)} open rounds are sent from here on.`;
  });
}

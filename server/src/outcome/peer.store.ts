/** Both ends of the connections by which mail was accepted: written once for all the mails that share them, and known to a node from then on. */
import type { Database } from "../ground/database.store.ts";
import type { Place } from "./place.ts";

interface Accepted {
  readonly orgId: number;
  readonly place: Place;
}

/** More peers than this are not remembered: a sender to many thousand hosts asks again now and then. */
const rememberedMost = 10_000;
const remembered = new WeakMap<Database, Map<string, number>>();

/** The id of each mail's peer, in the same order. */
export async function findPeers(database: Database, mails: readonly Accepted[]): Promise<readonly number[]> {
  const known = remembered.get(database) ?? new Map<string, number>();
  remembered.set(database, known);
  if (known.size > rememberedMost) known.clear();
  const ids: number[] = [];
  for (const mail of mails) {
    const key = keyOf(mail);
    const id = known.get(key) ?? (await writePeer(database, mail));
    known.set(key, id);
    ids.push(id);
  }
  return ids;
}

function keyOf({ orgId, place }: Accepted): string {
  return `${String(orgId)} ${place.host} ${place.address ?? ""} ${place.localAddress ?? ""} ${place.tls ?? ""}`;
}

const write = `
  with added as (
    insert into peer (org_id, host, ip, local_ip, tls) values ($1, $2, $3, $4, $5) on conflict do nothing returning id
  )
  select id from added
  union all
  select id from peer where org_id = $1 and host = $2 and ip is not distinct from $3 and local_ip is not distinct from $4 and tls is not distinct from $5
  limit 1`;

/** Another node may add the same one at this moment: then neither branch sees it, and the second look does. */
async function writePeer({ engine }: Database, { orgId, place }: Accepted): Promise<number> {
  for (let looks = 0; looks < 3; looks += 1) {
    const { rows } = await engine.query<{ id: number }>(write, [
      orgId,
      place.host,
      place.address,
      place.localAddress,
      place.tls,
    ]);
    if (rows[0]) return rows[0].id;
  }
  throw new Error(`The connection to ${place.host} could not be noted.`);
}

/**
 * The latch that keeps a restored or copied database from sending until somebody has looked. Only sending waits: mail is
 * received, rounds keep their state, answers come in. What can be detected, and what cannot, is said in instance.ts.
 */
import { type Database, inTransaction, type Queryable } from "./database.store.ts";
import {
  decideRestored,
  decideStrange,
  type InstanceMarker,
  type InstancePlace,
  type InstanceView,
  type LatchReason,
  type RestoredBecause,
  type StoredInstance,
} from "./instance.ts";

export interface InstanceState {
  /** To be remembered outside of the database. */
  readonly marker: InstanceMarker;
  /** Empty: this node may send. */
  readonly latched: readonly LatchReason[];
}

/**
 * Looks whether the database is where it was, and lets it count on when it is. Called before a sender starts and every
 * half minute while it runs. The first look makes the row; a latch that fell stays until it is confirmed.
 */
export async function checkInstance(database: Database, view: InstanceView, now: Date): Promise<InstanceState> {
  const place = await readPlace(database.engine);
  return inTransaction(database.engine, async (client) => {
    // A row that somebody keeps locked must not keep a node from stopping.
    await client.query("set local lock_timeout = '2s'");
    await client.query(
      `insert into instance (name, system_identifier, database_oid, timeline) values ($1, $2, $3, $4) on conflict do nothing`,
      [view.name, place.systemIdentifier, place.databaseOid, place.timeline],
    );
    const stored = await findInstance(client, "for update");
    if (!stored) throw new Error("The instance has no row");
    const { restored, latched } = judge(stored, place, view);
    if (restored.length > 0 && !stored.latchedBecause)
      await client.query("update instance set latched_at = $1, latched_because = $2", [now, restored]);
    if (latched.length > 0) return { marker: stored, latched };
    await client.query(
      `update instance set beat = beat + 1, name = coalesce(name, $1), system_identifier = coalesce(system_identifier, $2),
         timeline = coalesce($3, timeline)`,
      [view.name, place.systemIdentifier, place.timeline],
    );
    return { marker: { instance: stored.instance, beat: stored.beat + 1 }, latched };
  });
}

/** What the check would say, for doctor: nothing is written down. Empty as well where no sender was ever started. */
export async function previewInstance(database: Database, view: InstanceView): Promise<readonly LatchReason[]> {
  const place = await readPlace(database.engine);
  const stored = await findInstance(database.engine);
  return stored ? judge(stored, place, view).latched : [];
}

/** For the status page: why nothing is sent by any node, or null. */
export async function readLatch(client: Queryable): Promise<readonly RestoredBecause[] | null> {
  const found = await client.query<{ because: RestoredBecause[] | null }>(
    "select latched_because as because from instance",
  );
  return found.rows[0]?.because ?? null;
}

/**
 * Somebody has looked: this database, where it is now and under this name, is the one to go on with. One that is not where
 * it was becomes an instance of its own, with a new id.
 */
export async function confirmInstance(database: Database, name: string | null, now: Date): Promise<InstanceMarker> {
  const place = await readPlace(database.engine);
  const confirmed = await database.engine.query<InstanceMarker>(
    `insert into instance (name, system_identifier, database_oid, timeline, confirmed_at) values ($1, $2, $3, $4, $5)
     on conflict (only_one) do update set
       id = case when ${hasMoved} then gen_random_uuid() else instance.id end,
       formerly = case when ${hasMoved} then instance.id else instance.formerly end,
       name = coalesce($1, instance.name), system_identifier = $2, database_oid = $3, timeline = $4,
       confirmed_at = $5, latched_at = null, latched_because = null
     returning id as instance, beat`,
    [name, place.systemIdentifier, place.databaseOid, place.timeline, now],
  );
  const marker = confirmed.rows[0];
  if (!marker) throw new Error("The instance could not be written down");
  return marker;
}

/** In the words of SQL what decideRestored says of the place; the latch may have fallen for what a node remembered, too. */
const hasMoved = `(instance.latched_because is not null or instance.database_oid <> excluded.database_oid
       or instance.system_identifier <> excluded.system_identifier or instance.timeline <> excluded.timeline) is true`;

interface FoundInstance extends StoredInstance {
  readonly latchedBecause: readonly RestoredBecause[] | null;
}

function judge(
  stored: FoundInstance,
  place: InstancePlace,
  view: InstanceView,
): { restored: readonly RestoredBecause[]; latched: readonly LatchReason[] } {
  const restored = stored.latchedBecause ?? decideRestored(stored, place, view);
  return { restored, latched: [...restored, ...decideStrange(stored, view)] };
}

async function findInstance(client: Queryable, lock: "for update" | "" = ""): Promise<FoundInstance | null> {
  const found = await client.query<FoundInstance>(
    `select id as instance, beat, formerly, name, system_identifier as "systemIdentifier", database_oid as "databaseOid", timeline,
       latched_because as "latchedBecause" from instance ${lock}`,
  );
  return found.rows[0] ?? null;
}

/** Each fact by itself: a server may keep one to itself (a managed one, a pooler between) and still tell the others. */
async function readPlace(engine: Queryable): Promise<InstancePlace> {
  const oid = await engine.query<{ oid: number }>(
    "select oid::bigint as oid from pg_database where datname = current_database()",
  );
  const ask = async <Value>(text: string): Promise<Value | null> =>
    engine.query<{ value: Value }>(text).then(
      ({ rows }) => rows[0]?.value ?? null,
      () => null,
    );
  return {
    databaseOid: oid.rows[0]?.oid ?? 0,
    systemIdentifier: await ask<string>("select system_identifier::text as value from pg_control_system()"),
    timeline: await ask<number>(
      "select ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer as value",
    ),
  };
}

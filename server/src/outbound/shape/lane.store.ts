/**
 * Lanes as all nodes share them: their limits, and the clock that hands out the instants at which a mail may begin.
 * Promises that over all nodes no second ever gets more mails than the lane's pace: instants are given away once, in
 * order, by the database's clock, never saved up, and lost with the node that took them.
 */
import type { Queryable } from "../../ground/database.store.ts";
import type { Lane } from "../route/route.ts";
import { type LaneState, newLane } from "./slow-down.ts";

const columns = "key, provider, per_second, connections, paused_until, because, failures, slowed_at, grows_at";

interface LaneRow {
  readonly key: string;
  readonly provider: string;
  readonly per_second: number | null;
  readonly connections: number;
  readonly paused_until: Date | null;
  readonly because: string | null;
  readonly failures: number;
  readonly slowed_at: Date | null;
  readonly grows_at: Date | null;
}

/** The state of each lane by its key; one that nobody has used yet is made from its profile. */
export async function loadLanes(engine: Queryable, lanes: readonly Lane[]): Promise<ReadonlyMap<string, LaneState>> {
  const found = await findLanes(engine, lanes);
  const missing = lanes.filter(({ key }) => !found.has(key));
  if (missing.length === 0) return found;
  await addLanes(engine, missing.map(newLane));
  return findLanes(engine, lanes);
}

async function findLanes(engine: Queryable, lanes: readonly Lane[]): Promise<Map<string, LaneState>> {
  const rows = await engine.query<LaneRow>({
    name: "find-lanes",
    text: `select ${columns} from lane where key = any ($1::text[])`,
    values: [lanes.map(({ key }) => key)],
  });
  return new Map(rows.rows.map((row) => [row.key, readLane(row)]));
}

async function addLanes(engine: Queryable, lanes: readonly LaneState[]): Promise<void> {
  await engine.query({
    name: "add-lanes",
    text: `insert into lane (key, provider, per_second, connections)
           select distinct on (n.key) n.key, n.provider, n.per_second, n.connections
           from unnest($1::text[], $2::text[], $3::float8[], $4::integer[]) as n (key, provider, per_second, connections)
           order by n.key on conflict do nothing`,
    values: [
      lanes.map(({ key }) => key),
      lanes.map(({ provider }) => provider),
      lanes.map(({ perSecond }) => perSecond),
      lanes.map(({ connections }) => connections),
    ],
  });
}

/**
 * Writes what was decided about a lane. False: another node has changed it since `before` was read; then nothing is
 * written, and what is there now must be read and decided upon anew.
 */
export async function saveLane(engine: Queryable, before: LaneState, after: LaneState): Promise<boolean> {
  const saved = await engine.query({
    name: "save-lane",
    text: `update lane set (per_second, connections, paused_until, because, failures, slowed_at, grows_at) = ($9, $10, $11, $12, $13, $14, $15)
           where key = $1 and (per_second, connections, paused_until, because, failures, slowed_at, grows_at)
             is not distinct from ($2::float8, $3::integer, $4::timestamptz, $5::text, $6::integer, $7::timestamptz, $8::timestamptz)`,
    values: [before.key, ...limitsOf(before), ...limitsOf(after)],
  });
  return saved.rowCount === 1;
}

/** A lane for whoever only looks at it: nothing is made of one that nobody has used yet. */
export interface SeenLane {
  readonly state: LaneState;
  /** How long one mail keeps a connection busy, as measured lately; null: not known. */
  readonly secondsPerMail: number | null;
}

export async function seeLanes(client: Queryable, lanes: readonly Lane[]): Promise<ReadonlyMap<string, SeenLane>> {
  const rows = await client.query<LaneRow & { readonly seconds_per_mail: number | null }>({
    name: "see-lanes",
    text: `select ${columns}, seconds_per_mail from lane where key = any ($1::text[])`,
    values: [lanes.map(({ key }) => key)],
  });
  const used = new Map(
    rows.rows.map((row) => [row.key, { state: readLane(row), secondsPerMail: row.seconds_per_mail }]),
  );
  return new Map(lanes.map((lane) => [lane.key, used.get(lane.key) ?? { state: newLane(lane), secondsPerMail: null }]));
}

/** Each node's figure counts half against what was known: one slow minute is not the whole truth. */
export async function saveMeasures(
  engine: Queryable,
  measures: readonly { readonly key: string; readonly secondsPerMail: number }[],
): Promise<void> {
  if (measures.length === 0) return;
  await engine.query({
    name: "save-measures",
    text: `update lane l set seconds_per_mail = (coalesce(l.seconds_per_mail, m.seconds) + m.seconds) / 2
           from unnest($1::text[], $2::float8[]) as m (key, seconds) where l.key = m.key`,
    values: [measures.map(({ key }) => key), measures.map(({ secondsPerMail }) => secondsPerMail)],
  });
}

function limitsOf(lane: LaneState): readonly unknown[] {
  return [lane.perSecond, lane.connections, lane.pausedUntil, lane.because, lane.failures, lane.slowedAt, lane.growsAt];
}

function readLane(row: LaneRow): LaneState {
  return {
    key: row.key,
    provider: row.provider,
    perSecond: row.per_second,
    connections: row.connections,
    pausedUntil: row.paused_until,
    because: row.because,
    failures: row.failures,
    slowedAt: row.slowed_at,
    growsAt: row.grows_at,
  };
}

export interface SlotWish {
  readonly key: string;
  /** Mails that wait for this lane. */
  readonly wanted: number;
}

/** Instants at which `granted` mails may begin: the first `firstInMs` after `databaseMs`, the others `everyMs` apart. */
export interface SlotGrant {
  readonly key: string;
  readonly granted: number;
  readonly firstInMs: number;
  /** 0: the lane has no pace, and all may begin at once. */
  readonly everyMs: number;
  /** The database's clock at the grant, in milliseconds since 1970; pace.ts turns it into this node's time. */
  readonly databaseMs: number;
}

/** Further ahead nothing is promised, so that a change of pace takes hold within this time. */
const ahead = "interval '1 second'";
/**
 * Slots lie this much further apart than the pace says. A mail may begin up to 30 ms after its slot (pace.ts), and 50 ms
 * more or less may lie between that and the moment at which the other side counts it: no second there holds too many.
 */
const spreadFactor = 1.08;

// The lock is taken in the order of the keys, or two nodes could wait for one another; only then is the clock read. A last
// slot further ahead than any is given means that the clock was set back: what was given until then is over in a second.
const reserve = `
  with wish as (
    select key, max(wanted) as wanted from unnest($1::text[], $2::integer[]) as w (key, wanted) group by key
  ), free as (
    select l.key, w.wanted from lane l join wish w on w.key = l.key where l.per_second is null
  ), held as materialized (
    select l.key, l.last_slot_at, w.wanted, ceil(1000000 * ${String(spreadFactor)} / l.per_second)::bigint as every
    from lane l join wish w on w.key = l.key
    where l.per_second is not null and w.wanted > 0 order by l.key for update of l
  ), timed as materialized (
    select h.*, clock_timestamp() as now from held h
  ), begun as (
    select t.*, case when t.last_slot_at > t.now + ${ahead} then t.now + ${ahead}
      else greatest(t.last_slot_at + t.every * interval '1 microsecond', t.now) end as first
    from timed t
  ), fitting as (
    select b.*, least(b.wanted, (extract(epoch from b.now + ${ahead} - b.first) * 1000000)::bigint / b.every + 1) as granted
    from begun b where b.first <= b.now + ${ahead}
  ), taken as (
    update lane l set last_slot_at = f.first + (f.granted - 1) * f.every * interval '1 microsecond'
    from fitting f where l.key = f.key
    returning l.key, f.granted, f.first, f.now, f.every
  )
  select key, granted::integer, extract(epoch from first - now)::float8 * 1000 as first_in_ms, every::float8 / 1000 as every_ms,
    extract(epoch from now)::float8 * 1000 as database_ms
  from taken
  union all
  select key, wanted, 0, 0, extract(epoch from clock_timestamp())::float8 * 1000 from free`;

interface GrantRow {
  readonly key: string;
  readonly granted: number;
  readonly first_in_ms: number;
  readonly every_ms: number;
  readonly database_ms: number;
}

/**
 * Takes instants for up to `wanted` mails of each lane, at most about a second ahead; one answer per wish, with
 * `granted` 0 where nothing is free yet or the lane is not known. It does not look at pauses: those are told by the
 * clock of the caller (circuit.ts).
 */
export async function reserveSlots(engine: Queryable, wishes: readonly SlotWish[]): Promise<readonly SlotGrant[]> {
  const rows = await engine.query<GrantRow>({
    name: "reserve-slots",
    text: reserve,
    values: [wishes.map(({ key }) => key), wishes.map(({ wanted }) => wanted)],
  });
  const granted = new Map(rows.rows.map((row) => [row.key, row]));
  return wishes.map(({ key }) => {
    const row = granted.get(key);
    if (!row) return { key, granted: 0, firstInMs: 0, everyMs: 0, databaseMs: 0 };
    return {
      key,
      granted: row.granted,
      firstInMs: row.first_in_ms,
      everyMs: row.every_ms,
      databaseMs: row.database_ms,
    };
  });
}

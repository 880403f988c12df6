/**
 * Where one simulation plays: a database that only it uses, an organisation of its own with small rounds, and the rows as
 * they stand. Leases are played here by hand (a node's advisory lock is held on one connection for all nodes), because a
 * connection per node would cost more than everything else; the crash tests use the real ones.
 */
import pg from "pg";
import { type ConnectionSettings, type Database, openDatabase } from "../../server/src/ground/database.store.ts";
import type { DeliveryState } from "../../server/src/outcome/delivery.ts";
import type { Flag } from "../../server/src/outcome/flag.ts";

/** One delivery with what stands around it. */
export interface Row {
  readonly id: number;
  readonly roundId: number;
  readonly employeeId: number;
  readonly state: DeliveryState;
  readonly generation: number;
  readonly fence: number;
  readonly nodeId: number | null;
  readonly possibleDuplicate: boolean;
  readonly suppressedBecause: string | null;
  readonly address: string;
  readonly dueAt: Date | null;
  readonly messageDate: Date | null;
  readonly roundState: string;
  readonly enqueued: number;
  readonly neverSendTwice: boolean;
  readonly flag: Flag | null;
  readonly optedOut: boolean;
}

/** Every delivery of the organisation at one moment, by id. */
export type Snapshot = ReadonlyMap<number, Row>;

interface RoundPlan {
  readonly closesAt: Date;
  readonly neverSendTwice: boolean;
}

export interface Cast {
  readonly orgId: number;
  readonly roundIds: readonly number[];
}

export interface Stage {
  readonly database: Database;
  /** People and rounds in which everyone is queued. */
  enact(people: number, rounds: readonly RoundPlan[], now: Date): Promise<Cast>;
  look(orgId: number): Promise<Snapshot>;
  startNode(): Promise<number>;
  /** Its process dies: the lock goes with it. */
  loseLock(nodeId: number): Promise<void>;
  /** It is cut off or stopped for too long: the lease ends, but the process may still act. */
  endLease(nodeId: number): Promise<void>;
  /** As a living node does: false when it has been declared dead. */
  renewLease(nodeId: number): Promise<boolean>;
  /** Ends what the simulation started, so that the next one on this stage is alone again. */
  clear(orgId: number): Promise<void>;
  close(): Promise<void>;
}

/** The first number of a node's advisory lock, as node.store.ts has it. */
const lockSpace = 7_768_423;

export async function openStage(settings: ConnectionSettings): Promise<Stage> {
  const database = openDatabase(settings, () => undefined);
  const locks = new pg.Client(settings);
  await locks.connect();
  return {
    database,
    enact: (people, rounds, now) => enact(database, people, rounds, now),
    look: (orgId) => look(database, orgId),
    startNode: async () => {
      const added = await locks.query<{ id: string }>(
        `with added as (insert into node (name, lease_until) values ('simulated', clock_timestamp() + interval '1 hour') returning id)
         select id, pg_advisory_lock($1, id::integer) from added`,
        [lockSpace],
      );
      return Number(added.rows[0]?.id);
    },
    loseLock: async (nodeId) => {
      await locks.query("select pg_advisory_unlock($1, $2)", [lockSpace, nodeId]);
    },
    endLease: async (nodeId) => {
      await locks.query("update node set lease_until = clock_timestamp() - interval '1 second' where id = $1", [
        nodeId,
      ]);
    },
    renewLease: async (nodeId) => {
      const renewed = await locks.query(
        "update node set lease_until = clock_timestamp() + interval '1 hour' where id = $1 and ended_at is null",
        [nodeId],
      );
      return renewed.rowCount === 1;
    },
    clear: async (orgId) => {
      await locks.query("select pg_advisory_unlock_all()");
      await locks.query("update node set ended_at = clock_timestamp() where ended_at is null");
      await locks.query("update round set state = 'closed' where org_id = $1", [orgId]);
    },
    close: async () => {
      await locks.end();
      await database.close();
    },
  };
}

async function enact(database: Database, people: number, rounds: readonly RoundPlan[], now: Date): Promise<Cast> {
  const made = await database.owner.query<{ org_id: number; id: number }>({
    name: "enact",
    text: `with o as (insert into organisation (name, from_local, reply_local) values ('Simulated', 'survey', 'reply') returning org_id),
      e as (insert into employee (org_id, email, email_key, name)
        select org_id, 'p' || n || '@' || d, 'p' || n || '@' || d, 'Person ' || n
        from o, generate_series(1, $1::integer) n, lateral (select case n % 3 when 0 then 'example.org' else 'example.com' end as d) x
        order by n returning org_id, id, email),
      r as (insert into round (org_id, name, kind, state, sender_name, closes_at, never_send_twice, enqueued)
        select org_id, 'Round ' || n, 'live', 'open', 'HR', c, s, $1 from o, unnest($2::timestamptz[], $3::boolean[]) with ordinality as p (c, s, n)
        order by n returning org_id, id),
      d as (insert into delivery (org_id, round_id, employee_id, state, address, language, due_at)
        select e.org_id, r.id, e.id, 'queued', e.email, 'en', $4::timestamptz + row_number() over (order by r.id, e.id) % 7 * interval '1 second' from e, r order by r.id, e.id),
      m as (insert into round_domain select org_id, id, unnest(array['example.com', 'example.org']), 1 from r)
      select org_id, id from r order by id`,
    values: [people, rounds.map((round) => round.closesAt), rounds.map((round) => round.neverSendTwice), now],
  });
  return { orgId: made.rows[0]?.org_id ?? 0, roundIds: made.rows.map((row) => row.id) };
}

async function look(database: Database, orgId: number): Promise<Snapshot> {
  const found = await database.owner.query<Row>({
    name: "look",
    text: `select d.id, d.round_id as "roundId", d.employee_id as "employeeId", d.state, d.generation, d.fence, d.node_id as "nodeId",
        d.possible_duplicate as "possibleDuplicate", d.suppressed_because as "suppressedBecause", d.address, d.due_at as "dueAt", d.message_date as "messageDate",
        r.state as "roundState", r.enqueued, r.never_send_twice as "neverSendTwice", e.flag, e.opted_out_at is not null as "optedOut"
      from delivery d join round r on r.org_id = d.org_id and r.id = d.round_id join employee e on e.org_id = d.org_id and e.id = d.employee_id
      where d.org_id = $1 order by d.id`,
    values: [orgId],
  });
  return new Map(found.rows.map((row) => [row.id, row]));
}

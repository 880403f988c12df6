/**
 * Sending nodes and their leases. A node lives by a lease it renews, and holds an advisory lock on one connection, so
 * that a dead process is noticed at once and a cut-off one when its lease ends. What it held is taken over: claimed
 * mails go back to the queue, submitting ones become unknown, because nobody can say whether they left.
 */
import pg from "pg";
import { type ConnectionSettings, type Database, inTransaction } from "../../ground/database.store.ts";

const lockSpace = 7_768_423;

export interface NodeLease {
  readonly id: number;
  /** Renews the lease; false: another node has declared this one dead, and nothing may be sent under it any more. */
  renew(): Promise<boolean>;
  end(): Promise<void>;
}

/** Registers this process as a new node. Rejects when the database cannot be reached. */
export async function startNode(settings: ConnectionSettings, name: string, leaseMs: number): Promise<NodeLease> {
  // A row that somebody keeps locked must not keep this node from stopping.
  const client = new pg.Client({ ...settings, options: "-c role=roundtrip_engine -c lock_timeout=2000" });
  let isConnected = true;
  client.on("error", () => (isConnected = false));
  client.on("end", () => (isConnected = false));
  await client.connect();
  // Nobody sees the node before its lock is held: it would look dead.
  await client.query("begin");
  const added = await client.query<{ id: string }>(
    "insert into node (name, lease_until) values ($1, clock_timestamp() + $2 * interval '1 ms') returning id",
    [name, leaseMs],
  );
  const id = Number(added.rows[0]?.id);
  await client.query("select pg_advisory_lock($1, $2)", [lockSpace, id]);
  await client.query("commit");
  return {
    id,
    renew: async () => {
      // The lock went with the connection: the others may have taken over already, and this lease cannot be renewed any more.
      if (!isConnected) return false;
      const renewed = await client.query(
        "update node set lease_until = clock_timestamp() + $2 * interval '1 ms' where id = $1 and ended_at is null",
        [id, leaseMs],
      );
      return renewed.rowCount === 1;
    },
    end: async () => {
      // The lease ends, not the node: whoever sweeps next looks for anything that could not be given back, and ends it.
      await client
        .query("update node set lease_until = clock_timestamp() where id = $1 and ended_at is null", [id])
        .catch(() => undefined);
      await client.end().catch(() => undefined);
    },
  };
}

const takeOver = `
  update delivery d set
    state = case d.state when 'claimed' then 'queued' else 'unknown' end,
    node_id = null,
    -- An unknown keeps its fence: if its node still lives after all, its late answer is the evidence we wait for.
    fence = d.fence + case d.state when 'claimed' then 1 else 0 end,
    attempts = d.attempts + case d.state when 'claimed' then 0 else 1 end,
    first_tried_at = case d.state when 'claimed' then d.first_tried_at else coalesce(d.first_tried_at, $2) end,
    due_at = case
      when d.state = 'claimed' then coalesce(d.due_at, $2)
      when r.never_send_twice or d.possible_duplicate then null
      else $2::timestamptz + $3 * interval '1 ms'
    end
  from round r
  where d.settled_at is null and d.node_id = any ($1) and r.org_id = d.org_id and r.id = d.round_id
  returning d.state`;

/** Finds dead nodes and takes their work over; safe to run on every node at once. Returns how many mails were requeued and how many are unknown. */
export async function takeOverDeadNodes(
  database: Database,
  ownId: number,
  when: { now: Date; unknownResendMs: number },
): Promise<{ nodes: number; requeued: number; unknown: number }> {
  return inTransaction(database.engine, async (client) => {
    const dead = await client.query<{ id: number }>(
      `update node set ended_at = clock_timestamp()
       where ended_at is null and id <> $1 and (lease_until < clock_timestamp() or pg_try_advisory_xact_lock($2, id::integer))
       returning id`,
      [ownId, lockSpace],
    );
    if (dead.rowCount === 0) return { nodes: 0, requeued: 0, unknown: 0 };
    const moved = await client.query<{ state: string }>(takeOver, [
      dead.rows.map((row) => row.id),
      when.now,
      when.unknownResendMs,
    ]);
    const requeued = moved.rows.filter((row) => row.state === "queued").length;
    return { nodes: dead.rows.length, requeued, unknown: moved.rows.length - requeued };
  });
}

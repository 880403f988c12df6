/** Rounds in the database: made, launched, paused, resumed, stopped. Launching enqueues through a job, so a request never waits for a million rows. */
import { type Client, type Queryable } from "../../ground/database.store.ts";
import { addJob } from "../../ground/jobs.job.ts";
import { Refusal } from "../../ground/refusal.ts";
import type { MessageSource } from "../message/prepare-message.ts";
import { mostTesters, type NewRound, type RoundKind, type RoundState } from "./round.ts";

/** Makes a draft; returns its id. Runs inside the organisation's transaction. */
export async function addRound(client: Client, orgId: number, round: NewRound): Promise<number> {
  if (round.kind === "test" && round.testers.length > mostTesters) {
    throw new Refusal(
      "too-many-testers",
      `A test round goes to at most ${String(mostTesters)} people; this one has ${String(round.testers.length)}. Take some out, or make it a live round.`,
    );
  }
  const added = await client.query<{ id: number }>(
    `insert into round (org_id, name, kind, sender_name, never_send_twice, closes_at) values ($1, $2, $3, $4, $5, $6) returning id`,
    [orgId, round.name, round.kind, round.senderName, round.neverSendTwice, round.closesAt],
  );
  const id = added.rows[0]?.id ?? 0;
  for (const [position, source] of round.texts.entries()) {
    await client.query(
      "insert into round_message (org_id, round_id, language, position, source) values ($1, $2, $3, $4, $5)",
      [orgId, id, source.language, position, source],
    );
  }
  if (round.kind === "test") {
    await client.query("insert into round_tester (org_id, round_id, employee_id) select $1, $2, unnest($3::bigint[])", [
      orgId,
      id,
      round.testers,
    ]);
  }
  return id;
}

/** Starts a draft: its enqueueing is a job of the same transaction. A second click, or a second request, changes nothing. */
export async function launchRound(client: Client, orgId: number, roundId: number, now: Date): Promise<void> {
  const round = await readRound(client, orgId, roundId);
  if (!round)
    throw new Refusal("no-such-round", "This round does not exist. Go back to the list of rounds and choose another.");
  if (round.state !== "draft") return;
  if (round.closesAt <= now)
    throw new Refusal("round-already-closed", "The round's closing time is in the past. Set a later one, then launch.");
  const started = await client.query(
    "update round set state = 'launching', launched_at = $3 where org_id = $1 and id = $2 and state = 'draft'",
    [orgId, roundId, now],
  );
  if (started.rowCount === 1)
    await addJob(client, "launch-round", { orgId, roundId }, `launch-round:${String(roundId)}`);
}

export async function pauseRound(client: Queryable, orgId: number, roundId: number): Promise<void> {
  await client.query("update round set state = 'paused' where org_id = $1 and id = $2 and state = 'open'", [
    orgId,
    roundId,
  ]);
}

export async function resumeRound(client: Queryable, orgId: number, roundId: number): Promise<void> {
  await client.query(
    "update round set state = 'open', stopped_because = null where org_id = $1 and id = $2 and state in ('paused', 'stopped')",
    [orgId, roundId],
  );
}

/** Stops a round that cannot go on, and says why to whoever may mend it. Nothing that is queued is lost. */
export async function stopRound(
  engine: Queryable,
  round: { orgId: number; roundId: number },
  because: string,
  now: Date,
): Promise<void> {
  await engine.query(
    `with stopped as (update round set state = 'stopped', stopped_because = $3 where org_id = $1 and id = $2 and state in ('open', 'launching') returning org_id, id)
     insert into alert (org_id, kind, subject, text, at) select org_id, 'round-stopped', 'round:' || id, $3, $4 from stopped
     on conflict (org_id, kind, subject) do update set text = excluded.text, at = excluded.at, seen_at = null`,
    [round.orgId, round.roundId, because, now],
  );
}

/** Closes rounds whose time is over: what was never tried is suppressed, what was tried in vain is expired; what is in flight ends by itself. */
export async function closeDueRounds(engine: Queryable, now: Date): Promise<void> {
  await engine.query({
    name: "close-due-rounds",
    text: `with closed as (update round set state = 'closed' where state in ('open', 'paused', 'stopped') and closes_at <= $1 returning org_id, id),
           -- What was in flight at the close comes back to the queue afterwards.
           over as (select org_id, id from closed union all select org_id, id from round where state = 'closed' and closes_at > $1 - interval '30 days')
           update delivery d set
             state = case when d.state = 'unknown' then 'unknown' when d.attempts > 0 then 'expired' else 'suppressed' end,
             suppressed_because = case when d.state <> 'unknown' and d.attempts = 0 then 'round-closed' end,
             settled_at = case when d.state <> 'unknown' then $1 end, due_at = null
           from over o where d.org_id = o.org_id and d.round_id = o.id and d.settled_at is null
             and (d.state in ('queued', 'held') or d.state = 'unknown' and d.due_at is not null)`,
    values: [now],
  });
}

export interface RoundFacts {
  readonly id: number;
  readonly name: string;
  readonly kind: RoundKind | "answer";
  readonly state: RoundState;
  readonly senderName: string;
  readonly closesAt: Date;
  readonly neverSendTwice: boolean;
  readonly launchedAt: Date | null;
  readonly stoppedBecause: string | null;
}

interface RoundRow {
  id: number;
  name: string;
  kind: RoundKind | "answer";
  state: RoundState;
  sender_name: string;
  closes_at: Date;
  never_send_twice: boolean;
  launched_at: Date | null;
  stopped_because: string | null;
}

const roundColumns = "id, name, kind, state, sender_name, closes_at, never_send_twice, launched_at, stopped_because";

export async function readRound(client: Queryable, orgId: number, roundId: number): Promise<RoundFacts | null> {
  const found = await client.query<RoundRow>(`select ${roundColumns} from round where org_id = $1 and id = $2`, [
    orgId,
    roundId,
  ]);
  const row = found.rows[0];
  return row ? toFacts(row) : null;
}

/** The survey's rounds: the one that carries answers is none of them. */
export async function listRounds(client: Queryable, orgId: number): Promise<readonly RoundFacts[]> {
  const found = await client.query<RoundRow>(
    `select ${roundColumns} from round where org_id = $1 and kind <> 'answer' order by id desc limit 100`,
    [orgId],
  );
  return found.rows.map(toFacts);
}

export async function listTexts(client: Queryable, orgId: number, roundId: number): Promise<readonly MessageSource[]> {
  const found = await client.query<{ source: MessageSource }>(
    "select source from round_message where org_id = $1 and round_id = $2 order by position",
    [orgId, roundId],
  );
  return found.rows.map((row) => row.source);
}

function toFacts(row: RoundRow): RoundFacts {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    state: row.state,
    senderName: row.sender_name,
    closesAt: row.closes_at,
    neverSendTwice: row.never_send_twice,
    launchedAt: row.launched_at,
    stoppedBecause: row.stopped_because,
  };
}

/** Warns of mail that a domain has been putting off for hours: one alert per round and domain, which says how many wait and closes itself when it is over. Run it every minute or so; running it twice changes nothing. */
import { type Database, inTransaction, type Queryable } from "../../ground/database.store.ts";
import { type Delay, delayWorthTellingMs, explainDelay } from "./delay.ts";

export interface DelayWarnings {
  /** Warnings that were not there before. */
  readonly opened: number;
  readonly closed: number;
}

export async function warnOfDelays(database: Database, now: Date): Promise<DelayWarnings> {
  return inTransaction(database.engine, async (client) => {
    const delays = await findDelays(client, now);
    const opened = await writeWarnings(client, delays, now);
    const closed = await closeWarnings(client, delays, now);
    return { opened, closed };
  });
}

interface PlacedDelay extends Delay {
  readonly orgId: number;
  readonly subject: string;
}

async function findDelays(client: Queryable, now: Date): Promise<readonly PlacedDelay[]> {
  const found = await client.query<{
    org_id: number;
    round_id: number;
    domain: string;
    waiting: number;
    since: Date;
    text: string | null;
  }>({
    name: "find-delays",
    text: `select d.org_id, d.round_id, d.domain, count(*) as waiting, min(d.first_tried_at) as since,
             (array_agg(d.last_text order by d.due_at desc nulls last) filter (where d.last_text <> ''))[1] as text
           from round r join delivery d on d.org_id = r.org_id and d.round_id = r.id
           where r.state = 'open' and d.settled_at is null and d.first_tried_at is not null and d.first_tried_at <= $1
             and d.state in ('queued', 'claimed', 'submitting')
           group by d.org_id, d.round_id, d.domain order by d.org_id, d.round_id, d.domain`,
    values: [new Date(now.getTime() - delayWorthTellingMs)],
  });
  return found.rows.map((row) => ({
    orgId: row.org_id,
    subject: `round:${String(row.round_id)}:${row.domain}`,
    domain: row.domain,
    waiting: row.waiting,
    since: row.since,
    text: row.text ?? "",
  }));
}

/** A standing warning gets the new figures quietly; one that had closed opens as news. */
async function writeWarnings(client: Queryable, delays: readonly PlacedDelay[], now: Date): Promise<number> {
  const written = await client.query<{ at: Date }>(
    `insert into alert (org_id, kind, subject, text, at)
     select g.org_id, 'delayed', g.subject, g.text, $4 from unnest($1::integer[], $2::text[], $3::text[]) as g (org_id, subject, text)
     on conflict (org_id, kind, subject) do update set text = excluded.text, closed_at = null,
       at = case when alert.closed_at is null then alert.at else excluded.at end,
       seen_at = case when alert.closed_at is null then alert.seen_at end
     where alert.text <> excluded.text or alert.closed_at is not null
     returning at`,
    [delays.map((delay) => delay.orgId), delays.map((delay) => delay.subject), delays.map(explainDelay), now],
  );
  return written.rows.filter((row) => row.at.getTime() === now.getTime()).length;
}

async function closeWarnings(client: Queryable, delays: readonly PlacedDelay[], now: Date): Promise<number> {
  const closed = await client.query(
    `update alert a set closed_at = $3 where a.kind = 'delayed' and a.closed_at is null
       and not exists (select from unnest($1::integer[], $2::text[]) as g (org_id, subject) where g.org_id = a.org_id and g.subject = a.subject)`,
    [delays.map((delay) => delay.orgId), delays.map((delay) => delay.subject), now],
  );
  return closed.rowCount ?? 0;
}

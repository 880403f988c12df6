/**
 * Enqueues a round chunk by chunk: one delivery per employee of the audience, those left out included, so that the
 * ledger sums over everybody. Each chunk moves the round's cursor in the same transaction, so a launch that is killed
 * goes on where it was, and launching twice adds nobody twice.
 */
import type { Database } from "../../ground/database.store.ts";
import { inTransaction } from "../../ground/database.store.ts";
import { leftOutBecause } from "./left-out.ts";

export interface EnqueuePlan {
  readonly orgId: number;
  readonly roundId: number;
  /** Languages the round speaks; the first one serves whoever speaks none of them. */
  readonly languages: readonly [string, ...string[]];
  /** Attributes that the texts use; only these are copied into the delivery. */
  readonly attributes: readonly string[];
}

/**
 * The statement for texts that use so many attributes; `$7` and what follows are their keys. Where to go on, `$6`, is a
 * value and not a join with the round, or every chunk would walk over all the people before it.
 */
function enqueueChunk(attributes: number): string {
  const keys = Array.from({ length: attributes }, (_, index) => `$${String(index + 7)}::text`);
  const pairs = keys.map((key) => `${key}, c.attributes -> ${key}`).join(", ");
  return `
  with chunk as materialized (
    select e.id, e.email, e.name, e.language, e.attributes, ${leftOutBecause("e", "$4::timestamptz")} as because
    from employee e join round r on r.org_id = e.org_id
    where e.org_id = $1 and e.id > $6 and r.org_id = $1 and r.id = $2
      and (r.kind = 'live' or exists (select from round_tester t where t.org_id = r.org_id and t.round_id = r.id and t.employee_id = e.id))
    order by e.id limit $3
  ), spoken as materialized (
    select s.language, coalesce(
        (select l from unnest($5::text[]) l where lower(l) = lower(s.language)),
        (select l from unnest($5::text[]) l where lower(split_part(l, '-', 1)) = lower(split_part(s.language, '-', 1)) limit 1),
        ($5::text[])[1]) as served
    from (select distinct language from chunk) s
  ), added as (
    insert into delivery (org_id, round_id, employee_id, state, suppressed_because, address, language, slots, due_at, settled_at)
    select $1, $2, c.id, case when c.because is null then 'queued' else 'suppressed' end, c.because, c.email, s.served,
      jsonb_build_object('name', c.name, 'attributes', ${attributes === 0 ? "'{}'::jsonb" : `jsonb_strip_nulls(jsonb_build_object(${pairs}))`}),
      case when c.because is null then $4::timestamptz end,
      case when c.because is not null then $4::timestamptz end
    from chunk c join spoken s on s.language = c.language
    returning domain
  ), domains as (
    insert into round_domain (org_id, round_id, domain, people) select $1, $2, domain, count(*) from added group by domain
    on conflict (org_id, round_id, domain) do update set people = round_domain.people + excluded.people
  )
  update round r set
    enqueued = r.enqueued + (select count(*) from added),
    enqueued_through = coalesce((select max(id) from chunk), r.enqueued_through)
  where r.org_id = $1 and r.id = $2 and r.state = 'launching'
  returning (select count(*) from chunk) as looked`;
}

const chunkSize = 10_000;

/** Enqueues everybody, then opens the round for sending. Does nothing when the round is not launching (any more). */
export async function enqueueRound(database: Database, plan: EnqueuePlan, now: Date): Promise<void> {
  // A planner without statistics, right after a large import, would walk over all the people for every chunk.
  await database.owner.query("analyze employee");
  for (let looked = chunkSize; looked === chunkSize;) looked = await enqueueNextChunk(database, plan, now);
  // And claims are half as fast while it believes the queue to be empty.
  await database.owner.query("analyze delivery");
  await database.engine.query("update round set state = 'open' where org_id = $1 and id = $2 and state = 'launching'", [
    plan.orgId,
    plan.roundId,
  ]);
}

async function enqueueNextChunk(database: Database, plan: EnqueuePlan, now: Date): Promise<number> {
  return inTransaction(database.engine, async (client) => {
    const found = await client.query<{ enqueued_through: number }>(
      "select enqueued_through from round where org_id = $1 and id = $2 and state = 'launching' for update",
      [plan.orgId, plan.roundId],
    );
    const round = found.rows[0];
    if (!round) return 0;
    const { orgId, roundId, languages, attributes } = plan;
    const values = [orgId, roundId, chunkSize, now, languages, round.enqueued_through, ...attributes];
    const done = await client.query<{ looked: number }>(enqueueChunk(plan.attributes.length), values);
    return done.rows[0]?.looked ?? 0;
  });
}

/**
 * Counts what failed for good in a window of time, and what arrived meanwhile, straight from attempts and deliveries.
 * Bounded however large the round: the latest failures only, and arrivals no further than they matter.
 */
import type { Queryable } from "../../ground/database.store.ts";
import type { Cause } from "../cause/cause.ts";
import { refusedCauses } from "./sort-failure.ts";

/** One round of one organisation. */
export interface RoundKey {
  readonly orgId: number;
  readonly roundId: number;
}

/** Failures of one domain with one verdict. */
export interface FailureRow extends RoundKey {
  readonly domain: string;
  readonly cause: Cause;
  readonly rule: string | null;
  /** Told by a notice, after the mail had been accepted. */
  readonly late: boolean;
  /** Since the window began, or since a person last settled an incident of this domain. */
  readonly ofDomain: number;
  /** The same for the round as a whole, without unknown people of domains that are held or were settled. */
  readonly ofRound: number;
  /** When the first of the live ones happened; null where there is none. */
  readonly ofDomainSince: Date | null;
  readonly ofRoundSince: Date | null;
  /** The last answers, word for word. */
  readonly texts: readonly string[];
}

/** How many notices are looked at, for each of the latest live failures that are. */
const noticesPerFailure = 20;

// Domain by domain, because the index is walked from its end for each: the cost follows the failures, not the round.
const failures = `
  with wanted as (select distinct org_id, round_id from unnest($1::integer[], $2::bigint[]) as w (org_id, round_id)),
  live as (
    select d.org_id, d.round_id, d.domain, d.id, d.cause, d.last_text, d.settled_at as at, a.rule, false as late
    from wanted w join round_domain r using (org_id, round_id)
    cross join lateral (
      select * from delivery x where x.org_id = r.org_id and x.round_id = r.round_id and x.domain = r.domain
        and x.settled_at > $3 and x.cause is not null and x.state = 'bounced' order by x.settled_at desc limit $4) d
    cross join lateral (
      select t.rule, t.source from attempt t where t.org_id = d.org_id and t.delivery_id = d.id and t.generation = d.generation
        and t.cause is not null order by t.at desc limit 1) a
    where a.source <> 'notice'
  ), late as (
    select distinct on (d.org_id, d.id) d.org_id, d.round_id, d.domain, d.id, d.cause, d.last_text, n.at, n.rule, true as late
    from (select distinct org_id from wanted) o
    cross join lateral (
      select * from attempt t where t.org_id = o.org_id and t.source = 'notice' and t.cause is not null and t.at > $3
      order by t.at desc limit $4 * $6::integer) n
    cross join lateral (
      select * from delivery x where x.org_id = n.org_id and x.id = n.delivery_id and x.generation = n.generation and x.state = 'bounced' offset 0) d
    where (d.org_id, d.round_id) in (select org_id, round_id from wanted)
    order by d.org_id, d.id, n.at desc
  ), looked_at as (
    select i.org_id, i.round_id, i.domain, max(greatest(i.continued_at, i.closed_at, case when i.domain is null then i.opened_at end)) as at
    from incident i join wanted using (org_id, round_id) group by i.org_id, i.round_id, i.domain
  ), failed as (
    select f.*, f.at > coalesce(of_domain.at, '-infinity') as counts_for_domain,
      f.at > coalesce(of_round.at, '-infinity')
        and (f.cause = any($5::text[]) or (h.domain is null and f.at > coalesce(of_domain.at, '-infinity'))) as counts_for_round
    from (select * from live union all select * from late) f
    left join domain_hold h on h.org_id = f.org_id and h.round_id = f.round_id and h.domain = f.domain
    left join looked_at of_domain on of_domain.org_id = f.org_id and of_domain.round_id = f.round_id and of_domain.domain = f.domain
    left join looked_at of_round on of_round.org_id = f.org_id and of_round.round_id = f.round_id and of_round.domain is null
  ), ranked as (
    select *, counts_for_round and (late or $4 >= row_number() over (partition by org_id, round_id, counts_for_round, late order by at desc)) as is_of_round
    from failed
  )
  select org_id, round_id, domain, cause, rule, late,
    count(*) filter (where counts_for_domain) as of_domain, count(*) filter (where is_of_round) as of_round,
    min(at) filter (where counts_for_domain and not late) as of_domain_since, min(at) filter (where is_of_round and not late) as of_round_since,
    (array_agg(last_text order by at desc) filter (where last_text <> ''))[1:20] as texts
  from ranked group by org_id, round_id, domain, cause, rule, late`;

/** The latest failures after `since` in these rounds, in all their domains; of each domain, and of each round, at most `latest` live ones. */
export async function countFailures(
  engine: Queryable,
  rounds: readonly RoundKey[],
  { since, latest }: { since: Date; latest: number },
): Promise<readonly FailureRow[]> {
  const counted = await engine.query<{
    org_id: number;
    round_id: number;
    domain: string;
    cause: Cause;
    rule: string | null;
    late: boolean;
    of_domain: number;
    of_round: number;
    of_domain_since: Date | null;
    of_round_since: Date | null;
    texts: string[] | null;
  }>({
    name: "count-failures",
    text: failures,
    values: [
      rounds.map((round) => round.orgId),
      rounds.map((round) => round.roundId),
      since,
      latest,
      refusedCauses,
      noticesPerFailure,
    ],
  });
  return counted.rows.map((row) => ({
    orgId: row.org_id,
    roundId: row.round_id,
    domain: row.domain,
    cause: row.cause,
    rule: row.rule,
    late: row.late,
    ofDomain: row.of_domain,
    ofRound: row.of_round,
    ofDomainSince: row.of_domain_since,
    ofRoundSince: row.of_round_since,
    texts: row.texts ?? [],
  }));
}

export interface Whole {
  readonly people: number;
  readonly arrived: number;
  /** Somebody continued an incident here, so the brake gives more room. */
  readonly wasContinued: boolean;
  /** The domain is held, or the round does not send: there is nothing to brake. */
  readonly standsStill: boolean;
}

// "order by" keeps the planner on the index: it would rather read the table from its start, where older rounds lie.
const whole = `
  with looked_at as (
    select max(greatest(continued_at, closed_at, case when domain is null then opened_at end)) as at,
      coalesce(bool_or(state = 'continued'), false) as was_continued
    from incident where org_id = $1 and round_id = $2 and domain is not distinct from $3::text
  )
  select l.was_continued,
    case when $3::text is null
      then (select enqueued from round where org_id = $1 and id = $2)
      else (select people from round_domain where org_id = $1 and round_id = $2 and domain = $3) end as people,
    case when $3::text is null
      then exists (select from round where org_id = $1 and id = $2 and state <> 'open')
      else exists (select from domain_hold where org_id = $1 and round_id = $2 and domain = $3) end as stands_still,
    (select count(*) from (
      select from round_domain r cross join lateral (
        select from delivery d where d.org_id = r.org_id and d.round_id = r.round_id and d.domain = r.domain
          and d.settled_at >= greatest($4, l.at) and d.state in ('accepted', 'delivered', 'complained') order by d.settled_at desc limit $5) a
      where r.org_id = $1 and r.round_id = $2 and ($3::text is null or r.domain = $3) limit $5) counted) as arrived
  from looked_at l`;

/** The whole that failures are compared with: of one domain, or of the round when `domain` is null. */
export async function countWhole(
  engine: Queryable,
  { orgId, roundId, domain }: RoundKey & { domain: string | null },
  { since, atMost }: { since: Date; atMost: number },
): Promise<Whole> {
  const counted = await engine.query<{
    people: number | null;
    arrived: number;
    was_continued: boolean;
    stands_still: boolean;
  }>({ name: "count-whole", text: whole, values: [orgId, roundId, domain, since, atMost] });
  const row = counted.rows[0];
  return {
    people: row?.people ?? 0,
    arrived: row?.arrived ?? 0,
    wasContinued: row?.was_continued ?? false,
    standsStill: row?.stands_still ?? true,
  };
}

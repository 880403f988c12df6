/** Counts what failed for good in a window of time, and what arrived meanwhile, straight from attempts and deliveries. Bounded: arrivals are counted no further than they matter. */
import type { Queryable } from "../../ground/database.store.ts";
import type { Cause } from "../cause/cause.ts";

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
  /** The same for the round as a whole. */
  readonly ofRound: number;
  /** The domain is on hold already. */
  readonly held: boolean;
  /** The last answers, word for word. */
  readonly texts: readonly string[];
}

// "offset 0" makes the planner walk attempts → deliveries by key, whatever its statistics say.
const failures = `
  with wanted as (select distinct org_id, round_id from unnest($1::integer[], $2::bigint[]) as w (org_id, round_id)),
  failed as (
    select distinct on (d.org_id, d.id) d.org_id, d.round_id, d.domain, d.cause, d.last_text, a.rule, a.source = 'notice' as late, a.at
    from (select distinct org_id from wanted) o
    cross join lateral (
      select * from attempt t where t.org_id = o.org_id and t.at > $3 and t.cause is not null and (t.code is null or t.code >= 500) offset 0) a
    cross join lateral (
      select * from delivery x where x.org_id = a.org_id and x.id = a.delivery_id and x.generation = a.generation and x.state = 'bounced' offset 0) d
    where (d.org_id, d.round_id) in (select org_id, round_id from wanted)
    order by d.org_id, d.id, a.at desc
  ), looked_at as (
    select i.org_id, i.round_id, i.domain, max(greatest(i.continued_at, i.closed_at, case when i.domain is null then i.opened_at end)) as at
    from incident i join wanted using (org_id, round_id) group by i.org_id, i.round_id, i.domain
  )
  select f.org_id, f.round_id, f.domain, f.cause, f.rule, f.late,
    count(*) filter (where f.at > coalesce(of_domain.at, '-infinity')) as of_domain,
    count(*) filter (where f.at > coalesce(of_round.at, '-infinity')) as of_round,
    (array_agg(f.last_text order by f.at desc) filter (where f.last_text <> ''))[1:20] as texts,
    exists (select from domain_hold h where h.org_id = f.org_id and h.round_id = f.round_id and h.domain = f.domain) as held
  from failed f
  left join looked_at of_domain on of_domain.org_id = f.org_id and of_domain.round_id = f.round_id and of_domain.domain = f.domain
  left join looked_at of_round on of_round.org_id = f.org_id and of_round.round_id = f.round_id and of_round.domain is null
  group by f.org_id, f.round_id, f.domain, f.cause, f.rule, f.late`;

/** Failures after `since` in these rounds, in all their domains. */
export async function countFailures(
  engine: Queryable,
  rounds: readonly RoundKey[],
  since: Date,
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
    held: boolean;
    texts: string[] | null;
  }>({
    name: "count-failures",
    text: failures,
    values: [rounds.map((round) => round.orgId), rounds.map((round) => round.roundId), since],
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
    held: row.held,
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

/** The whole that failures are compared with: of one domain, or of the round when `domain` is null. */
export async function countWhole(
  engine: Queryable,
  { orgId, roundId, domain }: RoundKey & { domain: string | null },
  { since, atMost }: { since: Date; atMost: number },
): Promise<Whole> {
  const counted = await engine.query<{
    people: number;
    arrived: number;
    was_continued: boolean;
    stands_still: boolean;
  }>({
    name: domain === null ? "count-whole-round" : "count-whole-domain",
    text: `
      with looked_at as (
        select max(greatest(continued_at, closed_at, case when domain is null then opened_at end)) as at, coalesce(bool_or(state = 'continued'), false) as was_continued
        from incident where org_id = $1 and round_id = $2 and domain is not distinct from $3
      )
      select l.was_continued,
        ${domain === null ? "exists (select from round where org_id = $1 and id = $2 and state <> 'open')" : "exists (select from domain_hold where org_id = $1 and round_id = $2 and domain = $3)"} as stands_still,
        ${domain === null ? "(select enqueued from round where org_id = $1 and id = $2)" : "coalesce((select people from round_domain where org_id = $1 and round_id = $2 and domain = $3), 0)"} as people,
        (select count(*) from (
          select from delivery where org_id = $1 and round_id = $2 ${domain === null ? "" : "and domain = $3"}
            and settled_at > greatest($4, l.at) and state in ('accepted', 'delivered', 'complained') limit $5) a) as arrived
      from looked_at l`,
    values: [orgId, roundId, domain, since, atMost],
  });
  const row = counted.rows[0];
  return {
    people: row?.people ?? 0,
    arrived: row?.arrived ?? 0,
    wasContinued: row?.was_continued ?? false,
    standsStill: row?.stands_still ?? true,
  };
}

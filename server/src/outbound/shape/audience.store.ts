/** Counts how many first tries of a round go to which domain, before the launch and after it; what that means is forecast.ts's. */
import type { Queryable } from "../../ground/database.store.ts";
import { leftOutBecause } from "../audience/left-out.ts";

export interface DomainCount {
  readonly domain: string;
  readonly people: number;
}

/**
 * People per domain to whom the round's mail has not been tried yet, the largest domain first. Before the launch that is
 * the audience without those who are left out; afterwards it is what waits, without what a person or an incident holds.
 * The same answer under row-level security and without.
 */
export async function countByDomain(
  client: Queryable,
  orgId: number,
  roundId: number,
  now: Date,
): Promise<readonly DomainCount[]> {
  const rows = await client.query<DomainCount>({
    name: "count-by-domain",
    text: `
      with audience as (
        select lower(substring(e.email from '[^@]+$')) as domain
        from round r join employee e on e.org_id = r.org_id
        where r.org_id = $1 and r.id = $2 and r.state = 'draft' and (${leftOutBecause("e", "$3::timestamptz")}) is null
          and (r.kind = 'live' or exists (select from round_tester t where t.org_id = r.org_id and t.round_id = r.id and t.employee_id = e.id))
        union all
        select d.domain from delivery d
        where d.org_id = $1 and d.round_id = $2 and d.settled_at is null and d.first_tried_at is null and d.state <> 'held'
      )
      select domain, count(*) as people from audience group by domain order by people desc, domain`,
    values: [orgId, roundId, now],
  });
  return rows.rows;
}

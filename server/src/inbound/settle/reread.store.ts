/** Reads again what nobody could match or read: rules change, and nothing was thrown away. Whatever is understood now is settled as if it had just come. */
import type { Queryable } from "../../ground/database.store.ts";

/** Of one organisation, or (null) of all; one mail where an id is given. At most `most` at a time, the oldest first. Returns how many. */
export async function rereadUnmatched(
  engine: Queryable,
  { orgId, id = null, most = 10_000 }: { orgId: number | null; id?: number | null; most?: number },
): Promise<number> {
  const again = await engine.query(
    `with chosen as materialized (
       select id from inbound_mail
       where state in ('unmatched', 'unreadable') and ($1::integer is null or org_id = $1) and ($2::bigint is null or id = $2)
       order by id limit $3 for update skip locked
     ), reset as (
       update inbound_mail m set state = 'received', settled_at = null from chosen c where m.id = c.id returning m.id
     )
     select enqueue_job('settle-inbound', json_build_object('inboundId', id), 'settle-inbound:' || id) from reset`,
    [orgId, id, most],
  );
  return again.rowCount ?? 0;
}

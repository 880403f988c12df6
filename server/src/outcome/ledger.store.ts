/** Counts a round's ledger straight from the delivery rows, so that it can never disagree with them, and checks that it sums. */
import type { Queryable } from "../ground/database.store.ts";
import type { DeliveryState } from "./delivery.ts";
import { emptyLedger, type Ledger, sumLedger } from "./ledger.ts";

export interface CountedLedger {
  readonly ledger: Ledger;
  /** Recipients enqueued for the round so far; counted in the same snapshot. */
  readonly enqueued: number;
  /** Σ states = enqueued. False would be a bug of ours, and is logged as one. */
  readonly sums: boolean;
}

export async function countLedger(client: Queryable, orgId: number, roundId: number): Promise<CountedLedger> {
  const counted = await client.query<{ state: DeliveryState | null; count: number; enqueued: number }>({
    name: "count-ledger",
    text: `select d.state, count(d.id) as count, r.enqueued
           from round r left join delivery d on d.org_id = r.org_id and d.round_id = r.id
           where r.org_id = $1 and r.id = $2 group by d.state, r.enqueued`,
    values: [orgId, roundId],
  });
  const ledger: Record<DeliveryState, number> = { ...emptyLedger() };
  for (const row of counted.rows) if (row.state) ledger[row.state] = row.count;
  const enqueued = counted.rows[0]?.enqueued ?? 0;
  return { ledger, enqueued, sums: sumLedger(ledger) === enqueued };
}

/** An open round over several domains, and the ways in which its mail ends, for tests of brakes and incidents. Plain SQL beside the product's own flagging. */
import { inTransaction } from "../../ground/database.store.ts";
import type { TestDatabase } from "../../testing/test-database.ts";
import { type FailedDelivery } from "../brake/apply-brakes.store.ts";
import { type CauseVerdict, faultOf } from "../cause/cause.ts";
import { flagEmployee } from "../flag.store.ts";

export interface DomainRound {
  readonly orgId: number;
  readonly roundId: number;
  /** Delivery ids by domain. */
  readonly mails: Readonly<Record<string, readonly number[]>>;
}

/** A round with so many people at each domain, all queued since `at`, in an organisation of its own unless one is named. */
export async function seedDomainRound(
  test: TestDatabase,
  people: Readonly<Record<string, number>>,
  at: Date,
  organisation?: number,
): Promise<DomainRound> {
  const orgId = organisation ?? (await test.addOrganisation());
  const owner = test.database.owner;
  const total = Object.values(people).reduce((sum, count) => sum + count, 0);
  const added = await owner.query<{ id: number }>(
    `insert into round (org_id, name, kind, state, sender_name, closes_at, launched_at, enqueued) values ($1, 'Seeded', 'live', 'open', 'HR', '2030-01-01', $2, $3) returning id`,
    [orgId, at, total],
  );
  const roundId = added.rows[0]!.id;
  const mails: Record<string, readonly number[]> = {};
  for (const [domain, count] of Object.entries(people)) {
    const queued = await owner.query<{ id: number }>(
      `with person as (
         insert into employee (org_id, email, email_key, name) select $1, 'p' || n || '@' || $3, 'p' || n || '@' || $3, 'Person ' || n from generate_series(1, $4::integer) n returning id, email)
       insert into delivery (org_id, round_id, employee_id, state, address, language, due_at) select $1, $2, id, 'queued', email, 'en', $5 from person order by id returning id`,
      [orgId, roundId, domain, count, at],
    );
    mails[domain] = queued.rows.map((row) => row.id);
    await owner.query("insert into round_domain values ($1, $2, $3, $4)", [orgId, roundId, domain, count]);
  }
  return { orgId, roundId, mails };
}

export const unknownUser: CauseVerdict = {
  cause: "recipient-unknown",
  fault: "address",
  permanent: true,
  rule: "test",
};
export const refusedByPolicy: CauseVerdict = {
  cause: "policy-rejected",
  fault: "their-system",
  permanent: true,
  rule: "test",
};
export const distrusted: CauseVerdict = {
  cause: "reputation-blocked",
  fault: faultOf("reputation-blocked"),
  permanent: true,
  rule: "test",
};

/** The next server takes these mails. */
export async function acceptMails(test: TestDatabase, round: DomainRound, ids: readonly number[], at: Date) {
  await submit(test, round, ids);
  await test.database.owner.query(
    "update delivery set state = 'accepted', settled_at = $3, node_id = null where org_id = $1 and id = any($2::bigint[])",
    [round.orgId, ids, at],
  );
}

/** These mails are refused for good, live or by a notice after they had been accepted; their people are flagged. */
export async function refuseMails(
  test: TestDatabase,
  round: DomainRound,
  ids: readonly number[],
  { verdict, at, late = false }: { verdict: CauseVerdict; at: Date; late?: boolean },
): Promise<readonly FailedDelivery[]> {
  if (!late) await submit(test, round, ids);
  const failed: FailedDelivery[] = [];
  for (const id of ids) {
    await inTransaction(test.database.engine, async (client) => {
      const gone = await client.query<{ domain: string; last_text: string }>(
        `update delivery set state = 'bounced', settled_at = coalesce(settled_at, $3), node_id = null, cause = $4, last_code = 550, last_text = '550 5.7.1 <' || address || '>: no, ' || $4
         where org_id = $1 and id = $2 returning domain, last_text`,
        [round.orgId, id, at, verdict.cause],
      );
      const { domain, last_text: text } = gone.rows[0]!;
      await client.query(
        `insert into attempt (org_id, delivery_id, generation, fence, at, result, code, text, cause, rule, source, inbound_id)
         select org_id, id, generation, fence, $3, 'refused', 550, last_text, cause, $4, $5, case when $5 = 'notice' then id else 0 end from delivery where org_id = $1 and id = $2`,
        [round.orgId, id, at, verdict.rule, late ? "notice" : "attempt"],
      );
      const flag = verdict.cause === "recipient-unknown" ? "hard" : "refused-by-their-system";
      await flagEmployee(client, { orgId: round.orgId, id }, { kind: "flag-employee", flag, verdict, text }, at);
      failed.push({ orgId: round.orgId, roundId: round.roundId, domain, verdict, text, at });
    });
  }
  return failed;
}

async function submit(test: TestDatabase, { orgId }: DomainRound, ids: readonly number[]): Promise<void> {
  const set = (state: string, more: string) =>
    test.database.owner.query(
      `update delivery set state = $3, ${more}, first_tried_at = coalesce(first_tried_at, due_at) where org_id = $1 and id = any($2::bigint[])`,
      [orgId, ids, state],
    );
  await set("claimed", "node_id = 1, fence = fence + 1");
  await set("submitting", "node_id = 1");
}

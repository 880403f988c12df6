/** Puts people and an open round into a test database with plain SQL, so that a test starts at the state it is about. */
import type { TestDatabase } from "./test-database.ts";

export interface Seeded {
  readonly orgId: number;
  readonly roundId: number;
  /** Delivery ids in the order of the people. */
  readonly deliveries: readonly number[];
  readonly employees: readonly number[];
}

/** One organisation with `people` employees (`p1@example.com` …) and a round in which everyone is queued at `dueAt`. */
export async function seedRound(
  test: TestDatabase,
  people: number,
  options: { dueAt?: Date; closesAt?: Date; neverSendTwice?: boolean } = {},
): Promise<Seeded> {
  const orgId = await test.addOrganisation();
  const owner = test.database.owner;
  const employees = await owner.query<{ id: number }>(
    `insert into employee (org_id, email, email_key, name) select $1, 'p' || n || '@example.com', 'p' || n || '@example.com', 'Person ' || n from generate_series(1, $2::integer) n order by n returning id`,
    [orgId, people],
  );
  const round = await owner.query<{ id: number }>(
    `insert into round (org_id, name, kind, state, sender_name, closes_at, never_send_twice, enqueued) values ($1, 'Seeded', 'live', 'open', 'HR', $2, $3, $4) returning id`,
    [orgId, options.closesAt ?? new Date("2030-01-01"), options.neverSendTwice ?? false, people],
  );
  const roundId = round.rows[0]!.id;
  const deliveries = await owner.query<{ id: number }>(
    `insert into delivery (org_id, round_id, employee_id, state, address, language, slots, due_at)
     select org_id, $2, id, 'queued', email, 'en', jsonb_build_object('name', name, 'attributes', '{}'::jsonb), $3 from employee where org_id = $1 order by id returning id`,
    [orgId, roundId, options.dueAt ?? new Date("2026-01-01")],
  );
  await owner.query("insert into round_domain values ($1, $2, 'example.com', $3)", [orgId, roundId, people]);
  await owner.query("analyze delivery, employee, round");
  return {
    orgId,
    roundId,
    deliveries: deliveries.rows.map((row) => row.id),
    employees: employees.rows.map((row) => row.id),
  };
}

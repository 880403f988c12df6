/** A round's mails are counted per domain before the launch as they will be, and after it as they are. */
import { describe, expect, it } from "vitest";
import { inOrganisation } from "../../ground/database.store.ts";
import { seedRound } from "../../testing/seed.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { addRound } from "../round/round.store.ts";
import type { RoundKind } from "../round/round.ts";
import { countByDomain } from "./audience.store.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T08:00:00Z");
const text = { language: "en", subject: "Hello", preview: "", body: "Please answer.", button: "" };

async function draft(orgId: number, kind: RoundKind, testers: readonly number[] = []): Promise<number> {
  return inOrganisation(test.database, orgId, (client) =>
    addRound(client, orgId, {
      name: "R",
      kind,
      senderName: "HR",
      closesAt: new Date("2030-01-01"),
      neverSendTwice: false,
      texts: [text],
      testers,
    }),
  );
}

describe("countByDomain", () => {
  it("counts a draft's audience without those who are left out, to its testers where it is a test", async () => {
    const orgId = await test.addOrganisation();
    const people = await test.database.owner.query<{ id: number }>(
      `insert into employee (org_id, email, email_key, flag, active)
       select $1, 'p' || n || '@' || (array['A.example', 'b.example', 'b.example'])[1 + n % 3], 'p' || n, case when n = 1 then 'hard' end, n <> 2
       from generate_series(1, 9) n order by n returning id`,
      [orgId],
    );
    await test.addOrganisation();
    const live = await draft(orgId, "live");
    expect(await countByDomain(test.database.engine, orgId, live, now)).toEqual([
      { domain: "b.example", people: 4 },
      { domain: "a.example", people: 3 },
    ]);
    const ids = people.rows.map(({ id }) => id);
    const trial = await draft(orgId, "test", [ids[0]!, ids[2]!, ids[3]!]);
    const seen = await inOrganisation(test.database, orgId, (client) => countByDomain(client, orgId, trial, now));
    expect(seen).toEqual([
      { domain: "a.example", people: 1 },
      { domain: "b.example", people: 1 },
    ]);
  });

  it("counts what waits once the round is out, but not retries and what is held", async () => {
    const { orgId, roundId, deliveries } = await seedRound(test, 7);
    await test.database.owner.query("update delivery set attempts = 1, first_tried_at = now() where id = $1", [
      deliveries[5],
    ]);
    await test.database.owner.query("update delivery set state = 'held' where id = $1", [deliveries[6]]);
    await test.database.owner.query(
      "update delivery set state = 'suppressed', suppressed_because = 'flagged', settled_at = now() where id = $1",
      [deliveries[0]],
    );
    expect(await countByDomain(test.database.engine, orgId, roundId, now)).toEqual([
      { domain: "example.com", people: 4 },
    ]);
    const other = await test.addOrganisation();
    expect(await inOrganisation(test.database, other, (client) => countByDomain(client, orgId, roundId, now))).toEqual(
      [],
    );
  });
});

/** While the database is away nothing is submitted; when it is back, sending goes on by itself and nobody got two mails. */
import pg from "pg";
import { expect, inject, it } from "vitest";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { until, useRoundtrip } from "./harness.ts";

const journey = useRoundtrip({ ROUNDTRIP_CONNECTIONS: "5" });
const people = 600;

it("stops at once and resumes by itself", { timeout: 90_000 }, async () => {
  const { running } = journey;
  const { database, orgId } = running;
  const world = running.world!;
  await journey.importPeople(
    [
      "email,name",
      ...Array.from({ length: people }, (_, index) => `p${String(index)}@acme.test,P ${String(index)}`),
    ].join("\r\n"),
  );
  const name = (await database.owner.query<{ name: string }>("select current_database() as name")).rows[0]!.name;
  const admin = new pg.Client({ ...inject("postgres"), database: "postgres" });
  await admin.connect();

  const roundId = await journey.launch();
  for (let outage = 1; outage <= 3; outage++) {
    await until(`mails to flow before outage ${String(outage)}`, async () => world.counts().kept >= outage * 100);
    await admin.query(`alter database ${name} with allow_connections false`);
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]);
    const atOutage = world.counts().kept;
    // Long enough for a sender that did not stop to send everything that is left.
    await new Promise((done) => setTimeout(done, 1500));
    expect(
      world.counts().kept - atOutage,
      "mails handed over without a database: at most those already past their mark",
    ).toBeLessThanOrEqual(5);
    await admin.query(`alter database ${name} with allow_connections true`);
  }
  await until(
    "everything to be settled",
    async () =>
      (await database.owner.query("select from delivery where org_id = $1 and settled_at is null limit 1", [orgId]))
        .rowCount === 0,
    60_000,
  );
  await admin.end();
  const { ledger, sums } = await countLedger(database.owner, orgId, roundId);
  expect({ accepted: ledger.accepted, sums }).toEqual({ accepted: people, sums: true });
  expect(world.counts().kept).toBe(people);
});

/** The mail system of one company refuses us: its mail is held after a few, everybody else gets theirs, and when their IT has mended it one step sends all the rest. */
import { expect, it } from "vitest";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { listIncidents, retryAll } from "../../server/src/outcome/brake/incident.store.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { until, useRoundtrip } from "./harness.ts";

// One connection: what has not been tried yet when the brake takes hold is then most of the domain.
const journey = useRoundtrip({ ROUNDTRIP_CONNECTIONS: "1" });
const closed = Array.from({ length: 40 }, (_, n) => `c${String(n)}+policy-block@closed.test`);
const open = Array.from({ length: 60 }, (_, n) => `o${String(n)}@open.test`);

it("ends with every mail accepted", { timeout: 60_000 }, async () => {
  const { running, clock } = journey;
  const { database, orgId } = running;
  await journey.importPeople(
    ["email,name", ...closed.map((email) => `${email},Closed`), ...open.map((email) => `${email},Open`)].join("\r\n"),
  );
  const roundId = await journey.launch();
  const ledger = async () => (await countLedger(database.owner, orgId, roundId)).ledger;
  const incidents = () => inOrganisation(database, orgId, (client) => listIncidents(client, orgId));

  await until("the brake to take hold", async () => (await incidents()).length > 0);
  await until("everybody else's mail", async () => (await ledger()).accepted === open.length);
  await until("the domain to be still", async () => {
    const { queued, claimed, submitting } = await ledger();
    return queued + claimed + submitting === 0;
  });
  await until(
    "everyone refused to be grouped",
    async () => (await incidents())[0]?.flagged === (await ledger()).bounced,
  );
  const { bounced, held } = await ledger();
  expect(bounced + held).toBe(closed.length);
  expect(bounced).toBeGreaterThanOrEqual(3);
  expect(held).toBeGreaterThan(0);
  const standing = await incidents();
  expect(standing).toMatchObject([
    { domain: "closed.test", kind: "refused-by-their-system", state: "open", held, flagged: bounced },
  ]);
  expect(standing[0]?.evidence.texts[0]).toContain("Delivery not authorized");

  // Their IT opens the door: the same people, at addresses that are let in.
  await database.owner.query(
    "update employee set email = replace(email, '+policy-block', ''), email_key = replace(email_key, '+policy-block', '')",
  );
  await database.owner.query("update delivery set address = replace(address, '+policy-block', '')");
  const mended = await inOrganisation(database, orgId, (client) =>
    retryAll(client, { orgId, incidentId: standing[0]!.id }, "their IT opened the filter", clock.now()),
  );
  expect(mended).toEqual({ cleared: bounced, requeued: bounced, released: held });

  await until("every mail", async () => (await ledger()).accepted === closed.length + open.length);
  expect((await countLedger(database.owner, orgId, roundId)).sums).toBe(true);
  expect((await database.owner.query("select from employee where flag is not null")).rowCount).toBe(0);
  expect(await incidents()).toEqual([]);
  const counts = running.world!.counts();
  for (const address of [...closed, ...open].map((email) => email.replace("+policy-block", "")))
    expect(counts.toRecipient(address), address).toBe(1);
});

/** Enqueueing: everybody of the audience once, those left out with their reason, whatever is clicked or killed in between. */
import { describe, expect, it } from "vitest";
import { inOrganisation } from "../../ground/database.store.ts";
import { countLedger } from "../../outcome/ledger.store.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { addRound, launchRound } from "../round/round.store.ts";
import type { RoundKind } from "../round/round.ts";
import { enqueueRound, type EnqueuePlan } from "./enqueue.store.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T08:00:00Z");
const text = { language: "en", subject: "Hello", preview: "", body: "Please answer.", button: "" };

async function people(count: number): Promise<number> {
  const orgId = await test.addOrganisation();
  await test.database.owner.query(
    `insert into employee (org_id, email, email_key, name, language, attributes)
     select $1, 'p' || n || '@' || (array['a.example', 'b.example'])[1 + n % 2], 'p' || n, 'Person ' || n, (array['en', 'de', 'da-DK', 'xx'])[1 + n % 4], '{"team": "Blue", "secret": "x"}'
     from generate_series(1, $2::integer) n`,
    [orgId, count],
  );
  return orgId;
}

async function launched(
  orgId: number,
  kind: RoundKind = "live",
  testers: readonly number[] = [],
): Promise<EnqueuePlan> {
  const roundId = await inOrganisation(test.database, orgId, async (client) => {
    const id = await addRound(client, orgId, {
      name: "R",
      kind,
      senderName: "HR",
      closesAt: new Date("2030-01-01"),
      neverSendTwice: false,
      texts: [text],
      testers,
    });
    await launchRound(client, orgId, id, now);
    await launchRound(client, orgId, id, now);
    return id;
  });
  return { orgId, roundId, languages: ["en", "de", "da"], attributes: ["team"] };
}

const ledgerOf = (plan: EnqueuePlan) => countLedger(test.database.owner, plan.orgId, plan.roundId);
const stateOf = async (plan: EnqueuePlan) =>
  (await test.database.owner.query<{ state: string }>("select state from round where id = $1", [plan.roundId])).rows[0]
    ?.state;

describe("a live round", () => {
  it("holds everybody once, over several chunks, however often it is launched and enqueued at the same time", async () => {
    const plan = await launched(await people(25_000));
    expect(
      (
        await test.database.owner.query("select from graphile_worker.jobs where key = $1", [
          `launch-round:${String(plan.roundId)}`,
        ])
      ).rowCount,
    ).toBe(1);
    await Promise.all([
      enqueueRound(test.database, plan, now),
      enqueueRound(test.database, plan, now),
      enqueueRound(test.database, plan, now),
    ]);
    expect(await ledgerOf(plan)).toMatchObject({ ledger: { queued: 25_000 }, enqueued: 25_000, sums: true });
    expect(await stateOf(plan)).toBe("open");
    await enqueueRound(test.database, plan, now);
    expect((await ledgerOf(plan)).enqueued).toBe(25_000);
    const domains = await test.database.owner.query(
      "select domain, people from round_domain where round_id = $1 order by 1",
      [plan.roundId],
    );
    expect(domains.rows).toEqual([
      { domain: "a.example", people: 12_500 },
      { domain: "b.example", people: 12_500 },
    ]);
  });

  it("goes on where a kill left it", async () => {
    const plan = await launched(await people(25_000));
    const killed = enqueueRound(test.database, plan, now);
    await expect.poll(async () => (await ledgerOf(plan)).enqueued, { interval: 2 }).toBeGreaterThan(0);
    await test.database.owner.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%chunk%'",
    );
    const ended = await killed.then(
      () => "finished before the kill",
      () => "killed",
    );
    if (ended === "killed") expect(await stateOf(plan)).toBe("launching");
    expect((await ledgerOf(plan)).sums).toBe(true);
    await enqueueRound(test.database, plan, now);
    expect(await ledgerOf(plan)).toMatchObject({ ledger: { queued: 25_000 }, enqueued: 25_000, sums: true });
  });

  it("counts those left out, each with the reason, and queues the softly flagged", async () => {
    const orgId = await people(8);
    const ids = (
      await test.database.owner.query<{ id: number }>("select id from employee where org_id = $1 order by id", [orgId])
    ).rows.map((row) => row.id);
    const set = (index: number, what: string) =>
      test.database.owner.query(`update employee set ${what} where id = $1`, [ids[index]]);
    await Promise.all([
      set(0, "flag = 'hard'"),
      set(1, "active = false"),
      set(2, "opted_out_at = now()"),
      set(3, "starts_on = '2026-12-01'"),
      set(4, "flag = 'soft'"),
      set(5, "starts_on = '2026-11-24'"),
    ]);
    const plan = await launched(orgId);
    await enqueueRound(test.database, plan, now);
    const rows = await test.database.owner.query<{ because: string | null }>(
      "select suppressed_because as because from delivery where round_id = $1 order by employee_id",
      [plan.roundId],
    );
    expect(rows.rows.map((row) => row.because)).toEqual([
      "flagged",
      "inactive",
      "opted-out",
      "not-started",
      null,
      null,
      null,
      null,
    ]);
    expect(await ledgerOf(plan)).toMatchObject({ ledger: { queued: 4, suppressed: 4 }, enqueued: 8, sums: true });
  });

  it("speaks each person's language, or the nearest, or the round's first; and copies only what the texts use", async () => {
    const plan = await launched(await people(4));
    await enqueueRound(test.database, plan, now);
    const rows = await test.database.owner.query(
      "select language, slots from delivery where round_id = $1 order by employee_id",
      [plan.roundId],
    );
    expect(rows.rows.map((row: { language: string }) => row.language)).toEqual(["de", "da", "en", "en"]);
    expect(rows.rows[0]).toMatchObject({ slots: { name: "Person 1", attributes: { team: "Blue" } } });
  });
});

describe("a test round", () => {
  it("goes to its testers only, and to 25 at most", async () => {
    const orgId = await people(40);
    const ids = (
      await test.database.owner.query<{ id: number }>("select id from employee where org_id = $1 order by id", [orgId])
    ).rows.map((row) => row.id);
    const plan = await launched(orgId, "test", ids.slice(5, 8));
    await enqueueRound(test.database, plan, now);
    const rows = await test.database.owner.query<{ employee_id: number }>(
      "select employee_id from delivery where round_id = $1 order by 1",
      [plan.roundId],
    );
    expect(rows.rows.map((row) => row.employee_id)).toEqual(ids.slice(5, 8));
    await expect(launched(orgId, "test", ids.slice(0, 26))).rejects.toThrow(/at most 25 people/);
  });
});

describe("a launch", () => {
  it("is refused when the round has closed already, or does not exist", async () => {
    const orgId = await people(1);
    const late = inOrganisation(test.database, orgId, async (client) => {
      const id = await addRound(client, orgId, {
        name: "R",
        kind: "live",
        senderName: "HR",
        closesAt: new Date("2026-01-01"),
        neverSendTwice: false,
        texts: [text],
        testers: [],
      });
      await launchRound(client, orgId, id, now);
    });
    await expect(late).rejects.toThrow(/closing time is in the past/);
    await expect(
      inOrganisation(test.database, orgId, (client) => launchRound(client, orgId, 999_999_999, now)),
    ).rejects.toThrow(/does not exist/);
  });
});

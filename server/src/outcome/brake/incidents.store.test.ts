/** Brakes and incidents on a real database: what is held, who is grouped, and what one step settles. */
import { describe, expect, it } from "vitest";
import { inOrganisation, inTransaction } from "../../ground/database.store.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { clearFlag } from "../flag.store.ts";
import { countLedger } from "../ledger.store.ts";
import {
  acceptMails,
  distrusted,
  type DomainRound,
  refusedByPolicy,
  refuseMails,
  seedDomainRound,
  unknownUser,
} from "../testing/domain-round.ts";
import { applyBrakes } from "./apply-brakes.store.ts";
import { defaultBrakes } from "./decide-brake.ts";
import { continueIncident, heldDomains, listIncidents, retryAll } from "./incident.store.ts";
import { openIncident } from "./open-incident.store.ts";

const test = useTestDatabase();
const start = new Date("2026-11-24T08:00:00Z");
const after = (minutes: number) => new Date(start.getTime() + minutes * 60_000);
const one = "one.example";
const two = "two.example";

const ledgerOf = async (round: DomainRound) => {
  const { ledger, sums } = await countLedger(test.database.owner, round.orgId, round.roundId);
  expect(sums).toBe(true);
  return Object.fromEntries(Object.entries(ledger).filter(([, count]) => count > 0));
};
const incidentsOf = (round: DomainRound) =>
  inOrganisation(test.database, round.orgId, (client) => listIncidents(client, round.orgId));
const settle = <Value>(round: DomainRound, work: Parameters<typeof inOrganisation<Value>>[2]) =>
  inOrganisation(test.database, round.orgId, work);
const refuse = async (round: DomainRound, ids: readonly number[], verdict = refusedByPolicy, at = start) =>
  applyBrakes(test.database, await refuseMails(test, round, ids, { verdict, at }), at);
const historyOf = async (round: DomainRound) =>
  (
    await test.database.owner.query<{ kind: string; reason: string | null; count: number }>(
      "select kind, reason, count(*) from flag_event where org_id = $1 group by kind, reason order by kind",
      [round.orgId],
    )
  ).rows;

/** Thirty people at one domain, three of them refused: held. Twenty at another, untouched. */
async function heldRound(): Promise<DomainRound & { incidentId: number }> {
  const round = await seedDomainRound(test, { [one]: 30, [two]: 20 }, start);
  const [braked] = await refuse(round, round.mails[one]!.slice(0, 3));
  return { ...round, incidentId: braked!.incidentId };
}

describe("braking", () => {
  it("holds a domain from the third refusal on, and touches no other", async () => {
    const round = await seedDomainRound(test, { [one]: 30, [two]: 20 }, start);
    const [a, b, c] = round.mails[one]!;
    await acceptMails(test, round, round.mails[one]!.slice(10, 12), start);
    expect(await refuse(round, [a!, b!])).toEqual([]);
    expect(await ledgerOf(round)).toEqual({ queued: 46, accepted: 2, bounced: 2 });
    const braked = await refuse(round, [c!]);
    expect(braked).toMatchObject([{ domain: one, kind: "refused-by-their-system", held: 25 }]);
    expect(await ledgerOf(round)).toEqual({ queued: 20, held: 25, accepted: 2, bounced: 3 });
    expect(await heldDomains(test.database.engine)).toContainEqual({
      orgId: round.orgId,
      roundId: round.roundId,
      domain: one,
    });
  });

  it("keeps the answers word for word, one of each, and alerts once", async () => {
    const round = await heldRound();
    const [incident] = await incidentsOf(round);
    expect(incident).toMatchObject({ id: round.incidentId, domain: one, state: "open", held: 27, flagged: 3 });
    expect(incident?.evidence).toMatchObject({ people: 30, failed: 3, arrived: 0, cause: "policy-rejected" });
    expect(incident?.evidence.texts).toEqual([
      expect.stringMatching(/^550 5\.7\.1 <p\d@one\.example>: no, policy-rejected$/),
    ]);
    const alerts = await test.database.owner.query("select text from alert where org_id = $1 and kind = 'incident'", [
      round.orgId,
    ]);
    expect(alerts.rows).toEqual([
      { text: expect.stringContaining("The mail system of one.example refused 3 mails for good within 10 minutes.") },
    ]);
  });

  it("forgets what is older than its window", async () => {
    const round = await seedDomainRound(test, { [one]: 30 }, start);
    const ids = round.mails[one]!;
    await acceptMails(test, round, ids.slice(20, 21), after(11));
    await refuse(round, ids.slice(0, 2));
    expect(await refuse(round, ids.slice(2, 4), refusedByPolicy, after(11))).toEqual([]);
    expect(await refuse(round, ids.slice(4, 5), refusedByPolicy, after(12))).toHaveLength(1);
  });

  it("flags unknown people one by one until they are too many", async () => {
    const round = await seedDomainRound(test, { [one]: 60 }, start);
    const ids = round.mails[one]!;
    await acceptMails(test, round, ids.slice(40), start);
    expect(await refuse(round, ids.slice(0, 5), unknownUser)).toEqual([]);
    expect(await refuse(round, ids.slice(5, 6), unknownUser)).toMatchObject([{ kind: "many-unknown", held: 34 }]);
  });

  it("hears late notices too, against all the people of the domain", async () => {
    const round = await seedDomainRound(test, { [one]: 200 }, start);
    const ids = round.mails[one]!;
    await acceptMails(test, round, ids.slice(0, 100), start);
    const late = { verdict: unknownUser, at: after(30), late: true };
    expect(await applyBrakes(test.database, await refuseMails(test, round, ids.slice(0, 10), late), after(30))).toEqual(
      [],
    );
    expect(
      await applyBrakes(test.database, await refuseMails(test, round, ids.slice(10, 11), late), after(30)),
    ).toMatchObject([{ kind: "many-unknown", held: 100 }]);
  });

  it("looks at the latest failures only, where very many failed, and at what arrived since then", async () => {
    const round = await seedDomainRound(test, { [one]: 1000 }, start);
    const ids = round.mails[one]!;
    const limits = { ...defaultBrakes, latest: 10 };
    const step = async (range: readonly [number, number], minute: number) => {
      const failed = await refuseMails(test, round, ids.slice(...range), { verdict: unknownUser, at: after(minute) });
      return applyBrakes(test.database, failed, after(minute), limits);
    };
    await acceptMails(test, round, ids.slice(200, 900), start);
    expect(await step([0, 9], 1)).toEqual([]);
    await acceptMails(test, round, ids.slice(900, 910), after(2));
    // 18 of 728 in ten minutes is little; 10 of the last 20 is a domain that has just broken.
    expect(await step([9, 18], 3)).toMatchObject([{ kind: "many-unknown" }]);
  });

  it("does nothing for mails that are tried again", async () => {
    const round = await seedDomainRound(test, { [one]: 10 }, start);
    const full = { cause: "mailbox-full", fault: "address", permanent: true, rule: "test" } as const;
    const failed = Array.from({ length: 9 }, () => ({ ...round, domain: one, verdict: full, text: "", at: start }));
    expect(await applyBrakes(test.database, failed, start)).toEqual([]);
  });

  it("opens one incident, however many nodes come to it at once", async () => {
    const round = await seedDomainRound(test, { [one]: 40 }, start);
    const failed = await refuseMails(test, round, round.mails[one]!.slice(0, 6), {
      verdict: refusedByPolicy,
      at: start,
    });
    const braked = (
      await Promise.all(Array.from({ length: 6 }, () => applyBrakes(test.database, failed, start)))
    ).flat();
    expect(braked).toHaveLength(1);
    expect(await incidentsOf(round)).toHaveLength(1);
    expect(await ledgerOf(round)).toEqual({ held: 34, bounced: 6 });
  });

  it("stops a round in which every tenth address is unknown", async () => {
    const domains = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`d${String(n)}.example`, 5]));
    const round = await seedDomainRound(test, domains, start);
    const mails = Object.values(round.mails);
    await acceptMails(
      test,
      round,
      mails.flatMap((ids) => ids.slice(1, 4)),
      start,
    );
    const firsts = mails.map((ids) => ids[0]!);
    expect(await refuse(round, firsts.slice(0, 6), unknownUser)).toEqual([]);
    expect(await refuse(round, firsts.slice(6, 7), unknownUser)).toMatchObject([
      { domain: null, kind: "many-unknown" },
    ]);
    const [incident] = await incidentsOf(round);
    const stopped = await test.database.owner.query("select state from round where id = $1", [round.roundId]);
    expect(stopped.rows).toEqual([{ state: "stopped" }]);
    expect(
      await settle(round, (client) =>
        continueIncident(client, { orgId: round.orgId, incidentId: incident!.id }, after(1)),
      ),
    ).toBe(0);
    const resumed = await test.database.owner.query("select state, stopped_because from round where id = $1", [
      round.roundId,
    ]);
    expect(resumed.rows).toEqual([{ state: "open", stopped_because: null }]);
    expect(await refuse(round, firsts.slice(7, 9), unknownUser, after(2))).toEqual([]);
  });

  it("does not stop a round for one dead domain: that one is held", async () => {
    const round = await seedDomainRound(test, { [one]: 30, [two]: 50 }, start);
    await acceptMails(test, round, round.mails[two]!, start);
    expect(await refuse(round, round.mails[one]!.slice(0, 10), unknownUser)).toMatchObject([{ domain: one }]);
    const key = { orgId: round.orgId, incidentId: (await incidentsOf(round))[0]!.id };
    await settle(round, (client) => continueIncident(client, key, after(1)));
    expect(await refuse(round, round.mails[one]!.slice(10, 12), unknownUser, after(2))).toEqual([]);
  });

  it("stops a round that two domains blame on us, and mends all of it in one step", async () => {
    const round = await seedDomainRound(test, { [one]: 5, [two]: 5 }, start);
    const [first] = round.mails[one]!;
    const [second] = round.mails[two]!;
    expect(await refuse(round, [first!], distrusted)).toEqual([]);
    const [braked] = await refuse(round, [second!], distrusted);
    expect(braked).toMatchObject({ domain: null, kind: "refused-because-of-us" });
    const mended = await settle(round, (client) =>
      retryAll(client, { orgId: round.orgId, incidentId: braked!.incidentId }, "key published", after(5)),
    );
    expect(mended).toEqual({ cleared: 2, requeued: 2, released: 0 });
    expect(await ledgerOf(round)).toEqual({ queued: 10 });
  });
});

describe("a held domain", () => {
  it("withdraws what a node is making, and lets what is on the wire end as it ends", async () => {
    const round = await seedDomainRound(test, { [one]: 10 }, start);
    const ids = round.mails[one]!;
    const owner = test.database.owner;
    await owner.query("update delivery set state = 'claimed', node_id = 1, fence = 7 where id = any($1)", [
      ids.slice(3, 5),
    ]);
    await owner.query("update delivery set state = 'submitting' where id = $1", [ids[4]]);
    await refuse(round, ids.slice(0, 3));
    const rows = await owner.query("select state, fence, node_id from delivery where id = any($1) order by id", [
      ids.slice(3, 5),
    ]);
    expect(rows.rows).toEqual([
      { state: "held", fence: 8, node_id: null },
      { state: "submitting", fence: 7, node_id: 1 },
    ]);
  });

  it("holds whatever comes back to the queue later, whoever puts it there", async () => {
    const round = await seedDomainRound(test, { [one]: 10 }, start);
    const ids = round.mails[one]!;
    const owner = test.database.owner;
    await owner.query("update delivery set state = 'claimed', node_id = 1 where id = $1", [ids[9]]);
    await owner.query("update delivery set state = 'submitting' where id = $1", [ids[9]]);
    await refuse(round, ids.slice(0, 3));
    await owner.query("update delivery set state = 'queued', node_id = null, due_at = $2 where id = $1", [
      ids[9],
      after(5),
    ]);
    const person = await owner.query<{ id: number }>("select employee_id as id from delivery where id = $1", [ids[0]]);
    await settle(round, (client) =>
      clearFlag(client, { orgId: round.orgId, employeeId: person.rows[0]!.id }, "asked them", after(5)),
    );
    expect(await ledgerOf(round)).toEqual({ held: 8, bounced: 2 });
    expect(await incidentsOf(round)).toMatchObject([{ held: 8, flagged: 2 }]);
  });

  it("is no longer listed once its round does not send", async () => {
    const round = await heldRound();
    await test.database.owner.query("update round set state = 'closed' where id = $1", [round.roundId]);
    expect((await heldDomains(test.database.engine)).filter((held) => held.roundId === round.roundId)).toEqual([]);
  });
});

describe("continuing", () => {
  it("releases what is held, keeps the flags, writes that down, and changes nothing a second time", async () => {
    const round = await heldRound();
    const key = { orgId: round.orgId, incidentId: round.incidentId };
    expect(await settle(round, (client) => continueIncident(client, key, after(1)))).toBe(27);
    expect(await settle(round, (client) => continueIncident(client, key, after(1)))).toBe(0);
    expect(await ledgerOf(round)).toEqual({ queued: 47, bounced: 3 });
    expect(await incidentsOf(round)).toMatchObject([{ state: "continued", held: 0, flagged: 3 }]);
    expect(await historyOf(round)).toEqual([
      { kind: "kept", reason: "the incident was continued", count: 3 },
      { kind: "raised", reason: null, count: 3 },
    ]);
  });

  it("lifts the brake until several times as much has failed, then the same incident holds again", async () => {
    const round = await heldRound();
    const key = { orgId: round.orgId, incidentId: round.incidentId };
    const ids = round.mails[one]!;
    await settle(round, (client) => continueIncident(client, key, after(1)));
    expect(await refuse(round, ids.slice(3, 13), refusedByPolicy, after(2))).toEqual([]);
    expect(await incidentsOf(round)).toMatchObject([{ state: "continued", flagged: 13 }]);
    expect(await refuse(round, ids.slice(13, 14), refusedByPolicy, after(3))).toMatchObject([
      { incidentId: round.incidentId, held: 16 },
    ]);
    expect(await incidentsOf(round)).toMatchObject([{ id: round.incidentId, state: "open", flagged: 14 }]);
  });

  it("stands against a node whose count is older than the decision", async () => {
    const round = await heldRound();
    const [incident] = await incidentsOf(round);
    await settle(round, (client) =>
      continueIncident(client, { orgId: round.orgId, incidentId: round.incidentId }, after(3)),
    );
    const { kind, evidence } = incident!;
    const opening = { ...round, domain: one, kind, evidence, countedFrom: start };
    expect(await openIncident(test.database, { ...opening, now: after(2) })).toBe(null);
    expect(await openIncident(test.database, { ...opening, now: after(4) })).toMatchObject({ held: 27 });
  });
});

describe("clearing and retrying all", () => {
  it("clears exactly the people of the incident, sends their mail anew and releases the rest", async () => {
    const round = await heldRound();
    const others = round.mails[two]!.slice(0, 2);
    await acceptMails(test, round, round.mails[two]!.slice(2, 8), start);
    await refuse(round, others.slice(0, 1), refusedByPolicy);
    await refuse(round, others.slice(1, 2), unknownUser);
    const key = { orgId: round.orgId, incidentId: round.incidentId };
    const done = await settle(round, (client) => retryAll(client, key, "their IT opened the filter", after(20)));
    expect(done).toEqual({ cleared: 3, requeued: 3, released: 27 });
    expect(await ledgerOf(round)).toEqual({ queued: 42, accepted: 6, bounced: 2 });
    const flagged = await test.database.owner.query(
      "select flag, flag_incident from employee where org_id = $1 and flag is not null order by flag",
      [round.orgId],
    );
    expect(flagged.rows).toEqual([
      { flag: "hard", flag_incident: null },
      { flag: "refused-by-their-system", flag_incident: null },
    ]);
    const anew = await test.database.owner.query(
      "select count(*) from delivery where org_id = $1 and generation = 1 and state = 'queued' and due_at = $2",
      [round.orgId, after(20)],
    );
    expect(anew.rows).toEqual([{ count: 3 }]);
    expect(await incidentsOf(round)).toEqual([]);
  });

  it("is harmless when clicked twice, even at the same moment", async () => {
    const round = await heldRound();
    const key = { orgId: round.orgId, incidentId: round.incidentId };
    const click = () => settle(round, (client) => retryAll(client, key, "mended", after(20)));
    const results = await Promise.all([click(), click(), click()]);
    expect(results.map((result) => result.cleared).filter((cleared) => cleared > 0)).toEqual([3]);
    const generations = await test.database.owner.query(
      "select max(generation) as most from delivery where org_id = $1",
      [round.orgId],
    );
    expect(generations.rows).toEqual([{ most: 1 }]);
    expect(await historyOf(round)).toEqual([
      { kind: "cleared", reason: "mended", count: 3 },
      { kind: "raised", reason: null, count: 3 },
    ]);
  });

  it("takes along whoever was on the wire when the domain was held", async () => {
    const round = await seedDomainRound(test, { [one]: 10 }, start);
    const ids = round.mails[one]!;
    const owner = test.database.owner;
    await owner.query("update delivery set state = 'claimed', node_id = 1 where id = $1", [ids[9]]);
    await owner.query("update delivery set state = 'submitting' where id = $1", [ids[9]]);
    const [braked] = await refuse(round, ids.slice(0, 3));
    await refuseMails(test, round, [ids[9]!], { verdict: refusedByPolicy, at: after(1), late: true });
    const key = { orgId: round.orgId, incidentId: braked!.incidentId };
    expect(await settle(round, (client) => retryAll(client, key, "mended", after(2)))).toEqual({
      cleared: 4,
      requeued: 4,
      released: 6,
    });
  });

  it("starts counting anew: what is refused again opens a new incident", async () => {
    const round = await heldRound();
    const key = { orgId: round.orgId, incidentId: round.incidentId };
    await settle(round, (client) => retryAll(client, key, "mended", after(1)));
    expect(await refuse(round, round.mails[one]!.slice(0, 2), refusedByPolicy, after(2))).toEqual([]);
    const [again] = await refuse(round, round.mails[one]!.slice(2, 3), refusedByPolicy, after(2));
    expect(again?.incidentId).toBeGreaterThan(round.incidentId);
  });

  it("is out of another organisation's reach", async () => {
    const round = await heldRound();
    const stranger = await test.addOrganisation();
    const key = { orgId: round.orgId, incidentId: round.incidentId };
    const tried = await inOrganisation(test.database, stranger, (client) => retryAll(client, key, "no", after(1)));
    expect(tried.cleared).toBe(0);
    expect(await ledgerOf(round)).toMatchObject({ held: 27 });
  });
});

describe("the database itself", () => {
  it("keeps one living incident for a round, domain and kind", async () => {
    const round = await heldRound();
    const second = inTransaction(test.database.engine, (client) =>
      client.query(
        "insert into incident (org_id, round_id, domain, kind, counted_from, opened_at, evidence) values ($1, $2, $3, 'refused-by-their-system', $4, $4, '{}')",
        [round.orgId, round.roundId, one, start],
      ),
    );
    await expect(second).rejects.toThrow("incident_alive");
  });
});

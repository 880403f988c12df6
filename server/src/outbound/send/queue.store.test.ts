/** The queue keeps its promises on a real database: nobody is claimed twice, old fences are powerless, the dead are taken over. */
import { describe, expect, it } from "vitest";
import type { CauseVerdict } from "../../outcome/cause/cause.ts";
import { decideStep } from "../../outcome/delivery.ts";
import { clearFlag, suppressWaiting } from "../../outcome/flag.store.ts";
import { countLedger } from "../../outcome/ledger.store.ts";
import { type AttemptOutcome, recordOutcomes } from "../../outcome/outcome.store.ts";
import { defaultRetryPolicy } from "../../outcome/retry-policy.ts";
import { inOrganisation, inTransaction } from "../../ground/database.store.ts";
import { seedRound, type Seeded } from "../../testing/seed.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { closeDueRounds } from "../round/round.store.ts";
import { startNode, takeOverDeadNodes } from "./node.store.ts";
import {
  claimDue,
  type Claimed,
  markSubmitting,
  type OpenRound,
  putOffClaims,
  putOffDue,
  releaseClaims,
  requeueUnknown,
} from "./queue.store.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T08:00:00Z");
const minute = 60_000;
const unknownUser: CauseVerdict = { cause: "recipient-unknown", fault: "address", permanent: true, rule: "test" };

const openRound = (seeded: Seeded, neverSendTwice = false): OpenRound => ({
  orgId: seeded.orgId,
  roundId: seeded.roundId,
  kind: "live",
  closesAt: new Date("2030-01-01"),
  neverSendTwice,
});
const claim = async (seeded: Seeded, nodeId: number, most = 100) =>
  (
    await claimDue(test.database.engine, openRound(seeded), nodeId, {
      now,
      most,
      wants: [{ domain: "example.com", most }],
    })
  ).claimed;
const mark = (nodeId: number, claims: readonly Claimed[]) => markSubmitting(test.database.engine, nodeId, claims);
const stateOf = async (id: number) =>
  (await test.database.owner.query<{ state: string }>("select state from delivery where id = $1", [id])).rows[0]?.state;
const isWaitingForALock = async () =>
  (
    await test.database.owner.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    )
  ).rowCount === 1;
/** The lock of a broken connection goes a moment after the connection. */
const takeOverUntilFound = async (ownId: number) => {
  for (;;) {
    const taken = await takeOverDeadNodes(test.database, ownId, { now, unknownResendMs: 30 * minute });
    if (taken.nodes > 0) return taken;
  }
};
const ledgerOf = async (seeded: Seeded) => countLedger(test.database.owner, seeded.orgId, seeded.roundId);

function outcome(claimed: Claimed, event: "accepted" | "refused" | "answer-lost"): AttemptOutcome {
  const rules = { retry: defaultRetryPolicy, unknownResendMs: 30 * minute, neverSendTwice: false };
  const events = {
    accepted: { kind: "accepted" },
    "answer-lost": { kind: "answer-lost" },
    refused: { kind: "refused", verdict: unknownUser, hintMs: null, text: "550 5.1.1 no" },
  } as const;
  const results = { accepted: "accepted", refused: "refused", "answer-lost": "unknown" } as const;
  const step = decideStep({ ...claimed, state: "submitting" }, events[event], rules, {
    now,
    closesAt: new Date("2030-01-01"),
    chance: 0.5,
  })!;
  const word = {
    step: "body",
    code: event === "accepted" ? 250 : 550,
    enhanced: null,
    text: "words of theirs",
    temporary: false,
  } as const;
  return {
    orgId: claimed.orgId,
    id: claimed.id,
    generation: claimed.generation,
    fence: claimed.fence,
    at: now,
    result: results[event],
    step,
    word,
    verdict: event === "refused" ? unknownUser : null,
    place: null,
  };
}

const newNode = () => startNode(test.settings, "test", 60_000);

describe("claiming", () => {
  it("gives each mail to one node only, however many ask at once", async () => {
    const seeded = await seedRound(test, 300);
    const nodes = await Promise.all([newNode(), newNode(), newNode()]);
    const claims = (
      await Promise.all(nodes.flatMap((node) => [claim(seeded, node.id, 60), claim(seeded, node.id, 60)]))
    ).flat();
    expect(claims.length).toBeGreaterThan(200);
    expect(new Set(claims.map((claimed) => claimed.id)).size).toBe(claims.length);
    await Promise.all(nodes.map((node) => node.end()));
  });

  it("leaves alone what is not due yet", async () => {
    const seeded = await seedRound(test, 3, { dueAt: new Date(now.getTime() + minute) });
    const node = await newNode();
    expect(await claim(seeded, node.id)).toEqual([]);
    await node.end();
  });

  it("suppresses people who were flagged, left or opted out since the enqueue, and sends to the softly flagged", async () => {
    const seeded = await seedRound(test, 5);
    const [flagged, left, out, soft] = seeded.employees;
    await test.database.owner.query("update employee set flag = 'hard' where id = $1", [flagged]);
    await test.database.owner.query("update employee set active = false where id = $1", [left]);
    await test.database.owner.query("update employee set opted_out_at = now() where id = $1", [out]);
    await test.database.owner.query("update employee set flag = 'soft' where id = $1", [soft]);
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    expect(claims.map(({ id, softFlagged }) => [id, softFlagged])).toEqual([
      [seeded.deliveries[3], true],
      [seeded.deliveries[4], false],
    ]);
    expect((await ledgerOf(seeded)).ledger).toMatchObject({ claimed: 2, suppressed: 3 });
    await node.end();
  });
});

describe("the submitting mark", () => {
  it("is refused once the person was flagged after the claim", async () => {
    const seeded = await seedRound(test, 2);
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    await suppressWaiting(
      test.database.engine,
      { orgId: seeded.orgId, employeeId: seeded.employees[0]! },
      "flagged",
      now,
    );
    expect(await mark(node.id, claims)).toEqual([false, true]);
    await node.end();
  });

  it("is refused once the round is paused, the lease is over, or the node was declared dead", async () => {
    const seeded = await seedRound(test, 3);
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    await test.database.owner.query("update round set state = 'paused' where id = $1", [seeded.roundId]);
    expect(await mark(node.id, claims.slice(0, 1))).toEqual([false]);
    await test.database.owner.query("update round set state = 'open' where id = $1", [seeded.roundId]);
    await test.database.owner.query("update node set lease_until = now() - interval '1 second' where id = $1", [
      node.id,
    ]);
    expect(await mark(node.id, claims.slice(0, 1))).toEqual([false]);
    expect(await node.renew()).toBe(true);
    expect(await mark(node.id, claims.slice(0, 1))).toEqual([true]);
    await test.database.owner.query("update node set ended_at = now() where id = $1", [node.id]);
    expect(await mark(node.id, claims.slice(1))).toEqual([false, false]);
    expect(await node.renew()).toBe(false);
    await node.end();
  });

  it("does not work twice, nor with an older fence", async () => {
    const seeded = await seedRound(test, 1);
    const node = await newNode();
    const first = await claim(seeded, node.id);
    await releaseClaims(test.database.engine, node.id, first, now);
    const second = await claim(seeded, node.id);
    expect(await mark(node.id, first)).toEqual([false]);
    expect(await mark(node.id, second)).toEqual([true]);
    expect(await mark(node.id, second)).toEqual([false]);
    await node.end();
  });
});

describe("an outcome", () => {
  it("is written once, with the other side's words, and writing it again changes nothing", async () => {
    const seeded = await seedRound(test, 1);
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    await mark(node.id, claims);
    await recordOutcomes(test.database, [outcome(claims[0]!, "accepted")]);
    await recordOutcomes(test.database, [outcome(claims[0]!, "accepted")]);
    const attempts = await test.database.owner.query(
      "select result, code, text from every_attempt where delivery_id = $1",
      [claims[0]!.id],
    );
    expect(attempts.rows).toEqual([{ result: "accepted", code: 250, text: "words of theirs" }]);
    expect(await ledgerOf(seeded)).toMatchObject({ ledger: { accepted: 1 }, sums: true });
    await node.end();
  });

  it("that is an acceptance keeps its try when a later word takes the place of the server's, and evidence that came too late", async () => {
    const seeded = await seedRound(test, 2);
    const node = await newNode();
    const [first, second] = await claim(seeded, node.id);
    const place = { host: "mx.example.com", address: "192.0.2.1", localAddress: null, tls: "TLSv1.3" };
    await mark(node.id, [first!]);
    await recordOutcomes(test.database, [{ ...outcome(first!, "accepted"), place }]);
    await recordOutcomes(test.database, [{ ...outcome(first!, "accepted"), place }]);
    await releaseClaims(test.database.engine, node.id, [second!], now);
    await recordOutcomes(test.database, [{ ...outcome(second!, "accepted"), place }]);
    const attemptsOf = async (table: string, { id }: Claimed) =>
      (
        await test.database.owner.query(
          `select result, text, at, remote_host as host, remote_ip as ip, tls from ${table} where delivery_id = $1`,
          [id],
        )
      ).rows;
    const accepted = {
      result: "accepted",
      text: "words of theirs",
      at: now,
      host: "mx.example.com",
      ip: "192.0.2.1",
      tls: "TLSv1.3",
    };
    expect(await attemptsOf("attempt", first!)).toEqual([]);
    expect(await attemptsOf("every_attempt", first!)).toEqual([accepted]);
    expect([await stateOf(second!.id), await attemptsOf("attempt", second!)]).toEqual(["queued", [accepted]]);
    await inOrganisation(test.database, seeded.orgId, (client) =>
      client.query("update delivery set state = 'bounced', last_text = 'gone' where id = $1", [first!.id]),
    );
    expect(await attemptsOf("attempt", first!)).toEqual([accepted]);
    expect(await attemptsOf("every_attempt", first!)).toEqual([accepted]);
    await node.end();
  });

  it("under an old fence leaves the state alone", async () => {
    const seeded = await seedRound(test, 1);
    const node = await newNode();
    const [stale] = await claim(seeded, node.id);
    await releaseClaims(test.database.engine, node.id, [stale!], now);
    await recordOutcomes(test.database, [outcome(stale!, "refused")]);
    expect(await stateOf(stale!.id)).toBe("queued");
    expect(
      (await test.database.owner.query("select flag from employee where id = $1", [seeded.employees[0]])).rows,
    ).toEqual([{ flag: null }]);
    await node.end();
  });

  it("that flags a person stops their other mail, keeps the history and alerts once", async () => {
    const seeded = await seedRound(test, 1);
    const other = await test.database.owner.query<{ id: number }>(
      `with r as (insert into round (org_id, name, kind, state, sender_name, closes_at, enqueued) values ($1, 'Other', 'live', 'open', 'HR', '2030-01-01', 1) returning id)
       insert into delivery (org_id, round_id, employee_id, state, address, language, due_at) select $1, r.id, $2, 'queued', 'x@example.com', 'en', now() from r returning id`,
      [seeded.orgId, seeded.employees[0]],
    );
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    await mark(node.id, claims);
    await recordOutcomes(test.database, [outcome(claims[0]!, "refused")]);
    const person = await test.database.owner.query("select flag, flag_cause, flag_text from employee where id = $1", [
      seeded.employees[0],
    ]);
    expect(person.rows).toEqual([{ flag: "hard", flag_cause: "recipient-unknown", flag_text: "550 5.1.1 no" }]);
    expect(await stateOf(other.rows[0]!.id)).toBe("suppressed");
    expect((await test.database.owner.query("select from alert where org_id = $1", [seeded.orgId])).rowCount).toBe(1);
    expect((await test.database.owner.query("select from flag_event where org_id = $1", [seeded.orgId])).rowCount).toBe(
      1,
    );
    await node.end();
  });
});

describe("clearing the flag", () => {
  it("requeues the mail to the address as it is now, as another mail", async () => {
    const seeded = await seedRound(test, 1);
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    await mark(node.id, claims);
    await recordOutcomes(test.database, [outcome(claims[0]!, "refused")]);
    await test.database.owner.query(
      "update employee set email = 'right@example.com', email_key = 'right@example.com' where id = $1",
      [seeded.employees[0]],
    );
    const person = { orgId: seeded.orgId, employeeId: seeded.employees[0]! };
    const cleared = await inOrganisation(test.database, seeded.orgId, (client) =>
      clearFlag(client, person, "typo mended", now),
    );
    expect(cleared).toEqual({ cleared: true, requeued: 1 });
    const again = await claim(seeded, node.id);
    expect(again).toMatchObject([{ address: "right@example.com", generation: 1, attempts: 0 }]);
    expect(again[0]!.messageDate).toEqual(now);
    const twice = await inOrganisation(test.database, seeded.orgId, (client) =>
      clearFlag(client, person, "again", now),
    );
    expect(twice).toEqual({ cleared: false, requeued: 0 });
    await node.end();
  });
});

describe("a dead node", () => {
  it("is noticed at once when its process is gone: claimed mails return without risk, submitting ones are unknown", async () => {
    const seeded = await seedRound(test, 4);
    const [dying, living] = [await newNode(), await newNode()];
    // Nodes of earlier tests have ended their leases, and are found now.
    await takeOverDeadNodes(test.database, living.id, { now, unknownResendMs: 30 * minute });
    const claims = await claim(seeded, dying.id);
    await mark(dying.id, claims.slice(0, 1));
    await test.database.owner.query(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 7768423 and objid = $1",
      [dying.id],
    );
    await expect
      .poll(() => takeOverDeadNodes(test.database, living.id, { now, unknownResendMs: 30 * minute }), { timeout: 5000 })
      .toEqual({ nodes: 1, requeued: 3, unknown: 1 });
    expect((await ledgerOf(seeded)).ledger).toMatchObject({ queued: 3, unknown: 1 });
    expect(await mark(dying.id, claims.slice(1))).toEqual([false, false, false]);
    // It lives after all and its answer comes late: that is the evidence.
    await recordOutcomes(test.database, [outcome(claims[0]!, "accepted")]);
    expect((await ledgerOf(seeded)).ledger).toMatchObject({ accepted: 1, unknown: 0 });
    await Promise.all([dying.end(), living.end()]);
  });

  it("waits for a claim under way, so that nothing is claimed behind the back of the take-over", async () => {
    const seeded = await seedRound(test, 3);
    const [dying, living] = [await newNode(), await newNode()];
    await takeOverDeadNodes(test.database, living.id, { now, unknownResendMs: 30 * minute });
    const wants = [{ domain: "example.com", most: 3 }];
    const taken = await inTransaction(test.database.engine, async (client) => {
      await claimDue(client, openRound(seeded), dying.id, { now, most: 3, wants });
      await test.database.owner.query(
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 7768423 and objid = $1",
        [dying.id],
      );
      const takingOver = takeOverUntilFound(living.id);
      await expect.poll(isWaitingForALock, { timeout: 5000 }).toBe(true);
      return { takingOver };
    });
    expect(await taken.takingOver).toEqual({ nodes: 1, requeued: 3, unknown: 0 });
    expect((await ledgerOf(seeded)).ledger).toMatchObject({ queued: 3, claimed: 0 });
    await Promise.all([dying.end(), living.end()]);
  });

  it("leaves its unknown mail to one late resend with the same generation, and to a person where mail is never sent twice", async () => {
    for (const neverSendTwice of [false, true]) {
      const seeded = await seedRound(test, 1, { neverSendTwice });
      const [dying, living] = [await newNode(), await newNode()];
      const claims = await claim(seeded, dying.id);
      await mark(dying.id, claims);
      await test.database.owner.query("update node set lease_until = now() - interval '1 second' where id = $1", [
        dying.id,
      ]);
      await takeOverDeadNodes(test.database, living.id, { now, unknownResendMs: 30 * minute });
      const round = openRound(seeded, neverSendTwice);
      expect(await requeueUnknown(test.database.engine, round, now)).toBe(0);
      expect(await requeueUnknown(test.database.engine, round, new Date(now.getTime() + 31 * minute))).toBe(
        neverSendTwice ? 0 : 1,
      );
      if (!neverSendTwice) {
        const again = (
          await claimDue(test.database.engine, round, living.id, {
            now: new Date(now.getTime() + 31 * minute),
            most: 5,
            wants: [{ domain: "example.com", most: 5 }],
          })
        ).claimed;
        expect(again).toMatchObject([
          { generation: claims[0]!.generation, messageDate: claims[0]!.messageDate, possibleDuplicate: true },
        ]);
      }
      await Promise.all([dying.end(), living.end()]);
    }
  });
});

describe("mail that waits for an address", () => {
  const tomorrow = new Date("2026-11-25T00:00:00Z");
  const waiting = async ({ roundId }: Seeded) =>
    (
      await test.database.owner.query(
        "select due_at, waits_because, attempts, message_date from delivery where round_id = $1 and waits_because is not null order by id",
        [roundId],
      )
    ).rows;
  const later = { due_at: tomorrow, waits_because: "warming-up", attempts: 0, message_date: null };

  it("is queued until then without a failed try, says why, and is dated when its time comes", async () => {
    const seeded = await seedRound(test, 2);
    const node = await newNode();
    const claims = await claim(seeded, node.id);
    await putOffClaims(
      test.database.engine,
      node.id,
      claims.map((claimed) => ({ ...claimed, until: tomorrow, because: "warming-up" })),
    );
    expect(await waiting(seeded)).toEqual([later, later]);
    expect(await mark(node.id, claims), "the claims are over").toEqual([false, false]);
    expect(await claim(seeded, node.id)).toEqual([]);
    const { claimed } = await claimDue(test.database.engine, openRound(seeded), node.id, {
      now: tomorrow,
      most: 5,
      wants: [{ domain: "example.com", most: 5 }],
    });
    expect(claimed).toMatchObject([{ messageDate: tomorrow }, { messageDate: tomorrow }]);
    expect(await waiting(seeded), "and once it is claimed, nothing holds it").toEqual([]);
    await node.end();
  });

  it("is put off many at a time without being claimed; retries are left alone, and so is what another node holds", async () => {
    const seeded = await seedRound(test, 5);
    await test.database.owner.query("update delivery set first_tried_at = now(), attempts = 1 where id = $1", [
      seeded.deliveries[4],
    ]);
    const node = await newNode();
    await claim(seeded, node.id, 1);
    const putOff = (what: "all" | "untried") =>
      putOffDue(test.database.engine, openRound(seeded), ["example.com", "other.example"], {
        now,
        until: tomorrow,
        because: "warming-up",
        what,
        most: 2,
      });
    expect([await putOff("untried"), await putOff("untried"), await putOff("all"), await putOff("all")]).toEqual([
      2, 1, 1, 0,
    ]);
    expect(await waiting(seeded)).toEqual([later, later, later, { ...later, attempts: 1 }]);
    await node.end();
  });
});

describe("the database itself", () => {
  it("refuses a transition that the table does not know", async () => {
    const seeded = await seedRound(test, 1);
    await expect(
      test.database.owner.query("update delivery set state = 'delivered', settled_at = now() where id = $1", [
        seeded.deliveries[0],
      ]),
    ).resolves.toBeDefined();
    await expect(
      test.database.owner.query(
        "update delivery set state = 'queued', settled_at = null, due_at = now() where id = $1",
        [seeded.deliveries[0]],
      ),
    ).rejects.toThrow(/cannot go from delivered to queued/);
  });

  it("refuses a second delivery to the same person in the same round", async () => {
    const seeded = await seedRound(test, 1);
    await expect(
      test.database.owner.query(
        "insert into delivery (org_id, round_id, employee_id, state, address, language, due_at) values ($1, $2, $3, 'queued', 'x@example.com', 'en', now())",
        [seeded.orgId, seeded.roundId, seeded.employees[0]],
      ),
    ).rejects.toThrow(/delivery_once/);
  });

  it("closes a round in time: the tried expire, the untried are suppressed, and the ledger still sums", async () => {
    const seeded = await seedRound(test, 3, { closesAt: new Date(now.getTime() - minute) });
    await test.database.owner.query("update delivery set attempts = 1 where id = $1", [seeded.deliveries[0]]);
    await closeDueRounds(test.database.engine, now);
    expect(await ledgerOf(seeded)).toMatchObject({ ledger: { expired: 1, suppressed: 2 }, sums: true, enqueued: 3 });
  });
});

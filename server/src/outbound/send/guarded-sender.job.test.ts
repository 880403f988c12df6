/** A running sender stops when its database is latched and goes on when it is confirmed; a stop is prompt whatever it is doing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readInstanceMarker, writeInstanceMarker } from "../../ground/instance-marker.files.ts";
import { confirmInstance } from "../../ground/instance.store.ts";
import { createLog } from "../../ground/log.process.ts";
import { systemClock } from "../../ground/system-clock.process.ts";
import { defaultRetryPolicy } from "../../outcome/retry-policy.ts";
import { seedRound } from "../../testing/seed.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { preparedForTests } from "../testing/prepared-round.ts";
import { type GuardedSender, type GuardPaces, startGuardedSender } from "./guarded-sender.job.ts";
import { worldChannel } from "./host-channel.smtp.ts";
import { type Sender, startSender } from "./sender.job.ts";

const test = useTestDatabase();
const often: GuardPaces = { waitingMs: 10, sendingMs: 10 };
/** Longer than any test may take: who waits for its end fails. */
const never: GuardPaces = { waitingMs: 3_600_000, sendingMs: 3_600_000 };
let world: ReceivingServer;
let dataDir: string;
let guard: GuardedSender | null = null;
let looks = 0;

beforeAll(async () => {
  world = await startReceivingServer({ host: "127.0.0.1", port: 0, tls: false });
});
afterAll(() => world.close());
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "roundtrip-guard-"));
});
afterEach(async () => {
  await guard?.stop();
  guard = null;
  await test.database.owner.query("delete from instance");
  rmSync(dataDir, { recursive: true, force: true });
});

function startReal(): Promise<Sender> {
  return startSender({
    database: test.database,
    settings: test.settings,
    channel: worldChannel(() => world.port, "mail.roundtrip.test"),
    clock: systemClock,
    chance: () => 0.5,
    log: createLog("silent"),
    retry: defaultRetryPolicy,
    connections: 1,
    leaseMs: 60_000,
    unknownResendMs: 3_600_000,
    name: "guarded",
    prepareRound: preparedForTests,
  });
}

async function startGuard(paces: GuardPaces, start: () => Promise<Sender> = startReal): Promise<GuardedSender> {
  looks = 0;
  const clock = { now: () => (looks++, new Date()) };
  const parts = { database: test.database, clock, log: createLog("silent"), instance: null, dataDir, paces };
  guard = await startGuardedSender({ ...parts, start });
  return guard;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

const goBack = () => test.database.owner.query("update instance set beat = beat - 1000");
async function latch(): Promise<void> {
  await confirmInstance(test.database, null, new Date());
  await test.database.owner.query("update instance set latched_at = now(), latched_because = array['recovered']");
}
const looked = (times: number) => {
  const before = looks;
  return until(`${String(times)} more looks`, () => looks >= before + times);
};
const countLiving = async () =>
  (await test.database.owner.query("select from node where ended_at is null and lease_until > clock_timestamp()"))
    .rowCount;
const countIn = async (roundId: number, state: string) =>
  (
    await test.database.owner.query<{ count: number }>(
      "select count(*) from delivery where round_id = $1 and state = $2",
      [roundId, state],
    )
  ).rows[0]!.count;

describe("a running sender", () => {
  it("stops when its database goes back in time, and sends the rest, each mail once, when that is confirmed", async () => {
    const mails = 800;
    const { roundId } = await seedRound(test, mails);
    const before = world.counts().kept;
    const running = await startGuard(often);
    await until("mail to flow", () => world.counts().kept > before + 20);
    await goBack();
    await until("the latch", () => running.latched.length > 0);

    const arrived = world.counts().kept - before;
    expect(running.latched).toEqual(["went-back"]);
    expect(await countIn(roundId, "accepted")).toBe(arrived);
    expect(await countIn(roundId, "queued")).toBe(mails - arrived);
    await looked(5);
    expect(world.counts().kept - before).toBe(arrived);
    expect(arrived).toBeLessThan(mails);

    await confirmInstance(test.database, null, new Date());
    await until("the rest", async () => (await countIn(roundId, "accepted")) === mails);
    expect(running.latched).toEqual([]);
    expect(world.counts().kept - before).toBe(mails);
  });

  it("is the only one: looking again starts no second", async () => {
    let starts = 0;
    await startGuard(often, () => {
      starts += 1;
      return startReal();
    });
    await looked(5);
    expect(starts).toBe(1);
  });

  it("goes on when a standby has taken over, and takes its timeline for granted from then on", async () => {
    const running = await startGuard(often);
    await test.database.owner.query("update instance set timeline = timeline + 1");
    const isKnown = "select from instance where timeline = 1";
    await until("the timeline", async () => (await test.database.owner.query(isKnown)).rowCount === 1);
    await looked(2);
    expect(running.latched).toEqual([]);
  });

  it("goes on while the database does not answer, and is looked at as soon as it does", async () => {
    const running = await startGuard({ waitingMs: 10, sendingMs: 100 });
    await test.database.owner.query("alter table instance rename to elsewhere");
    await looked(3);
    expect(running.latched).toEqual([]);
    await test.database.owner.query("alter table elsewhere rename to instance");
    await latch();
    await until("the latch", () => running.latched.length > 0);
  });
});

describe("a node that waits", () => {
  it("hears a confirmation by way of the data directory, when that had been used with another database", async () => {
    writeInstanceMarker(dataDir, { instance: "00000000-0000-4000-8000-000000000000", beat: 7 });
    const waiting = await startGuard(often);
    expect(waiting.latched).toEqual(["another-instance"]);
    writeInstanceMarker(dataDir, await confirmInstance(test.database, null, new Date()));
    await until("sending", () => waiting.latched.length === 0);
  });

  it("tries again when the sender cannot be started yet", async () => {
    let starts = 0;
    await latch();
    const waiting = await startGuard(often, () => {
      starts += 1;
      return starts < 3 ? Promise.reject(new Error("not yet")) : startReal();
    });
    expect([starts, waiting.latched]).toEqual([0, ["recovered"]]);
    await confirmInstance(test.database, null, new Date());
    await until("the third start", () => starts === 3);
    await looked(2);
    expect(starts).toBe(3);
  });
});

describe("a stop", () => {
  it("is prompt while the node waits", async () => {
    await latch();
    const waiting = await startGuard(never);
    expect(waiting.latched).toEqual(["recovered"]);
    await waiting.stop();
  });

  it("ends the sender, and for good", async () => {
    const running = await startGuard(often);
    await running.stop();
    expect(await countLiving()).toBe(0);
    const before = looks;
    await running.stop();
    expect(looks).toBe(before);
  });

  it("comes through while somebody keeps the row of the instance locked", async () => {
    const running = await startGuard(often);
    const client = await test.database.owner.connect();
    await client.query("begin");
    await client.query("select from instance for update");
    await until(
      "a look that waits for the row",
      async () =>
        (await test.database.owner.query("select from pg_stat_activity where wait_event_type = 'Lock'")).rowCount !== 0,
    );
    await running.stop();
    expect(await countLiving()).toBe(0);
    await client.query("rollback");
    client.release();
  });
});

describe("the marker", () => {
  it("is written before the sender starts", async () => {
    let atStart = null;
    await startGuard(never, () => {
      atStart = readInstanceMarker(dataDir);
      return startReal();
    });
    expect(atStart).toMatchObject({ beat: 1 });
  });

  it("keeps nobody from sending where it cannot be written", async () => {
    rmSync(dataDir, { recursive: true });
    writeFileSync(dataDir, "a file where a folder should be");
    const running = await startGuard(often);
    expect(running.latched).toEqual([]);
    await goBack();
    await until("the latch, by what the running node remembers", () => running.latched.length > 0);
  });
});

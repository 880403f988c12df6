/** What a lane may bear is kept over all nodes, as the receiving side counts it, and a lane that stands still slows no other. */
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../server/src/ground/log.process.ts";
import { systemClock } from "../../server/src/ground/system-clock.process.ts";
import { defaultRetryPolicy } from "../../server/src/outcome/retry-policy.ts";
import type { Channel } from "../../server/src/outbound/send/channel.ts";
import { type Sender, startSender } from "../../server/src/outbound/send/sender.job.ts";
import { openConnection } from "../../server/src/outbound/send/smtp-connection.smtp.ts";
import { preparedForTests } from "../../server/src/outbound/testing/prepared-round.ts";
import { seedRound } from "../../server/src/testing/seed.ts";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { until } from "./harness.ts";

const test = useTestDatabase();
let world: ReceivingServer;

beforeAll(async () => {
  world = await startReceivingServer({ host: "127.0.0.1", port: 0, tls: false, newestMails: 5000 });
});
afterAll(() => world.close());

/** Domains that begin with `tarpit.` go to a lane of their own, whose server never greets. */
function channel(laneKey: string, tarpitPort: number): Channel {
  const options = {
    host: "127.0.0.1",
    ehloName: "mail.roundtrip.test",
    tls: "never",
    auth: null,
    timeouts: { greetingMs: 3000 },
  } as const;
  const isTarpit = (domain: string) => domain.startsWith("tarpit.");
  return {
    kind: "relay",
    route: (domain) => {
      const key = isTarpit(domain) ? `${laneKey}:tarpit` : laneKey;
      return Promise.resolve({ kind: "lane", lane: { key, provider: "relay" }, target: key });
    },
    open: (_lane, domain) => openConnection({ ...options, port: isTarpit(domain) ? tarpitPort : world.port }),
  };
}

const start = (name: string, laneKey: string, tarpitPort = 1): Promise<Sender> =>
  startSender({
    database: test.database,
    settings: test.settings,
    channel: channel(laneKey, tarpitPort),
    clock: systemClock,
    chance: () => 0.5,
    log: createLog("silent"),
    retry: defaultRetryPolicy,
    connections: 5,
    leaseMs: 60_000,
    unknownResendMs: 3_600_000,
    name,
    prepareRound: preparedForTests,
  });

const settled = async (roundId: number, state = "accepted") =>
  (
    await test.database.owner.query<{ count: number }>(
      "select count(*) from delivery where round_id = $1 and state = $2",
      [roundId, state],
    )
  ).rows[0]!.count;

describe("a lane with a pace", () => {
  it(
    "is kept by three nodes together: no second holds more, not even when one of them ends and begins anew",
    { timeout: 60_000 },
    async () => {
      const perSecond = 50;
      await test.database.owner.query(
        "insert into lane (key, provider, per_second, connections, slowed_at, grows_at, because) values ('paced', 'relay', $1, 6, now(), now() + interval '1 day', 'a test')",
        [perSecond],
      );
      const seeded = await seedRound(test, 400);
      const nodes = await Promise.all(["one", "two", "three"].map((name) => start(name, "paced")));
      await until("a quarter to be sent", async () => (await settled(seeded.roundId)) >= 100);
      await nodes[0]!.stop(1000);
      const again = await start("one again", "paced");
      await until("everything to be sent", async () => (await settled(seeded.roundId)) === 400, 40_000);
      await Promise.all([...nodes.slice(1), again].map((node) => node.stop(1000)));

      const times = world.mailbox
        .list({ skip: 0, take: 5000 })
        .mails.map((mail) => mail.receivedAt.getTime())
        .toSorted((a, b) => a - b);
      expect(times).toHaveLength(400);
      const busiest = Math.max(
        ...times.map((from) => times.filter((time) => time >= from && time < from + 1000).length),
      );
      expect(busiest).toBeLessThanOrEqual(perSecond);
      const seconds = (times.at(-1)! - times[0]!) / 1000;
      expect(400 / seconds, "and the pace is used").toBeGreaterThan(perSecond * 0.7);
    },
  );
});

describe("a lane whose server never answers", () => {
  it("keeps nobody else waiting", { timeout: 60_000 }, async () => {
    const { createServer } = await import("node:net");
    const tarpit = createServer(() => undefined).listen(0, "127.0.0.1");
    await until("the tarpit to listen", async () => tarpit.listening);
    const { port } = tarpit.address() as { port: number };
    const seeded = await seedRound(test, 600);
    await test.database.owner.query(
      "update delivery set address = replace(address, '@', '@tarpit.') where round_id = $1 and id % 10 = 0",
      [seeded.roundId],
    );
    const node = await start("one", "free", port);
    const began = performance.now();
    await until("the nine tenths that can go to be sent", async () => (await settled(seeded.roundId)) === 540, 30_000);
    expect(performance.now() - began, "well before the tarpit's first timeout could have passed for all").toBeLessThan(
      3000 * 5,
    );
    await node.stop(5000);
    tarpit.close();
    expect(await settled(seeded.roundId, "queued")).toBe(60);
  });
});

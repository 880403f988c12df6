/** Our own addresses as the receiving side sees them: what a new one carries a day, by which one a retry comes, and when a mail waits. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type JumpingClock, jumpingClock } from "../../server/src/ground/clock.ts";
import { readConfig } from "../../server/src/ground/config.ts";
import { createLog } from "../../server/src/ground/log.process.ts";
import { systemClock } from "../../server/src/ground/system-clock.process.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { defaultRetryPolicy } from "../../server/src/outcome/retry-policy.ts";
import { type MailHost, startMailHost } from "../../server/src/outbound/route/testing/mail-host.ts";
import { wakeWaiting } from "../../server/src/outbound/send/queue.store.ts";
import { type Sender, startSender } from "../../server/src/outbound/send/sender.job.ts";
import { findWayOut } from "../../server/src/outbound/send/way-out.smtp.ts";
import { rereadMs } from "../../server/src/outbound/shape/address-pool.store.ts";
import type { SendingAddress } from "../../server/src/outbound/shape/choose-address.ts";
import { saveSendingAddress } from "../../server/src/outbound/shape/sending-address.store.ts";
import { preparedForTests } from "../../server/src/outbound/testing/prepared-round.ts";
import { seedRound, type Seeded } from "../../server/src/testing/seed.ts";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { until } from "./harness.ts";

const test = useTestDatabase();
const [CONFIGURED, OWN, SECOND, SHARED] = ["127.0.0.20", "127.0.0.21", "127.0.0.22", "127.0.0.29"];
const [THEIRS, NOBODY] = ["127.0.0.2", "127.0.0.3"];
/** What a new address may send to Google on its first days. */
const [FIRST_DAY, SECOND_DAY] = [50, 100];

let dns: DnsServer;
let host: MailHost;
let clock: JumpingClock;
const nodes: Sender[] = [];

beforeAll(async () => {
  host = await startMailHost(THEIRS, 0, null);
  dns = await startDnsServer({
    names: {
      "example.com": { records: [{ type: "MX", preference: 1, exchange: "aspmx.l.google.com" }] },
      "aspmx.l.google.com": { records: [{ type: "A", data: THEIRS }] },
    },
  });
});
afterAll(async () => {
  await host.close();
  await dns.close();
});

beforeEach(async () => {
  clock = jumpingClock(systemClock);
  // At noon of a day to come no test runs into midnight.
  clock.jumpTo(new Date("2027-03-01T12:00:00Z"));
  await test.database.owner.query("delete from sending_address; delete from address_use; delete from lane");
});
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop(1000)));
  await test.database.owner.query("update round set state = 'closed'");
});

async function start(port = host.port, name = "one"): Promise<Sender> {
  const config = readConfig({
    ROUNDTRIP_CHANNEL: "mx",
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_MX_ADDRESSES: `${CONFIGURED}=configured.roundtrip.test`,
    ROUNDTRIP_MX_INSIDE: "allow",
    ROUNDTRIP_MX_PORT: String(port),
    ROUNDTRIP_RESOLVER: dns.address,
  });
  const log = createLog("silent");
  const parts = { clock, chance: () => 0.5, log };
  const sender = await startSender({
    ...parts,
    ...findWayOut(config, { ...parts, engine: test.database.engine, portFor: () => 0 }),
    database: test.database,
    settings: test.settings,
    retry: defaultRetryPolicy,
    connections: 5,
    leaseMs: 60_000,
    unknownResendMs: 3_600_000,
    name,
    prepareRound: preparedForTests,
  });
  nodes.push(sender);
  return sender;
}

const have = (address: string, state: SendingAddress["state"], orgId: number | null) =>
  saveSendingAddress(test.database.owner, { address, state, orgId, heloName: "out.roundtrip.test" }, clock.now());

interface Row {
  readonly state: string;
  readonly due_at: Date | null;
  readonly waits_because: string | null;
  readonly attempts: number;
  readonly address: string;
  /** Our address at each try that a server refused. */
  readonly refused: readonly string[];
}

const rowsOf = async ({ roundId }: Seeded): Promise<readonly Row[]> =>
  (
    await test.database.owner.query<Row>(
      `select d.state, d.due_at, d.waits_because, d.attempts, d.address, array(select a.local_ip from attempt a where a.delivery_id = d.id and a.result = 'refused' order by a.fence) as refused
       from delivery d where d.round_id = $1 order by d.id`,
      [roundId],
    )
  ).rows;
const accepted = async (seeded: Seeded) => (await rowsOf(seeded)).filter(({ state }) => state === "accepted").length;
const waiting = async (seeded: Seeded, because = "warming-up") =>
  (await rowsOf(seeded)).filter(({ state, waits_because }) => state === "queued" && waits_because === because).length;
const cameFrom = (address: string, since: number) =>
  host.mails.slice(since).filter(({ from }) => from === address).length;

describe("a warming address", () => {
  it(
    "carries exactly its ceiling over three nodes, the rest waits for the next day, and so on",
    { timeout: 60_000 },
    async () => {
      const seeded = await seedRound(test, 170);
      await have(OWN, "warming", seeded.orgId);
      const before = host.mails.length;
      await Promise.all(["one", "two", "three"].map((name) => start(host.port, name)));
      await until(
        "the first day to be used up",
        async () => (await accepted(seeded)) === FIRST_DAY && (await waiting(seeded)) === 120,
      );
      const rows = await rowsOf(seeded);
      const put = rows.filter(({ state }) => state === "queued");
      expect(
        put.every(({ due_at, attempts }) => due_at?.toISOString() === "2027-03-02T00:00:00.000Z" && attempts === 0),
      ).toBe(true);
      expect(await countLedger(test.database.owner, seeded.orgId, seeded.roundId)).toMatchObject({
        ledger: { accepted: FIRST_DAY, queued: 120 },
        sums: true,
      });
      expect(cameFrom(OWN, before), "as the other side counts it").toBe(FIRST_DAY);

      clock.jumpTo(new Date("2027-03-02T00:00:00Z"));
      await until(
        "the second day to be used up",
        async () => (await accepted(seeded)) === FIRST_DAY + SECOND_DAY && (await waiting(seeded)) === 20,
      );
      expect(cameFrom(OWN, before)).toBe(FIRST_DAY + SECOND_DAY);

      clock.jumpTo(new Date("2027-03-03T00:00:00Z"));
      await until("the last to go", async () => (await accepted(seeded)) === 170);
      expect(cameFrom(OWN, before)).toBe(170);
      expect(await waiting(seeded)).toBe(0);
      const use = await test.database.owner.query("select day::text, sent from address_use order by day");
      expect(use.rows).toEqual([
        { day: "2027-03-01", sent: FIRST_DAY },
        { day: "2027-03-02", sent: SECOND_DAY },
        { day: "2027-03-03", sent: 20 },
      ]);
    },
  );

  it(
    "leaves the rest to the shared addresses where the organisation allows it, and only there",
    { timeout: 60_000 },
    async () => {
      const seeded = await seedRound(test, 70);
      await have(OWN, "warming", seeded.orgId);
      await have(SHARED, "active", null);
      const before = host.mails.length;
      await start();
      await until(
        "the rest to wait",
        async () => (await accepted(seeded)) === FIRST_DAY && (await waiting(seeded)) === 20,
      );
      expect(cameFrom(SHARED, before)).toBe(0);
      await test.database.owner.query("update organisation set may_overflow = true where org_id = $1", [seeded.orgId]);
      expect(await wakeWaiting(test.database.owner, seeded.orgId, new Date(clock.now().getTime() + 2 * rereadMs))).toBe(
        20,
      );
      await until("the rest to go", async () => (await accepted(seeded)) === 70);
      expect([cameFrom(OWN, before), cameFrom(SHARED, before)]).toEqual([FIRST_DAY, 20]);
    },
  );

  it("gets back what could not be handed to any server", { timeout: 60_000 }, async () => {
    dns.set("aspmx.l.google.com", { records: [{ type: "A", data: NOBODY }] });
    const seeded = await seedRound(test, 5);
    await have(OWN, "warming", seeded.orgId);
    await start();
    await until("a try of each", async () => (await rowsOf(seeded)).every(({ attempts }) => attempts === 1), 50_000);
    await until("nothing to count as use", async () => {
      const use = await test.database.owner.query<{ sent: number }>("select sent from address_use");
      return use.rows.length === 1 && use.rows[0]!.sent === 0;
    });
    expect(await waiting(seeded), "and nobody waits for tomorrow").toBe(0);
    dns.set("aspmx.l.google.com", { records: [{ type: "A", data: THEIRS }] });
  });
});

describe("a retry", () => {
  let world: ReceivingServer;
  beforeAll(async () => {
    world = await startReceivingServer({ host: THEIRS, port: 0, tls: false });
  });
  afterAll(() => world.close());

  it(
    "leaves by the address of the first try, also while that retires, which begins nothing new",
    { timeout: 60_000 },
    async () => {
      const seeded = await seedRound(test, 20);
      await test.database.owner.query(
        "update delivery set address = replace(address, '@', '+greylist@') where round_id = $1",
        [seeded.roundId],
      );
      await have(OWN, "active", seeded.orgId);
      await have(SECOND, "active", seeded.orgId);
      const node = await start(world.port);
      await until("a first try of each", async () =>
        (await rowsOf(seeded)).every(({ refused }) => refused.length === 1),
      );
      const first = (await rowsOf(seeded)).map(({ refused }) => refused[0]);
      expect(new Set(first), "both are used").toEqual(new Set([OWN, SECOND]));
      await node.stop(1000);
      nodes.splice(0);

      await have(OWN, "retiring", seeded.orgId);
      const later = await anotherRound(seeded);
      await start(world.port);
      const later20 = () => clock.jumpTo(new Date(clock.now().getTime() + 20 * 60_000));
      later20();
      await until("a second try of each", async () =>
        (await rowsOf(seeded)).every(({ refused }) => refused.length === 2),
      );
      later20();
      await until(
        "everybody's mail to go",
        async () => (await accepted(seeded)) === 20 && (await accepted(later)) === 20,
      );
      expect((await rowsOf(seeded)).map(({ refused }) => refused)).toEqual(first.map((address) => [address, address]));
      const kept = world.mailbox.list({ skip: 0, take: 100 }).mails;
      const takenBy = (address: string) => kept.find(({ rcpt }) => rcpt.to === address)?.remoteAddress;
      expect((await rowsOf(seeded)).map(({ address }) => takenBy(address))).toEqual(first);
      expect(
        (await rowsOf(later)).map(({ address }) => takenBy(address)),
        "the new mail",
      ).toEqual(Array.from({ length: 20 }, () => SECOND));
    },
  );
});

describe("a connection", () => {
  it("carries no more mails than the provider bears on one", { timeout: 60_000 }, async () => {
    dns.set("example.com", { records: [{ type: "MX", preference: 1, exchange: "mx01.mail.icloud.com" }] });
    dns.set("mx01.mail.icloud.com", { records: [{ type: "A", data: THEIRS }] });
    const seeded = await seedRound(test, 60);
    const before = host.mails.length;
    await start();
    await until("everybody's mail to go", async () => (await accepted(seeded)) === 60);
    const byConnection = Map.groupBy(host.mails.slice(before), ({ connection }) => connection);
    const counts = [...byConnection.values()].map((mails) => mails.length);
    expect(Math.max(...counts), "as many as the profile says, and that many are used").toBe(5);
    dns.set("example.com", { records: [{ type: "MX", preference: 1, exchange: "aspmx.l.google.com" }] });
  });
});

describe("mail that no address of ours may carry", () => {
  it("waits and says so, and goes once the operator has added one", { timeout: 60_000 }, async () => {
    const seeded = await seedRound(test, 5);
    const other = await test.addOrganisation();
    await have(SECOND, "active", other);
    await have(OWN, "planned", seeded.orgId);
    const before = host.mails.length;
    await start();
    await until("everybody to wait", async () => (await waiting(seeded, "no-address")) === 5);
    await have(OWN, "active", seeded.orgId);
    // The pool is read anew every few seconds; what was put off meanwhile comes again.
    await until("everybody's mail to go", async () => {
      clock.jumpTo(new Date(clock.now().getTime() + 5 * 60_000));
      return (await accepted(seeded)) === 5;
    });
    expect(cameFrom(OWN, before)).toBe(5);
  });

  it(
    "never waits while the table has none in use: then those of the configuration carry it",
    { timeout: 60_000 },
    async () => {
      const seeded = await seedRound(test, 5);
      await have(OWN, "planned", null);
      const before = host.mails.length;
      await start();
      await until("everybody's mail to go", async () => (await accepted(seeded)) === 5);
      expect(cameFrom(CONFIGURED, before)).toBe(5);
    },
  );
});

/** A second round to the same people. */
async function anotherRound({ orgId }: Seeded): Promise<Seeded> {
  const { owner } = test.database;
  const made = await owner.query<{ id: number }>(
    "insert into round (org_id, name, kind, state, sender_name, closes_at) values ($1, 'Another', 'live', 'open', 'HR', '2030-01-01') returning id",
    [orgId],
  );
  const roundId = made.rows[0]!.id;
  await owner.query(
    "insert into delivery (org_id, round_id, employee_id, state, address, language, slots, due_at) select org_id, $2, id, 'queued', email, 'en', jsonb_build_object('name', name, 'attributes', '{}'::jsonb), '2026-01-01' from employee where org_id = $1",
    [orgId, roundId],
  );
  await owner.query("insert into round_domain values ($1, $2, 'example.com', 1)", [orgId, roundId]);
  return { orgId, roundId, deliveries: [], employees: [] };
}

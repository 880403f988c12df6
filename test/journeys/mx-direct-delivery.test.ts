/**
 * A round goes straight to the receivers: Roundtrip asks a DNS, finds the miniature world behind a host that is down, and
 * each domain that takes no mail comes to what it must, beside all the others.
 */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until, useRoundtrip } from "./harness.ts";

const [OURS, WORLD, DOWN] = ["127.0.0.20", "127.0.0.2", "127.0.0.3"];
const people = 30;

let dns: DnsServer;
let world: ReceivingServer;
const environment: Record<string, string> = {
  ROUNDTRIP_CHANNEL: "mx",
  ROUNDTRIP_MX_ADDRESSES: `${OURS}=sender.roundtrip.test`,
  ROUNDTRIP_MX_INSIDE: "allow",
};

beforeAll(async () => {
  world = await startReceivingServer({ host: WORLD, port: 0 });
  dns = await startDnsServer({
    names: {
      "acme.example": {
        records: [
          { type: "MX", preference: 10, exchange: "down.acme.example" },
          { type: "MX", preference: 20, exchange: "mx.acme.example" },
        ],
      },
      "down.acme.example": { records: [{ type: "A", data: DOWN }] },
      "mx.acme.example": { records: [{ type: "A", data: WORLD }] },
      "null.example": { records: [{ type: "MX", preference: 0, exchange: "." }] },
      "broken.example": { records: [], trouble: "servfail" },
      "silent.example": { records: [], trouble: "silent" },
      "ours.example": { records: [{ type: "A", data: OURS }] },
      "strict.example": { records: [{ type: "MX", preference: 0, exchange: "mx.acme.example" }] },
    },
  });
  environment["ROUNDTRIP_RESOLVER"] = dns.address;
  environment["ROUNDTRIP_MX_PORT"] = String(world.port);
  environment["ROUNDTRIP_MX_TLS_DOMAINS"] = "strict.example";
});
const journey = useRoundtrip(environment);
afterAll(async () => {
  await world.close();
  await dns.close();
});

interface Row {
  readonly domain: string;
  readonly state: string;
  readonly flag: string | null;
  readonly enhanced: string | null;
  readonly step: string | null;
  readonly cause: string | null;
  readonly remote_ip: string | null;
  readonly local_ip: string | null;
  readonly tls: string | null;
}

const readRows = async (roundId: number): Promise<readonly Row[]> =>
  (
    await journey.running.database.owner.query<Row>(
      `select d.domain, d.state, e.flag, a.enhanced, a.step, a.cause, a.remote_ip, a.local_ip, a.tls
       from delivery d join employee e on e.id = d.employee_id left join every_attempt a on a.delivery_id = d.id
       where d.round_id = $1 order by d.address`,
      [roundId],
    )
  ).rows;

it("every person's mail comes to what their domain's DNS and servers say", { timeout: 60_000 }, async () => {
  const addresses = [
    ...Array.from({ length: people }, (_, index) => `person${String(index)}@acme.example`),
    "typo+unknown-user@acme.example",
    "a@null.example",
    "a@gone.example",
    "a@broken.example",
    "a@silent.example",
    "a@ours.example",
    "a@strict.example",
  ];
  await journey.importPeople(`email,name\n${addresses.map((address) => `${address},Sam Doe`).join("\n")}\n`);
  const roundId = await journey.launch();
  await until("an attempt for every person", async () => {
    const rows = await readRows(roundId);
    return rows.length >= addresses.length && rows.every(({ step }) => step !== null);
  });
  const rows = await readRows(roundId);
  const of = (domain: string) => rows.filter((row) => row.domain === domain);

  const reached = of("acme.example").filter(({ state }) => state === "accepted");
  expect(reached).toHaveLength(people);
  for (const row of reached) {
    expect(row).toMatchObject({ remote_ip: WORLD, local_ip: OURS, flag: null });
    expect(row.tls).toMatch(/^TLSv1\.3 .*unverified/);
  }
  expect(of("acme.example").find(({ state }) => state === "bounced")).toMatchObject({
    flag: "hard",
    cause: "recipient-unknown",
  });
  const invalid = { state: "bounced", flag: "hard", step: "connect", cause: "domain-invalid" };
  expect(of("null.example")).toMatchObject([{ ...invalid, enhanced: "5.1.10" }]);
  expect(of("gone.example")).toMatchObject([{ ...invalid, enhanced: "5.1.2" }]);
  const putOff = { state: "queued", flag: null };
  expect(of("broken.example")).toMatchObject([{ ...putOff, enhanced: "4.4.3", cause: "network-or-timeout" }]);
  expect(of("silent.example")).toMatchObject([{ ...putOff, enhanced: "4.4.3", cause: "network-or-timeout" }]);
  expect(of("ours.example")).toMatchObject([{ ...putOff, enhanced: "4.4.6", cause: "server-fault" }]);
  expect(of("strict.example")).toMatchObject([
    { ...putOff, step: "starttls", enhanced: "4.7.10", cause: "tls-failed" },
  ]);

  const counts = world.counts();
  expect([counts.kept, counts.recipients]).toEqual([people, people]);
});

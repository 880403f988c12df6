/** The forecast of a round against what then happens: counted day by day where an address is new, and by the measure of a run before. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { addRound } from "../../server/src/outbound/round/round.store.ts";
import { saveSendingAddress } from "../../server/src/outbound/shape/sending-address.store.ts";
import { writeForecast } from "../../server/src/cli/forecast.ts";
import { type Journey, until, useRoundtrip } from "./harness.ts";

interface ForecastDocument {
  readonly round: number;
  readonly state: string;
  readonly sentence: string;
  readonly startsAt: string;
  readonly finishesAt: string | null;
  readonly providers: readonly {
    provider: string;
    people: number;
    firstDay: number | null;
    heldBy: string;
    perSecond: number;
  }[];
  readonly unreachable: readonly { domain: string; people: number; why: string }[];
}

const addDraft = (journey: Journey) =>
  inOrganisation(journey.running.database, journey.running.orgId, (client) =>
    addRound(client, journey.running.orgId, {
      name: "Draft",
      kind: "live",
      senderName: "Ana Silva",
      closesAt: new Date("2030-01-01"),
      neverSendTwice: false,
      texts: [{ language: "en", subject: "Hello", preview: "", body: "Please answer.", button: "Answer" }],
      testers: [],
    }),
  );

async function forecastOf(
  journey: Journey,
  environment: Record<string, string>,
  roundId: number,
): Promise<ForecastDocument> {
  const now = journey.clock.now();
  const text = await writeForecast({ DATABASE_URL: journey.test.url, ...environment }, roundId, { json: true, now });
  return JSON.parse(text) as ForecastDocument;
}

const accepted = async (journey: Journey, roundId: number) =>
  (
    await journey.running.database.owner.query<{ count: number }>(
      "select count(*) from delivery where round_id = $1 and state = 'accepted'",
      [roundId],
    )
  ).rows[0]!.count;

describe("a round by a new address", () => {
  let dns: DnsServer;
  let world: ReceivingServer;
  const environment: Record<string, string> = {
    ROUNDTRIP_CHANNEL: "mx",
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_MX_ADDRESSES: "127.0.0.20=out.roundtrip.test",
    ROUNDTRIP_MX_INSIDE: "allow",
  };
  beforeAll(async () => {
    world = await startReceivingServer({ host: "127.0.0.2", port: 0 });
    dns = await startDnsServer({
      names: {
        "acme.example": { records: [{ type: "MX", preference: 1, exchange: "aspmx.l.google.com" }] },
        "aspmx.l.google.com": { records: [{ type: "A", data: "127.0.0.2" }] },
      },
    });
    environment["ROUNDTRIP_RESOLVER"] = dns.address;
    environment["ROUNDTRIP_MX_PORT"] = String(world.port);
  });
  const journey = useRoundtrip(environment);
  afterAll(async () => {
    await world.close();
    await dns.close();
  });

  it("goes out on the days that were forecast, with as many mails on each", { timeout: 60_000 }, async () => {
    journey.clock.jumpTo(new Date("2027-03-01T12:00:00Z"));
    const { database, orgId } = journey.running;
    const own = { address: "127.0.0.21", heloName: "out.roundtrip.test", state: "warming", orgId } as const;
    await saveSendingAddress(database.owner, own, journey.clock.now());
    const people = Array.from({ length: 170 }, (_, n) => `p${String(n)}@acme.example,P ${String(n)}`);
    await journey.importPeople(["email,name", ...people, "typo@gone.example,Typo"].join("\n"));

    const before = await forecastOf(journey, environment, await addDraft(journey));
    expect(before).toMatchObject({
      state: "draft",
      providers: [{ provider: "google", people: 170, firstDay: 50, heldBy: "warm-up" }],
      unreachable: [{ domain: "gone.example", people: 1, why: "This domain does not exist" }],
    });
    expect(before.sentence).toMatch(
      /^36 h 1 min; the Google lane is the bottleneck: 170 mails while our address is new there, at most 50 of them on the first day$/,
    );
    expect(before.finishesAt).toMatch(/^2027-03-03T00:00/);

    // Lanes of a pool are read anew within seconds; by then the round has been launched.
    const roundId = await journey.launch({ closesAt: new Date("2030-01-01") });
    const reached: number[] = [];
    for (const [day, total] of [
      ["2027-03-01T12:00:00Z", 50],
      ["2027-03-02T00:00:00Z", 150],
      ["2027-03-03T00:00:00Z", 170],
    ] as const) {
      journey.clock.jumpTo(new Date(day));
      await until(`${String(total)} to be out`, async () => (await accepted(journey, roundId)) >= total);
      if (total === 50) {
        await until(
          "the others to wait",
          async () => (await forecastOf(journey, environment, roundId)).providers[0]?.firstDay === 0,
        );
        const midway = await forecastOf(journey, environment, roundId);
        expect(midway).toMatchObject({ state: "open", providers: [{ people: 120 }] });
        expect(midway.sentence).toMatch(/120 mails while our address is new there; today's share has left already$/);
        expect(midway.finishesAt).toMatch(/^2027-03-03T00:00/);
      }
      reached.push(await accepted(journey, roundId));
    }
    expect(reached).toEqual([50, 150, 170]);
    expect((await forecastOf(journey, environment, roundId)).sentence).toBe("There is nobody to write to.");
  });
});

describe("a round through a relay", () => {
  let world: ReceivingServer;
  const environment: Record<string, string> = {
    ROUNDTRIP_CHANNEL: "relay",
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_CONNECTIONS: "4",
  };
  beforeAll(async () => {
    // What a mail takes is this wait above all, so that the machine's mood matters little.
    world = await startReceivingServer({
      host: "127.0.0.1",
      port: 0,
      tls: false,
      timing: { slowRcptMs: 0, slowDotMs: 200 },
    });
    environment["ROUNDTRIP_RELAY_URL"] = `smtp://127.0.0.1:${String(world.port)}`;
  });
  const journey = useRoundtrip(environment);
  afterAll(() => world.close());

  it(
    "is forecast to take what the one before it took, once that has been measured, within a third",
    { timeout: 60_000 },
    async () => {
      const people = Array.from({ length: 100 }, (_, n) => `p${String(n)}+slow@acme.example,P ${String(n)}`);
      await journey.importPeople(["email,name", ...people].join("\n"));
      const guess = await forecastOf(journey, environment, await addDraft(journey));
      expect(guess.providers, "before any mail the start figure holds: 4 connections, 0.1 s a mail").toMatchObject([
        { provider: "relay", people: 100, perSecond: 40, heldBy: "connections" },
      ]);

      const roundId = await journey.launch();
      await until("everybody's mail to be out", async () => (await accepted(journey, roundId)) === 100);
      const { rows } = await journey.running.database.owner.query<{ per_second: number }>(
        "select (count(*) - 4) / extract(epoch from max(settled_at) - min(settled_at))::float8 as per_second from delivery where round_id = $1",
        [roundId],
      );
      const known = await forecastOf(journey, environment, await addDraft(journey));
      const ratio = known.providers[0]!.perSecond / rows[0]!.per_second;
      expect(ratio).toBeGreaterThan(2 / 3);
      expect(ratio).toBeLessThan(4 / 3);
    },
  );
});

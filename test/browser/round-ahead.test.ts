/** The status page in a real browser: beside each round that is a draft or open, when it will be out, and what waits for an address. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { addRound } from "../../server/src/outbound/round/round.store.ts";
import { saveSendingAddress } from "../../server/src/outbound/shape/sending-address.store.ts";
import { useRoundtrip } from "../journeys/harness.ts";
import { type OpenPage, openPage } from "./open-page.ts";

let dns: DnsServer;
let world: ReceivingServer;
const environment: Record<string, string> = {
  ROUNDTRIP_CHANNEL: "mx",
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
let browser: OpenPage;
let page: Page;

beforeAll(async () => {
  browser = await openPage();
  ({ page } = browser);
  journey.clock.jumpTo(new Date("2027-03-01T12:00:00Z"));
  const { database, orgId } = journey.running;
  const own = { address: "127.0.0.21", heloName: "out.roundtrip.test", state: "warming", orgId } as const;
  await saveSendingAddress(database.owner, own, journey.clock.now());
  const people = Array.from({ length: 170 }, (_, n) => `p${String(n)}@acme.example,P ${String(n)}`);
  await journey.importPeople(["email,name", ...people, "typo@gone.example,Typo"].join("\n"));
});
afterAll(async () => {
  await browser.close();
  await world.close();
  await dns.close();
});

it("says of a draft when it would be out, and whom nobody can reach", { timeout: 60_000 }, async () => {
  const { database, orgId } = journey.running;
  const texts = [{ language: "en", subject: "Hello", preview: "", body: "Please answer.", button: "Answer" }];
  const rest = { kind: "live", senderName: "Ana Silva", neverSendTwice: false, testers: [], texts } as const;
  const draft = { name: "Autumn pulse", closesAt: new Date("2030-01-01"), ...rest };
  await inOrganisation(database, orgId, (client) => addRound(client, orgId, draft));
  await page.goto(journey.running.statusUrl!);
  const section = page.getByRole("heading", { name: /Autumn pulse/ }).locator("..");
  await section
    .getByText(
      "the Google lane is the bottleneck: 170 mails while our address is new there, at most 50 of them on the first day.",
    )
    .waitFor({ timeout: 20_000 });
  expect(
    await section.getByText("1 person cannot be reached as things are and is not counted: gone.example.").isVisible(),
  ).toBe(true);
});

it("says of an open round what waits for tomorrow, and why", { timeout: 60_000 }, async () => {
  await journey.launch({ closesAt: new Date("2030-01-01") });
  await page
    .getByText("120 mails, because our sending addresses are still new to these mail servers")
    .waitFor({ timeout: 30_000 });
  expect(await page.getByText("2027-03-02 00:00 UTC").isVisible()).toBe(true);
  await page
    .getByText("120 mails while our address is new there; today's share has left already.")
    .waitFor({ timeout: 30_000 });
});

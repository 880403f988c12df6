/** What receivers see of one of our addresses, asked of a real DNS. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkOwnAddress, writeReverseName } from "./check-own-address.dns.ts";
import { createDnsClient, type DnsClient } from "./dns-client.dns.ts";

let server: DnsServer;
let dns: DnsClient;
const ptr = (data: string) => ({ records: [{ type: "PTR", data } as const] });
const a = (data: string) => ({ records: [{ type: "A", data } as const] });

beforeAll(async () => {
  server = await startDnsServer({
    names: {
      "10.2.0.192.in-addr.arpa": ptr("mail.example.com"),
      "mail.example.com": a("192.0.2.10"),
      "11.2.0.192.in-addr.arpa": ptr("host-11.provider.example"),
      "host-11.provider.example": a("192.0.2.11"),
      "mail2.example.com": a("192.0.2.11"),
      "12.2.0.192.in-addr.arpa": ptr("liar.example"),
      "liar.example": a("192.0.2.99"),
      "13.2.0.192.in-addr.arpa": { records: [], trouble: "servfail" },
      [writeReverseName("2001:db8::10")]: ptr("mail.example.org"),
      "mail.example.org": { records: [{ type: "AAAA", data: "2001:db8::10" }] },
    },
  });
  dns = createDnsClient({
    resolvers: [{ address: server.host, port: server.port }],
    nowMs: () => performance.now(),
    timeoutMs: 600,
  });
});
afterAll(() => server.close());

const check = async (address: string, heloName: string) =>
  Object.fromEntries((await checkOwnAddress(dns, { address, heloName })).map(({ id, level }) => [id, level]));

it.each([
  ["192.0.2.10", "mail.example.com"],
  ["2001:db8::10", "mail.example.org"],
])("%s has a name that leads back to it, and says hello with it", async (address, heloName) => {
  expect(await check(address, heloName)).toEqual({
    "address.ptr": "good",
    "address.fcrdns": "good",
    "address.helo": "good",
    "address.helo-is-ptr": "good",
  });
});

it("a provider's name for it is worth a warning", async () => {
  expect(await check("192.0.2.11", "mail2.example.com")).toMatchObject({
    "address.fcrdns": "good",
    "address.helo": "good",
    "address.helo-is-ptr": "warning",
  });
});

it("a name that leads elsewhere is bad, and so is none", async () => {
  expect(await check("192.0.2.12", "mail.example.com")).toMatchObject({
    "address.fcrdns": "bad",
    "address.helo": "bad",
  });
  expect(await check("192.0.2.14", "nowhere.example")).toEqual({ "address.ptr": "bad", "address.helo": "bad" });
});

it("what nobody could say is unknown, not bad", async () => {
  expect(await check("192.0.2.13", "mail.example.com")).toMatchObject({ "address.ptr": "unknown" });
});

it("every finding that is not good says what to do", async () => {
  for (const address of ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"]) {
    const findings = await checkOwnAddress(dns, { address, heloName: "mail.example.com" });
    expect(findings.every(({ level, fix }) => (fix === null) === (level === "good"))).toBe(true);
  }
});

it("names are turned round for both kinds of address", () => {
  expect(writeReverseName("192.0.2.10")).toBe("10.2.0.192.in-addr.arpa");
  expect(writeReverseName("2001:db8::1")).toBe(
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  );
});

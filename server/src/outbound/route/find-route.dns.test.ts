/** The way to a domain, asked of a real DNS server: every kind of domain, and what each failure means for a delivery. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findCause } from "../../outcome/cause/find-cause.ts";
import { createDnsClient, type DnsClient } from "./dns-client.dns.ts";
import { findDestination, type RouteRules } from "./find-route.dns.ts";
import { explainRouteTrouble, type RouteTrouble } from "./route-trouble.ts";

const mx = (preference: number, exchange: string) => ({ type: "MX", preference, exchange }) as const;
const a = (data: string) => ({ type: "A", data }) as const;
const aaaa = (data: string) => ({ type: "AAAA", data }) as const;
const alias = (data: string) => ({ type: "CNAME", data }) as const;

let server: DnsServer;
let dns: DnsClient;
const rules: RouteRules = { usesIpv6: false, ourAddresses: ["93.184.215.9"], mayPointInside: false };

beforeAll(async () => {
  server = await startDnsServer({
    names: {
      "plain.example": { records: [mx(20, "backup.plain.example"), mx(10, "MX.plain.example")] },
      "mx.plain.example": { records: [a("93.184.215.1"), a("93.184.215.2"), aaaa("2a00:1450::1")] },
      "backup.plain.example": { records: [a("93.184.215.3")] },
      "implicit.example": { records: [a("93.184.215.4")] },
      "null.example": { records: [mx(0, ".")] },
      "null-and-more.example": { records: [mx(0, "."), mx(10, "mx.plain.example")] },
      "empty.example": { records: [{ type: "TXT", data: "nothing here" }] },
      "dangling.example": { records: [mx(10, "gone.example"), mx(20, "empty.example")] },
      "half.example": { records: [mx(10, "gone.example"), mx(20, "mx.plain.example")] },
      "odd-name.example": { records: [mx(10, "not a host"), a("93.184.215.4")] },
      "literal.example": { records: [mx(10, "93.184.215.4")] },
      "broken.example": { records: [], trouble: "servfail" },
      "refused.example": { records: [], trouble: "refused" },
      "silent.example": { records: [], trouble: "silent" },
      "broken-host.example": { records: [mx(10, "broken.example"), mx(20, "gone.example")] },
      "circle.example": { records: [alias("circle2.example")] },
      "circle2.example": { records: [alias("circle.example")] },
      "circle-host.example": { records: [mx(10, "circle.example")] },
      "alias.example": { records: [alias("plain.example")] },
      "loopback.example": { records: [mx(10, "localhost.example")] },
      "localhost.example": { records: [a("127.0.0.1")] },
      "private.example": { records: [mx(10, "inner.example")] },
      "inner.example": { records: [a("10.1.2.3"), a("192.168.0.1")] },
      "partly-private.example": { records: [mx(10, "inner.example"), mx(20, "mx.plain.example")] },
      "metadata.example": { records: [a("169.254.169.254")] },
      "mapped.example": { records: [mx(10, "mapped-host.example")] },
      "mapped-host.example": { records: [aaaa("::ffff:127.0.0.1")] },
      "ours.example": { records: [mx(10, "us.example")] },
      "us.example": { records: [a("93.184.215.9")] },
      "backup-by-us.example": {
        records: [mx(10, "mx.plain.example"), mx(20, "us.example"), mx(30, "backup.plain.example")],
      },
      "six.example": { records: [mx(10, "six-host.example")] },
      "six-host.example": { records: [aaaa("2a00:1450::1")] },
      "many.example": {
        records: Array.from({ length: 60 }, (_, index) => mx(60 - index, `mx${String(60 - index)}.many.example`)),
      },
      ...Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [
          `mx${String(index + 1)}.many.example`,
          { records: [a("93.184.215.5")] },
        ]),
      ),
    },
  });
  dns = createDnsClient({
    resolvers: [{ address: server.host, port: server.port }],
    nowMs: () => performance.now(),
    timeoutMs: 600,
  });
});
afterAll(() => server.close());

const findHosts = async (domain: string, more: Partial<RouteRules> = {}) => {
  const found = await findDestination(dns, domain, { ...rules, ...more });
  return found.kind === "destination"
    ? found.hosts.map(({ name, addresses }) => [name, ...addresses.toSorted()])
    : found.kind;
};

describe("the servers of a domain", () => {
  it.each([
    [
      "plain.example",
      [
        ["mx.plain.example", "93.184.215.1", "93.184.215.2"],
        ["backup.plain.example", "93.184.215.3"],
      ],
    ],
    [
      "alias.example",
      [
        ["mx.plain.example", "93.184.215.1", "93.184.215.2"],
        ["backup.plain.example", "93.184.215.3"],
      ],
    ],
    ["implicit.example", [["implicit.example", "93.184.215.4"]]],
    ["half.example", [["mx.plain.example", "93.184.215.1", "93.184.215.2"]]],
    ["null-and-more.example", [["mx.plain.example", "93.184.215.1", "93.184.215.2"]]],
    ["partly-private.example", [["mx.plain.example", "93.184.215.1", "93.184.215.2"]]],
  ])("%s: those that its DNS names, by preference", async (domain, hosts) => {
    expect(await findHosts(domain)).toEqual(hosts);
  });

  it("stop before ourselves, so that no two backups send mail in a circle", async () => {
    expect(await findHosts("backup-by-us.example")).toEqual([["mx.plain.example", "93.184.215.1", "93.184.215.2"]]);
  });

  it("have IPv6 addresses only where we can send from one", async () => {
    expect(await findHosts("six.example", { usesIpv6: true })).toEqual([["six-host.example", "2a00:1450::1"]]);
    expect((await findHosts("plain.example", { usesIpv6: true }))[0]).toContain("2a00:1450::1");
  });

  it("of sixty, the ten best are enough", async () => {
    const hosts = await findHosts("many.example");
    expect(hosts).toHaveLength(10);
    expect(hosts[0]).toEqual(["mx1.many.example", "93.184.215.5"]);
  });

  it("may be on this machine where a test says so, but never be ourselves", async () => {
    expect(await findHosts("loopback.example", { mayPointInside: true })).toEqual([["localhost.example", "127.0.0.1"]]);
    expect(await findHosts("ours.example", { mayPointInside: true })).toBe("points-at-us");
  });
});

describe("a domain that no mail can be handed to", () => {
  it.each([
    ["null.example", "5.1.10", "domain-invalid", true],
    ["gone.example", "5.1.2", "domain-invalid", true],
    ["empty.example", "5.4.4", "domain-invalid", true],
    ["dangling.example", "5.4.4", "domain-invalid", true],
    ["odd-name.example", "5.4.4", "domain-invalid", true],
    ["literal.example", "5.4.4", "domain-invalid", true],
    ["loopback.example", "5.4.4", "domain-invalid", true],
    ["private.example", "5.4.4", "domain-invalid", true],
    ["metadata.example", "5.4.4", "domain-invalid", true],
    ["ours.example", "4.4.6", "server-fault", false],
    ["broken.example", "4.4.3", "network-or-timeout", false],
    ["refused.example", "4.4.3", "network-or-timeout", false],
    ["silent.example", "4.4.3", "network-or-timeout", false],
    ["broken-host.example", "4.4.3", "network-or-timeout", false],
    ["circle.example", "4.4.3", "network-or-timeout", false],
    ["circle-host.example", "4.4.3", "network-or-timeout", false],
    ["six.example", "4.4.4", "network-or-timeout", false],
    ["mapped.example", "4.4.4", "network-or-timeout", false],
  ])("%s: %s, which means %s", async (domain, enhanced, cause, permanent) => {
    const found = await findDestination(dns, domain, rules);
    expect(found.kind).not.toBe("destination");
    const word = explainRouteTrouble(found as RouteTrouble);
    expect(word).toMatchObject({ step: "connect", code: null, enhanced, temporary: !permanent });
    expect(findCause({ ...word, code: null, remoteHost: domain })).toMatchObject({ cause, permanent });
  });

  it("is told in a sentence that holds no name a stranger chose", async () => {
    const found = await findDestination(dns, "private.example", rules);
    expect(explainRouteTrouble(found as RouteTrouble).text).toMatch(
      /^The mail servers of this domain cannot be reached from outside: (10\.1\.2\.3|192\.168\.0\.1) is a private address$/,
    );
  });

  it("points inside with its IPv6 address too, where we would use it", async () => {
    expect(await findHosts("mapped.example", { usesIpv6: true })).toBe("points-inside");
  });
});

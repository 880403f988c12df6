/** Which MTA-STS policy holds: real DNS, real HTTPS, a real database; only the clock is moved. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type JumpingClock, jumpingClock } from "../../ground/clock.ts";
import { systemClock } from "../../ground/system-clock.process.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { createDnsClient } from "./dns-client.dns.ts";
import { createStsPolicies, type StsPolicies } from "./sts-policies.dns.ts";
import { fetchStsPolicy } from "./sts-policy.http.ts";
import { findStsPolicy, saveStsPolicy } from "./sts-policy.store.ts";
import { type Authority, makeAuthority } from "./testing/authority.ts";
import { type PolicyHost, policyText, startPolicyHost } from "./testing/policy-host.ts";

const test = useTestDatabase();
const HOUR = 3600;
const WEEK = 7 * 24 * HOUR;
const POLICY_ADDRESS = "127.0.0.9";

let authority: Authority;
let server: DnsServer;
let host: PolicyHost;
let clock: JumpingClock;
let count = 0;
let domain = "";
let reports: string[] = [];

beforeAll(async () => {
  authority = makeAuthority("Test authority");
  server = await startDnsServer({ names: {} });
  const names = Array.from({ length: 40 }, (_, index) => `mta-sts.d${String(index + 1)}.example`);
  host = await startPolicyHost(POLICY_ADDRESS, authority.issue(...names));
});
afterAll(async () => {
  await host.close();
  await server.close();
});
beforeEach(() => {
  domain = `d${String((count += 1))}.example`;
  clock = jumpingClock(systemClock);
  reports = [];
  announce("one");
  server.set(`mta-sts.${domain}`, { records: [{ type: "A", data: POLICY_ADDRESS }] });
  host.answerWith(policyText("enforce", ["mx.example"], WEEK));
});

function announce(id: string): void {
  server.set(`_mta-sts.${domain}`, { records: [{ type: "TXT", data: `v=STSv1; id=${id};` }], ttlSeconds: 60 });
}

/** Like another node, or the same one after a restart: it knows nothing but what the database holds. */
function newNode(options: { mayPointInside?: boolean; timeoutMs?: number } = {}): StsPolicies {
  const resolvers = [{ address: server.host, port: server.port }];
  const dns = createDnsClient({ resolvers, nowMs: () => clock.now().getTime(), timeoutMs: 600 });
  const rules = { mayPointInside: true, port: host.port, ca: authority.pem, timeoutMs: 2000, ...options };
  return createStsPolicies({
    dns,
    clock,
    fetch: (name) => fetchStsPolicy(dns, name, rules),
    find: (name) => findStsPolicy(test.database.engine, name),
    save: (name, kept) => saveStsPolicy(test.database.engine, name, kept),
    report: ({ text }) => void reports.push(text),
  });
}

function later(seconds: number): void {
  clock.jumpTo(new Date(clock.now().getTime() + seconds * 1000));
}

describe("a policy that is announced and can be fetched", () => {
  it("holds, is fetched once for all who ask, and once for all nodes", async () => {
    const before = host.asked;
    const [node, other] = [newNode(), newNode()];
    const policies = await Promise.all([node.policyOf(domain), node.policyOf(domain)]);
    expect(policies[0]).toEqual({ mode: "enforce", mx: ["mx.example"], maxAgeSeconds: WEEK });
    expect(policies[1]).toEqual(policies[0]);
    expect(await other.policyOf(domain)).toEqual(policies[0]);
    expect(host.asked - before).toBe(1);
  });

  it("is fetched again when its id changes, and when it grows old, long before it ends", async () => {
    const node = newNode();
    await node.policyOf(domain);
    host.answerWith(policyText("enforce", ["new.example"], WEEK));
    later(120);
    expect((await node.policyOf(domain))?.mx).toEqual(["mx.example"]);
    announce("two");
    later(120);
    expect((await node.policyOf(domain))?.mx).toEqual(["new.example"]);
    const before = host.asked;
    later(25 * HOUR);
    await node.policyOf(domain);
    expect(host.asked - before).toBe(1);
  });

  it("of mode none lifts what held before", async () => {
    const node = newNode();
    await node.policyOf(domain);
    host.answerWith(policyText("none", [], WEEK));
    announce("two");
    later(120);
    expect(await node.policyOf(domain)).toBeNull();
    expect(await newNode().policyOf(domain)).toBeNull();
  });
});

describe("a policy seen before", () => {
  const attacks: readonly [string, () => void][] = [
    ["the record is gone", () => server.remove(`_mta-sts.${domain}`)],
    ["the record cannot be looked up", () => server.set(`_mta-sts.${domain}`, { records: [], trouble: "servfail" })],
    ["the record is met with silence", () => server.set(`_mta-sts.${domain}`, { records: [], trouble: "silent" })],
    [
      "a new id is announced and the policy host is gone",
      () => {
        announce("two");
        server.remove(`mta-sts.${domain}`);
      },
    ],
    [
      "a new id is announced and the policy is not found",
      () => {
        announce("two");
        host.answerWith((_, response) => response.writeHead(404).end());
      },
    ],
    [
      "a new id is announced and the policy is nonsense",
      () => {
        announce("two");
        host.answerWith((_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("hello"));
      },
    ],
  ];
  it.each(attacks)("holds on though %s, also for a node that starts only then", async (_, attack) => {
    const node = newNode();
    await node.policyOf(domain);
    attack();
    later(HOUR);
    expect((await node.policyOf(domain))?.mode).toBe("enforce");
    expect((await newNode().policyOf(domain))?.mode).toBe("enforce");
  });

  it("ends with its max_age, when nothing can be had any more", async () => {
    const node = newNode();
    await node.policyOf(domain);
    server.remove(`_mta-sts.${domain}`);
    later(WEEK + 1);
    expect(await node.policyOf(domain)).toBeNull();
  });
});

describe("a policy that cannot be had", () => {
  const faults: readonly [string, RegExp, () => void][] = [
    ["is not found", /status 404/, () => host.answerWith((_, response) => response.writeHead(404).end())],
    [
      "leads elsewhere",
      /status 302/,
      () => host.answerWith((_, response) => response.writeHead(302, { location: "/other" }).end()),
    ],
    [
      "is a web page",
      /text\/plain/,
      () => host.answerWith((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>")),
    ],
    [
      "is endless",
      /64 KB/,
      () =>
        host.answerWith((_, response) => {
          response.writeHead(200, { "content-type": "text/plain" });
          const more = (): void => {
            while (!response.destroyed && response.write("x".repeat(16_384))) continue;
            response.once("drain", more);
          };
          more();
        }),
    ],
    [
      "drips for ever",
      /aborted|timeout|broke off/i,
      () => host.answerWith((_, response) => void response.writeHead(200, { "content-type": "text/plain" }).write("v")),
    ],
    [
      "has the certificate of another name",
      /fetched/,
      () => {
        domain = `other.${domain}`;
        announce("one");
        server.set(`mta-sts.${domain}`, { records: [{ type: "A", data: POLICY_ADDRESS }] });
      },
    ],
    ["lives on a host without an address", /no public address/, () => server.remove(`mta-sts.${domain}`)],
  ];
  it.each(faults)("because it %s is none, is reported, and is left alone for five minutes", async (_, text, fault) => {
    fault();
    const node = newNode();
    expect(await node.policyOf(domain)).toBeNull();
    expect(reports).toEqual([expect.stringMatching(text)]);
    const before = host.asked;
    later(240);
    await node.policyOf(domain);
    expect(host.asked).toBe(before);
  });

  it("is not looked for inside our own network", async () => {
    const before = host.asked;
    expect(await newNode({ mayPointInside: false }).policyOf(domain)).toBeNull();
    expect(host.asked).toBe(before);
  });

  it("costs nothing where none is announced", async () => {
    server.remove(`_mta-sts.${domain}`);
    const before = host.asked;
    expect(await newNode().policyOf(domain)).toBeNull();
    expect([host.asked - before, reports.length]).toEqual([0, 0]);
  });
});

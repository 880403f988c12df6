/** The DNS client against a real server: what it believes, how long, and that a slow zone holds up no other. */
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { createDnsClient } from "./dns-client.dns.ts";

const servers: DnsServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(names: Parameters<typeof startDnsServer>[0]["names"]): Promise<DnsServer> {
  const server = await startDnsServer({ names: names ?? {} });
  servers.push(server);
  return server;
}

function clientOf(...asked: readonly { host: string; port: number }[]) {
  const clock = { nowMs: 0 };
  const resolvers = asked.map(({ host, port }) => ({ address: host, port }));
  return { clock, dns: createDnsClient({ resolvers, nowMs: () => clock.nowMs, timeoutMs: 900 }) };
}

const host = (data: string, ttlSeconds = 300) => ({ records: [{ type: "A", data } as const], ttlSeconds });

describe("an answer is kept", () => {
  it.each([
    ["its own time", 300, 300],
    ["one minute at least", 1, 60],
    ["one hour at most", 900_000, 3600],
  ])("for %s", async (_, ttlSeconds, seconds) => {
    const server = await start({ "a.example": host("192.0.2.1", ttlSeconds) });
    const { clock, dns } = clientOf(server);
    await dns.ask("a.example", "A");
    clock.nowMs = seconds * 1000 - 1;
    await dns.ask("a.example", "A");
    expect(server.timesAsked("a.example")).toBe(1);
    clock.nowMs += 1;
    await dns.ask("a.example", "A");
    expect(server.timesAsked("a.example")).toBe(2);
  });

  it("for five minutes at most when there is none, and half a minute when nobody could say", async () => {
    const server = await start({ "broken.example": { records: [], trouble: "servfail" } });
    const { clock, dns } = clientOf(server);
    const ask = () => Promise.all([dns.ask("none.example", "A"), dns.ask("broken.example", "A")]);
    await ask();
    clock.nowMs = 29_999;
    await ask();
    expect([server.timesAsked("none.example"), server.timesAsked("broken.example")]).toEqual([1, 1]);
    clock.nowMs = 30_000;
    await ask();
    expect([server.timesAsked("none.example"), server.timesAsked("broken.example")]).toEqual([1, 2]);
    clock.nowMs = 300_000;
    expect((await ask())[0].kind).toBe("no-domain");
    expect(server.timesAsked("none.example")).toBe(2);
  });
});

describe("an answer is believed", () => {
  it("not when a forger guesses the question's id", async () => {
    const server = await start({ "a.example": { ...host("192.0.2.1"), trouble: "forged-first" } });
    expect(await clientOf(server).dns.ask("a.example", "A")).toMatchObject({ records: ["192.0.2.1"] });
  });

  it("as validated only where its name is signed", async () => {
    const server = await start({
      "a.example": { ...host("192.0.2.1"), isSigned: true },
      "b.example": host("192.0.2.2"),
    });
    const { dns } = clientOf(server);
    expect(dns.isTrusted).toBe(true);
    expect(await dns.ask("a.example", "A")).toMatchObject({ isAuthentic: true });
    expect(await dns.ask("b.example", "A")).toMatchObject({ isAuthentic: false });
  });

  it("as validated by nobody but resolvers on this machine that the operator has named", () => {
    expect(createDnsClient({ resolvers: [], nowMs: () => 0 }).isTrusted).toBe(false);
    const far = { host: "192.0.2.53", port: 53 };
    expect(clientOf(far).dns.isTrusted).toBe(false);
    expect(clientOf({ host: "127.0.0.1", port: 53 }, far).dns.isTrusted).toBe(false);
  });

  it("whole by TCP when UDP brought only the beginning", async () => {
    const server = await start({ "long.example": { ...host("192.0.2.1"), trouble: "truncated" } });
    expect(await clientOf(server).dns.ask("long.example", "A")).toMatchObject({ records: ["192.0.2.1"] });
    expect(server.timesAsked("long.example")).toBe(2);
  });
});

describe("when a resolver is of no use", () => {
  it("the next one is asked: after a failure, after silence, after a refused port", async () => {
    const good = await start({ "a.example": host("192.0.2.1") });
    const failing = await start({ "a.example": { records: [], trouble: "servfail" } });
    const silent = await start({ "a.example": { records: [], trouble: "silent" } });
    const gone = await start({});
    await servers.splice(servers.indexOf(gone), 1)[0]?.close();
    for (const bad of [failing, silent, gone]) {
      expect(await clientOf(bad, good).dns.ask("a.example", "A")).toMatchObject({ records: ["192.0.2.1"] });
    }
  });

  it("a lost datagram is sent again", async () => {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const server = await start({ "a.example": host("192.0.2.1") });
    let heard = 0;
    socket.on("message", (query, from) => {
      heard += 1;
      if (heard < 3) return;
      const through = createSocket("udp4");
      through.on("message", (reply) => {
        socket.send(reply, from.port, from.address);
        through.close();
      });
      through.send(query, server.port, server.host);
    });
    const answer = await clientOf({ host: "127.0.0.1", port: socket.address().port }).dns.ask("a.example", "A");
    socket.close();
    expect(answer).toMatchObject({ records: ["192.0.2.1"] });
    expect(heard).toBe(3);
  });

  it("nonsense counts as silence, and silence ends in time", async () => {
    const server = await start({ "a.example": { records: [], trouble: "nonsense" } });
    const startedMs = performance.now();
    expect(await clientOf(server).dns.ask("a.example", "A")).toMatchObject({ kind: "failed" });
    expect(performance.now() - startedMs).toBeLessThan(3000);
  });
});

it("a zone that never answers holds up no other, and is not asked more than four times at once", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `n${String(index)}.slow.example`);
  const silent = Object.fromEntries(names.map((name) => [name, { records: [], trouble: "silent" as const }]));
  const server = await start({ ...silent, "quick.example": host("192.0.2.1") });
  const { dns } = clientOf(server);
  const slow = names.map((name) => dns.ask(name, "A"));
  const startedMs = performance.now();
  expect(await dns.ask("quick.example", "A")).toMatchObject({ records: ["192.0.2.1"] });
  expect(performance.now() - startedMs).toBeLessThan(300);
  expect(names.filter((name) => server.timesAsked(name) > 0).length).toBeLessThanOrEqual(4);
  // More than the line holds: these are told at once, and in words.
  expect(await slow[99]).toMatchObject({
    kind: "failed",
    why: expect.stringContaining("Too many questions") as string,
  });
});

it("what is no name is never asked for", async () => {
  const server = await start({});
  const { dns } = clientOf(server);
  for (const name of ["", "a b.example", "a\0.example", "a".repeat(300)])
    expect(await dns.ask(name, "MX")).toMatchObject({ kind: "failed" });
});

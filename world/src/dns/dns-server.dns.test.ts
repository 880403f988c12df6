/** What the miniature DNS promises, asked by Node's own resolver (c-ares), which shares no code with it. */
import { Resolver } from "node:dns/promises";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DnsServer, startDnsServer } from "./dns-server.dns.ts";

let server: DnsServer;
const resolver = new Resolver({ timeout: 300, tries: 1 });

beforeAll(async () => {
  server = await startDnsServer({
    names: {
      "example.com": {
        records: [
          { type: "MX", preference: 10, exchange: "mx.example.com" },
          { type: "MX", preference: 0, exchange: "first.example.com" },
          { type: "TXT", data: `v=spf1 ${"x".repeat(300)}` },
        ],
      },
      "mx.example.com": {
        records: [
          { type: "A", data: "127.0.0.3" },
          { type: "AAAA", data: "2001:db8::3" },
        ],
        ttlSeconds: 77,
      },
      "www.example.com": { records: [{ type: "CNAME", data: "mx.example.com" }] },
      "null.example": { records: [{ type: "MX", preference: 0, exchange: "." }] },
      "broken.example": { records: [], trouble: "servfail" },
      "refused.example": { records: [], trouble: "refused" },
      "silent.example": { records: [], trouble: "silent" },
      "long.example": { records: [{ type: "A", data: "127.0.0.4" }], trouble: "truncated" },
      "3.0.0.127.in-addr.arpa": { records: [{ type: "PTR", data: "mx.example.com" }] },
      "_25._tcp.mx.example.com": {
        records: [{ type: "TLSA", usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 7) }],
      },
      "many.example": {
        records: Array.from({ length: 100 }, (_, index) => ({
          type: "A" as const,
          data: `127.0.1.${String(index)}`,
        })),
      },
    },
  });
  resolver.setServers([server.address]);
});
afterAll(() => server.close());

describe("an independent resolver", () => {
  it("reads MX, A, AAAA, TXT, PTR and TLSA records", async () => {
    expect(await resolver.resolveMx("example.com")).toEqual(
      expect.arrayContaining(
        [
          { priority: 10, exchange: "mx.example.com", type: "MX" },
          { priority: 0, exchange: "first.example.com", type: "MX" },
        ].map((record) => expect.objectContaining({ priority: record.priority, exchange: record.exchange })),
      ),
    );
    expect(await resolver.resolve4("mx.example.com", { ttl: true })).toEqual([
      expect.objectContaining({ address: "127.0.0.3", ttl: 77 }),
    ]);
    expect(await resolver.resolve6("mx.example.com")).toEqual(["2001:db8::3"]);
    expect((await resolver.resolveTxt("example.com"))[0]?.join("")).toBe(`v=spf1 ${"x".repeat(300)}`);
    expect(await resolver.reverse("127.0.0.3")).toEqual(["mx.example.com"]);
    const [tlsa] = await resolver.resolveTlsa("_25._tcp.mx.example.com");
    expect(tlsa).toMatchObject({ certUsage: 3, selector: 1, match: 1 });
  });

  it("reads a null MX as an empty host", async () => {
    expect((await resolver.resolveMx("null.example"))[0]).toMatchObject({ priority: 0, exchange: "" });
  });

  it("is led along an alias", async () => {
    expect(await resolver.resolve4("www.example.com")).toEqual(["127.0.0.3"]);
  });

  it.each([
    ["nobody.example", "ENOTFOUND"],
    ["tcp.mx.example.com", "ENOTFOUND"],
    ["_tcp.mx.example.com", "ENODATA"],
    ["null.example", "ENODATA"],
    ["broken.example", "ESERVFAIL"],
    ["refused.example", "EREFUSED"],
    ["silent.example", "ETIMEOUT"],
  ])("hears of %s: %s", async (name, code) => {
    await expect(resolver.resolve4(name)).rejects.toMatchObject({ code });
  });

  it("comes back by TCP where an answer was cut, and where it is too long for a datagram", async () => {
    expect(await resolver.resolve4("long.example")).toEqual(["127.0.0.4"]);
    expect(await resolver.resolve4("many.example")).toHaveLength(100);
  });

  it("sees names change while the server runs", async () => {
    server.set("moving.example", { records: [{ type: "A", data: "127.0.0.5" }] });
    expect(await resolver.resolve4("moving.example")).toEqual(["127.0.0.5"]);
    server.remove("moving.example");
    await expect(resolver.resolve4("moving.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(server.timesAsked("MOVING.example", "A")).toBe(2);
  });
});

it("bytes that are no question get no answer and do no harm", async () => {
  const socket = createSocket("udp4");
  for (const bytes of [Buffer.alloc(0), Buffer.from("hello"), Buffer.alloc(12, 255), Buffer.alloc(600, 1)])
    socket.send(bytes, server.port, server.host);
  socket.close();
  await once(socket, "close");
  expect(await resolver.resolve4("mx.example.com")).toEqual(["127.0.0.3"]);
});

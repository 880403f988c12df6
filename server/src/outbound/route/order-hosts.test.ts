/** The order in which a domain's servers are tried. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { MailHost } from "./find-route.dns.ts";
import { orderHosts } from "./order-hosts.ts";

const host = (name: string, preference: number, ...addresses: string[]): MailHost => ({
  name,
  canonicalName: name,
  preference,
  addresses,
  isAuthentic: false,
});
const everything = { isReachable: () => true, isOurKind: () => true };

it("goes by preference, and by the second address of a host only after the first ones of its equals", () => {
  const hosts = [
    host("backup.example", 20, "192.0.2.9"),
    host("a.example", 10, "192.0.2.1", "192.0.2.2"),
    host("b.example", 10, "192.0.2.3"),
  ];
  const order = orderHosts(hosts, { ...everything, chance: () => 0.999 });
  expect(order.map(({ address }) => address)).toEqual(["192.0.2.1", "192.0.2.3", "192.0.2.2", "192.0.2.9"]);
});

it("spreads load over equals", () => {
  const hosts = [host("a.example", 10, "192.0.2.1"), host("b.example", 10, "192.0.2.2")];
  const firsts = [0.1, 0.9].map((chance) => orderHosts(hosts, { ...everything, chance: () => chance })[0]?.address);
  expect(new Set(firsts)).toEqual(new Set(["192.0.2.1", "192.0.2.2"]));
});

it("tries last what could not be reached a moment ago, and never what we have no address for", () => {
  const hosts = [host("a.example", 10, "192.0.2.1", "2001:db8::1"), host("backup.example", 20, "192.0.2.9")];
  const order = orderHosts(hosts, {
    chance: () => 0.5,
    isReachable: (address) => address !== "192.0.2.1",
    isOurKind: (address) => !address.includes(":"),
  });
  expect(order.map(({ address }) => address)).toEqual(["192.0.2.9", "192.0.2.1"]);
});

it("is bounded, and never puts a worse host before a better one", () => {
  const hosts = fc.array(fc.tuple(fc.nat(3), fc.array(fc.ipV4(), { minLength: 1, maxLength: 9 })), { maxLength: 12 });
  fc.assert(
    fc.property(hosts, fc.double({ min: 0, max: 0.999, noNaN: true }), (parts, chance) => {
      const all = parts.map(([preference, addresses], index) =>
        host(`h${String(index)}.example`, preference, ...addresses),
      );
      const order = orderHosts(all, { ...everything, chance: () => chance });
      const preferences = order.map((each) => each.host.preference);
      expect(order.length).toBeLessThanOrEqual(6);
      expect(order.length > 0).toBe(all.length > 0);
      expect(preferences).toEqual(preferences.toSorted((a, b) => a - b));
    }),
  );
});

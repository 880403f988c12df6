/** Which addresses a stranger's DNS may send our mail to. */
import { BlockList } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainUnfitAddress } from "./address-scope.ts";

describe("an address outside public networks is refused", () => {
  it.each([
    ["127.0.0.1", "the loopback address of every machine"],
    ["127.255.3.4", "the loopback address of every machine"],
    ["0.0.0.0", "no address of a host"],
    ["10.1.2.3", "a private address"],
    ["172.16.0.1", "a private address"],
    ["172.31.255.255", "a private address"],
    ["192.168.1.1", "a private address"],
    ["100.64.0.1", "a private address"],
    ["169.254.169.254", "a link-local address"],
    ["192.0.2.1", "an address for examples"],
    ["198.51.100.1", "an address for examples"],
    ["203.0.113.1", "an address for examples"],
    ["198.19.0.1", "an address for measurements"],
    ["224.0.0.1", "a multicast address"],
    ["255.255.255.255", "an address that nobody has been given"],
    ["::1", "the loopback address of every machine"],
    ["::", "no address of a host"],
    ["fe80::1", "a link-local address"],
    ["fd00::1", "a private address"],
    ["ff02::1", "a multicast address"],
    ["2001:db8::1", "an address for examples"],
    ["2001::1", "an address for special purposes"],
    ["5f00::1", "an address that nobody has been given"],
    ["100::1", "an address that nobody has been given"],
  ])("%s is %s", (address, what) => {
    expect(explainUnfitAddress(address)).toBe(what);
  });

  it.each([
    ["::ffff:127.0.0.1"],
    ["::ffff:7f00:1"],
    ["::ffff:0:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["64:ff9b::10.0.0.1"],
    ["2002:7f00:1::"],
    ["2002:c0a8:101::1"],
  ])("%s is judged by the IPv4 address that it carries", (address) => {
    expect(explainUnfitAddress(address)).toMatch(/loopback|private/);
  });

  it.each([
    ["0127.0.0.1"],
    ["127.1"],
    ["2130706433"],
    ["0x7f.0.0.1"],
    ["1.2.3.4.5"],
    ["fe80::1%eth0"],
    [""],
    ["a"],
    [":::"],
  ])("%j is no address", (text) => {
    expect(explainUnfitAddress(text)).toBe("no IP address");
  });
});

describe("a public address is fit", () => {
  it.each([
    ["8.8.8.8"],
    ["172.32.0.1"],
    ["172.15.0.1"],
    ["100.128.0.1"],
    ["223.255.255.255"],
    ["2a00:1450:400c::1a"],
    ["64:ff9b::8.8.8.8"],
    ["::ffff:8.8.8.8"],
  ])("%s", (address) => {
    expect(explainUnfitAddress(address)).toBeNull();
  });
});

it("agrees with Node about which addresses are private", () => {
  const inside = new BlockList();
  for (const [network, bits] of [
    ["10.0.0.0", 8],
    ["172.16.0.0", 12],
    ["192.168.0.0", 16],
    ["127.0.0.0", 8],
  ] as const)
    inside.addSubnet(network, bits);
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      if (inside.check(address)) expect(explainUnfitAddress(address)).not.toBeNull();
    }),
    { numRuns: 2000 },
  );
});

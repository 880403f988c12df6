/** IP addresses and endpoints are read strictly, or not at all. */
import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSameAddress, readEndpoint, readIpAddress } from "./ip-address.ts";

describe("reading addresses", () => {
  it("agrees with Node about what is an address", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom(..."0123456789abcf.:") })),
        (text) => {
          expect(readIpAddress(text) !== null).toBe(isIP(text) !== 0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("knows one address in two notations", () => {
    expect(isSameAddress("2001:DB8:0:0::1", "2001:db8::1")).toBe(true);
    expect(isSameAddress("::ffff:192.0.2.1", "192.0.2.1")).toBe(true);
    expect(isSameAddress("192.0.2.1", "192.0.2.2")).toBe(false);
    expect(isSameAddress("nonsense", "nonsense")).toBe(false);
  });
});

describe("reading endpoints", () => {
  it.each([
    ["192.0.2.53", { address: "192.0.2.53", port: 53 }],
    ["127.0.0.1:5353", { address: "127.0.0.1", port: 5353 }],
    ["2001:db8::53", { address: "2001:db8::53", port: 53 }],
    ["[2001:db8::53]:5353", { address: "2001:db8::53", port: 5353 }],
  ])("%s, with or without a port", (text, endpoint) => {
    expect(readEndpoint(text, 53)).toEqual(endpoint);
  });

  it.each([["dns.example"], ["192.0.2.53:99999"], ["192.0.2"], ["192.0.2.53:"], ["[192.0.2.53"], [""]])(
    "%j is none",
    (text) => {
      expect(readEndpoint(text, 53)).toBeNull();
    },
  );
});

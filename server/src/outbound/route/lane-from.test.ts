/** An address makes a lane of its own with each provider, and reaches only servers of its kind. */
import { describe, expect, it } from "vitest";
import { canReach, laneFrom } from "./lane-from.ts";

const own = { address: "192.0.2.10", heloName: "out.example.com" };
const reach = (ipv4: boolean, ipv6: boolean) => ({ servers: "10 mx.example.org", ipv4, ipv6 });

describe("an address of ours", () => {
  it("is named in its lane, and goes along with it", () => {
    expect(laneFrom(own, "google")).toMatchObject({ key: "mx:192.0.2.10:google", provider: "google", from: own });
  });

  it("reaches servers of its kind, and of both kinds where it has a pair", () => {
    expect([canReach(own, reach(true, false)), canReach(own, reach(false, true))]).toEqual([true, false]);
    expect(canReach({ ...own, ipv6: "2001:db8::10" }, reach(false, true))).toBe(true);
    expect(canReach({ ...own, address: "2001:db8::10" }, reach(true, false))).toBe(false);
  });
});

/** A mail leaves by an address that is fit for it, the same one each time, and by nobody else's. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AddressRoom, chooseAddress, type MailToPlace } from "./choose-address.ts";

const address = (last: number, more: Partial<AddressRoom> = {}): AddressRoom => ({
  address: `192.0.2.${String(last)}`,
  heloName: `out${String(last)}.example.com`,
  state: "active",
  orgId: 1,
  room: null,
  ...more,
});
const mail = (more: Partial<MailToPlace> = {}): MailToPlace => ({
  orgId: 1,
  domain: "example.org",
  deliveryId: 1,
  triedBy: null,
  mayOverflow: false,
  ...more,
});
const chosen = (of: MailToPlace, addresses: readonly AddressRoom[]): string => {
  const choice = chooseAddress(of, addresses);
  return choice.kind === "address" ? choice.address.address : choice.because;
};

describe("chooseAddress", () => {
  it("spreads mails evenly over the active addresses", () => {
    const addresses = [10, 11, 12, 13].map((last) => address(last));
    const counts = new Map<string, number>();
    for (let deliveryId = 0; deliveryId < 4000; deliveryId++) {
      const to = chosen(mail({ deliveryId }), addresses);
      counts.set(to, (counts.get(to) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(count).toBeGreaterThan(850);
    expect(counts.size).toBe(4);
  });

  it("sends a retry by the address of the first try, also when that is retiring by now or has used up nothing of its own", () => {
    const addresses = [address(10), address(11), address(12, { state: "retiring" })];
    expect(chosen(mail({ triedBy: "192.0.2.12" }), addresses)).toBe("192.0.2.12");
    for (const triedBy of ["192.0.2.10", "192.0.2.11"]) expect(chosen(mail({ triedBy }), addresses)).toBe(triedBy);
  });

  it("begins nothing by an address that retires or is only planned", () => {
    const addresses = [address(10, { state: "planned" }), address(11, { state: "retiring" })];
    expect(chosen(mail(), addresses)).toBe("no-address");
    expect(chosen(mail({ triedBy: "192.0.2.10" }), [address(10, { state: "planned" }), address(11)])).toBe(
      "192.0.2.11",
    );
  });

  it("takes a warming address up to its ceiling, then the active ones, and waits where there are none", () => {
    const warming = (room: number) => address(20, { state: "warming", room });
    expect(chosen(mail(), [warming(1)])).toBe("192.0.2.20");
    expect(chosen(mail(), [warming(0), address(10)])).toBe("192.0.2.10");
    expect(chosen(mail(), [warming(0)])).toBe("warming-up");
    expect(chosen(mail({ triedBy: "192.0.2.20" }), [warming(0), address(10)])).toBe("warming-up");
  });

  it("overflows to the shared addresses only where the organisation allows it", () => {
    const addresses = [address(20, { state: "warming", room: 0 }), address(90, { orgId: null })];
    expect(chosen(mail(), addresses)).toBe("warming-up");
    expect(chosen(mail({ mayOverflow: true }), addresses)).toBe("192.0.2.90");
    expect(chosen(mail({ triedBy: "192.0.2.90" }), addresses)).toBe("192.0.2.90");
  });

  it("gives the shared addresses to those who have none of their own, and nobody another's", () => {
    const addresses = [address(10, { orgId: 2 }), address(90, { orgId: null })];
    expect(chosen(mail(), addresses)).toBe("192.0.2.90");
    expect(chosen(mail({ triedBy: "192.0.2.10" }), addresses)).toBe("192.0.2.90");
    expect(chosen(mail(), [address(10, { orgId: 2 })])).toBe("no-address");
    const planned = [address(11, { state: "planned" }), address(90, { orgId: null })];
    expect(chosen(mail(), planned)).toBe("192.0.2.90");
  });

  const anyAddress = fc.record({
    last: fc.nat(30),
    state: fc.constantFrom("planned", "warming", "active", "retiring"),
    orgId: fc.constantFrom(1, 2, null),
    room: fc.constantFrom(null, 0, 5),
  });
  const addresses = fc
    .uniqueArray(anyAddress, { selector: ({ last }) => last, maxLength: 8 })
    .map((list) => list.map(({ last, ...more }) => address(last, more as Partial<AddressRoom>)));
  const mails = fc.record({
    deliveryId: fc.nat(),
    mayOverflow: fc.boolean(),
    triedBy: fc.option(fc.nat(30).map((last) => `192.0.2.${String(last)}`)),
  });

  it("never takes what is planned, full, or another's; and the order of the addresses does not matter", () => {
    fc.assert(
      fc.property(addresses, mails, (list, more) => {
        const to = chooseAddress(mail(more), list);
        expect(chooseAddress(mail(more), list.toReversed())).toEqual(to);
        if (to.kind === "wait") return;
        const taken = list.find((each) => each.address === to.address.address)!;
        expect(taken.state).not.toBe("planned");
        expect(taken.orgId).not.toBe(2);
        if (taken.state === "warming") expect(taken.room).not.toBe(0);
        if (taken.state === "retiring") expect(taken.address).toBe(more.triedBy);
      }),
    );
  });

  it("moves only the mails that must move when an address comes or goes", () => {
    const before = [10, 11, 12].map((last) => address(last));
    const after = [...before, address(13)];
    const moved = Array.from({ length: 300 }, (_, deliveryId) => {
      const [old, now] = [before, after].map((list) => chosen(mail({ deliveryId }), list));
      return old === now ? "stayed" : now;
    });
    expect(new Set(moved)).toEqual(new Set(["stayed", "192.0.2.13"]));
  });
});

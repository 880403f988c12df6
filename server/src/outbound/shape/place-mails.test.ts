/** A batch fills addresses up to their room and no further, and what is full is left alone. */
import { describe, expect, it } from "vitest";
import type { AddressRoom } from "./choose-address.ts";
import { placeMails } from "./place-mails.ts";

const address = (last: number, room: number | null): AddressRoom => ({
  address: `192.0.2.${String(last)}`,
  heloName: "out.example.com",
  state: room === null ? "active" : "warming",
  orgId: null,
  room,
});
const mails = (count: number, addresses: readonly AddressRoom[], provider = "google") =>
  Array.from({ length: count }, (_, deliveryId) => ({
    orgId: 1,
    domain: "example.org",
    deliveryId,
    triedBy: null,
    mayOverflow: false,
    provider,
    addresses,
  }));
const tally = (choices: ReturnType<typeof placeMails>) =>
  Object.fromEntries(
    Map.groupBy(choices, (choice) => (choice.kind === "address" ? choice.address.address : choice.because))
      .entries()
      .map(([key, group]) => [key, group.length]),
  );

describe("placeMails", () => {
  it("fills what is warming up and lets the rest wait", () => {
    const addresses = [address(1, 10), address(2, 20)];
    expect(tally(placeMails(mails(50, addresses), new Set()))).toEqual({
      "192.0.2.1": 10,
      "192.0.2.2": 20,
      "warming-up": 20,
    });
  });

  it("counts each provider for itself", () => {
    const addresses = [address(1, 10)];
    const both = [...mails(15, addresses), ...mails(15, addresses, "yahoo")];
    expect(tally(placeMails(both, new Set()))).toEqual({ "192.0.2.1": 20, "warming-up": 10 });
  });

  it("leaves alone what has turned out to be full", () => {
    const choices = placeMails(mails(50, [address(1, 10), address(2, null)]), new Set(["192.0.2.1 google"]));
    expect(tally(choices)).toEqual({ "192.0.2.2": 50 });
  });
});

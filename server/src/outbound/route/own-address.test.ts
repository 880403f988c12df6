/** Which of our addresses writes to a domain. */
import { expect, it } from "vitest";
import { pickOwnAddress } from "./own-address.ts";

const own = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ address: `192.0.2.${String(index)}`, heloName: "mail.example.com" }));
const domains = Array.from({ length: 1000 }, (_, index) => `d${String(index)}.example`);

it("is the same every time, whatever their order", () => {
  for (const domain of domains)
    expect(pickOwnAddress(own(4).toReversed(), domain)).toEqual(pickOwnAddress(own(4), domain));
});

it("is each of them about equally often", () => {
  const counts = Map.groupBy(domains, (domain) => pickOwnAddress(own(4), domain).address);
  for (const { length } of counts.values()) expect(length).toBeGreaterThan(180);
  expect(counts.size).toBe(4);
});

it("stays for all domains but those that a new one takes", () => {
  const moved = domains.filter(
    (domain) => pickOwnAddress(own(4), domain).address !== pickOwnAddress(own(5), domain).address,
  );
  expect(moved.every((domain) => pickOwnAddress(own(5), domain).address === "192.0.2.4")).toBe(true);
  expect(moved.length).toBeLessThan(300);
});

it("cannot be none", () => {
  expect(() => pickOwnAddress([], "a.example")).toThrow("no address");
});

/** Which failures may put a brake on, and which name us. */
import { expect, it } from "vitest";
import { blamesUs, causesBlamingUs, sortFailure } from "./sort-failure.ts";
import { tallyFailures } from "./tally-failures.ts";

it("leaves alone what is tried again, whatever the other side calls it", () => {
  expect(sortFailure("mailbox-full", true)).toBe(null);
  expect(sortFailure("policy-rejected", false)).toBe(null);
  expect(sortFailure("recipient-unknown", null)).toBe(null);
});

it("sorts by the flag that the failure raises", () => {
  expect(sortFailure("recipient-unknown", true)).toBe("unknown");
  expect(sortFailure("unclassified", true)).toBe("unknown");
  expect(sortFailure("content-rejected", true)).toBe("refused");
  expect(sortFailure("authentication-failed", true)).toBe("refused");
});

it("believes the rule before the cause about whose fault it is", () => {
  expect(causesBlamingUs).toEqual(["reputation-blocked", "authentication-failed"]);
  expect(blamesUs("reputation-blocked", null)).toBe(true);
  expect(blamesUs("policy-rejected", "status.x.7.1")).toBe(false);
  expect(blamesUs("policy-rejected", "status.x.1.8")).toBe(true);
});

it("adds up live and late failures apart, and counts the domains that name us", () => {
  const group = { rule: null, late: false, texts: [] };
  const tally = tallyFailures([
    { ...group, domain: "one.example", cause: "reputation-blocked", count: 2 },
    { ...group, domain: "two.example", cause: "authentication-failed", count: 1 },
    { ...group, domain: "three.example", cause: "reputation-blocked", count: 0 },
    { ...group, domain: "two.example", cause: "recipient-unknown", count: 4, late: true },
  ]);
  expect(tally).toEqual({
    unknown: { live: 0, late: 4 },
    refused: { live: 3, late: 0 },
    blamingUs: 3,
    domainsBlamingUs: 2,
  });
});

/** Waits named in refusals are read; numbers that are no waits are left alone. */
import { expect, it } from "vitest";
import { readDelayHint } from "./delay-hint.ts";

it.each([
  ["450 4.2.0 Greylisted, please try again in 300 seconds", 300_000],
  ["451 Greylisting in action, please come back in 00:04:58", 298_000],
  ["450 4.7.1 Try again after 5 minutes", 300_000],
  ["421 wait 1 hour", 3_600_000],
])("reads the wait in %s", (text, waitMs) => {
  expect(readDelayHint(text)).toBe(waitMs);
});

it.each(["550 5.1.1 No such user here", "452 4.2.2 Over quota, 104857600 bytes used", "450 try again later", ""])(
  "finds no wait in %s",
  (text) => {
    expect(readDelayHint(text)).toBeNull();
  },
);

/** Tokens are stable, apart from one another, and fit wherever they are put. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { deriveToken, writeMessageId } from "./tokens.ts";

const secret = Buffer.alloc(32, 0x61);

test("the same delivery always gets the same token, in this release and the next", () => {
  expect(deriveToken(secret, "survey-link", 3, 4711)).toBe("ku2xuxpnhto7arw2blzvs2qbyb5kijrt");
});

test("any token is 32 letters and digits, and no other purpose, organisation or delivery shares it", () => {
  const purpose = fc.constantFrom("survey-link", "message-id", "unsubscribe", "survey-linkk");
  const input = fc.tuple(purpose, fc.integer({ min: 0, max: 0xffff_ffff }), fc.maxSafeNat());
  fc.assert(
    fc.property(input, input, (one, other) => {
      const token = deriveToken(secret, ...one);
      expect(token).toMatch(/^[a-z2-7]{32}$/);
      expect(deriveToken(secret, ...other) === token).toBe(one.join() === other.join());
      expect(deriveToken(Buffer.alloc(32, 0x62), ...one)).not.toBe(token);
    }),
  );
});

test("a Message-ID is the token at our domain", () => {
  expect(writeMessageId("abc234", "example.com")).toBe("<abc234@example.com>");
});

test("what cannot be right throws", () => {
  expect(() => deriveToken(Buffer.from("short"), "survey-link", 1, 1)).toThrow(RangeError);
  expect(() => deriveToken(secret, "survey\0link", 1, 1)).toThrow(RangeError);
  expect(() => deriveToken(secret, "survey-link", -1, 1)).toThrow(RangeError);
  expect(() => deriveToken(secret, "survey-link", 1, 1.5)).toThrow(RangeError);
  expect(() => writeMessageId("a>b", "example.com")).toThrow("Message-ID");
  expect(() => writeMessageId("ab", "example.com>\r\nBcc: x")).toThrow("Message-ID");
});

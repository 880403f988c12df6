/** The test vectors of RFC 4648 §10, and one spelling per value. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readBase32, writeBase32 } from "./base32.ts";

test.each([
  ["", ""],
  ["f", "my"],
  ["fo", "mzxq"],
  ["foo", "mzxw6"],
  ["foob", "mzxw6yq"],
  ["fooba", "mzxw6ytb"],
  ["foobar", "mzxw6ytboi"],
])("%j is %j", (plain, encoded) => {
  expect(writeBase32(Buffer.from(plain))).toBe(encoded);
  expect(readBase32(encoded)?.toString()).toBe(plain);
});

test("any bytes come back, in upper case too", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(readBase32(writeBase32(bytes))).toEqual(Buffer.from(bytes));
      expect(readBase32(writeBase32(bytes).toUpperCase())).toEqual(Buffer.from(bytes));
    }),
  );
});

test("what reads at all is written the same way again", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."abcz2701=K"), maxLength: 12 }), (text) => {
      const bytes = readBase32(text);
      expect(bytes ? writeBase32(bytes) : text.toLowerCase()).toBe(text.toLowerCase());
    }),
  );
});

test.each(["m", "mz", "a1", "my======", "é", "mzx"])("%j is not base32", (text) => {
  expect(readBase32(text)).toBeUndefined();
});

/** What a greeting calls people by. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { firstNameOf } from "./first-name.ts";

test.each([
  ["Ana Silva", "Ana"],
  ["  Ana   Silva ", "Ana"],
  ["Silva, Ana Maria", "Ana"],
  ["Silva,", "Silva"],
  ["Dr. Ana Silva", "Ana"],
  ["Prof. Dr. Ana Silva", "Ana"],
  ["Jean-Luc O’Neill", "Jean-Luc"],
  ["Zoë", "Zoë"],
  ["Dr.", "Dr."],
  ["ليلى حداد", "ليلى"],
  ["山田太郎", "山田太郎"],
  ["", ""],
  [" , ", ""],
])("%j is called %j", (name, first) => {
  expect(firstNameOf(name)).toBe(first);
});

test("whoever has a name is called by a part of it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (name) => {
      expect(name).toContain(firstNameOf(name));
    }),
  );
});

/** What the encoder promises of every line it writes, and that its text comes back whole. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { writeQuotedPrintable } from "./quoted-printable.ts";

function decode(encoded: string): string {
  const joined = encoded.replaceAll("=\r\n", "");
  const bytes = joined.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300, size: "max" }),
  fc.string({ unit: "binary", maxLength: 200, size: "max" }),
  fc.string({
    unit: fc.constantFrom(".", "From ", "F", " ", "  ", "\t", "\n", "\r\n", "\r", "=", "é", "💌", "word", "-", "\0"),
    maxLength: 120,
    size: "max",
  }),
);

test.each([
  ["plain words stay as they are", "Hello Ana", "Hello Ana"],
  ["other characters are encoded byte by byte", "é=", "=C3=A9=3D"],
  ["a leading dot is encoded", ".\n..x", "=2E\r\n=2E.x"],
  ["a leading From is encoded", "From here\nFromage", "=46rom here\r\nFromage"],
  ["a blank at the end of a line is encoded", "a \nb ", "a=20\r\nb=20"],
  ["of two blanks the second is encoded", "a  b", "a =20b"],
  ["tabs are encoded", "\ta", "=09a"],
  ["every line break becomes CRLF", "a\rb\nc\r\nd", "a\r\nb\r\nc\r\nd"],
  ["a long line is broken softly at 76", "x".repeat(80), `${"x".repeat(75)}=\r\n${"x".repeat(5)}`],
  ["a dot that a soft break moves to a line's start is encoded", `${"x".repeat(75)}.`, `${"x".repeat(75)}=\r\n=2E`],
  ["empty text is empty", "", ""],
])("%s", (_, plain, encoded) => {
  expect(writeQuotedPrintable(plain)).toBe(encoded);
});

test("any text comes back, with its line breaks as CRLF", () => {
  fc.assert(
    fc.property(text, (plain) => {
      expect(decode(writeQuotedPrintable(plain))).toBe(plain.toWellFormed().replaceAll(/\r\n|\r|\n/g, "\r\n"));
    }),
  );
});

test("no line of any text is long, ends in a blank, begins with a dot or From, or holds what DKIM would rewrite", () => {
  fc.assert(
    fc.property(text, (plain) => {
      for (const line of writeQuotedPrintable(plain).split("\r\n")) {
        expect(line).toMatch(/^[ -~]{0,76}$/);
        expect(line).not.toMatch(/ $|^\.|^From | {2}/);
      }
    }),
  );
});

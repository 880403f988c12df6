/** Each thing that two servers could read differently is found, wherever in the message it stands. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkWire } from "./check-wire.ts";

test.each([
  ["a\r\nb\r\n", { ok: true, value: 2 }],
  ["\r\n", { ok: true, value: 1 }],
  [`${"x".repeat(998)}\r\n`, { ok: true, value: 1 }],
  [`${"x".repeat(999)}\r\n`, { ok: false, error: "long-line" }],
  ["a\n.\nb\r\n", { ok: false, error: "bare-lf" }],
  ["a\r.\r\n", { ok: false, error: "bare-cr" }],
  ["a\r\r\n", { ok: false, error: "bare-cr" }],
  ["a\r\n\nb\r\n", { ok: false, error: "bare-lf" }],
  ["a\0b\r\n", { ok: false, error: "nul" }],
  ["a\r\n.\r\nMAIL FROM:<x@example.net>\r\n", { ok: false, error: "leading-dot" }],
  [".a\r\n", { ok: false, error: "leading-dot" }],
  ["a\r\nb", { ok: false, error: "no-final-crlf" }],
  ["a\r\nb\r", { ok: false, error: "bare-cr" }],
  ["", { ok: false, error: "no-final-crlf" }],
])("%j", (text, result) => {
  expect(checkWire(Buffer.from(text))).toEqual(result);
});

test("it agrees with the plain definition on any bytes", () => {
  const text = fc.string({
    unit: fc.constantFrom("a", ".", "\r\n", "\r\n", "\r", "\n", "\0", "x".repeat(500)),
    maxLength: 20,
  });
  fc.assert(
    fc.property(text, (bytes) => {
      const lines = bytes.split("\r\n");
      const clean =
        lines.length > 1 &&
        lines.at(-1) === "" &&
        lines.every((line) => !/[\r\n\0]|^\./.test(line) && line.length <= 998);
      expect(checkWire(Buffer.from(bytes)).ok).toBe(clean);
    }),
    { numRuns: 2000 },
  );
});

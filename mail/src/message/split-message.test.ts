/** A finished mail is taken apart without loss, or refused with the reason; no bytes make it throw. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { wireBytes } from "./message.ts";
import { splitMessage } from "./split-message.ts";

function split(text: string) {
  return splitMessage(Buffer.from(text));
}

test("fields keep their folds, content fields stand apart, and the body is untouched", () => {
  expect(
    split("From: a@example.com\r\nSubject: one\r\n\ttwo\r\nContent-Type: text/plain\r\n\r\n Body \r\n\r\n"),
  ).toEqual({
    ok: true,
    value: {
      headers: [
        { name: "From", value: "a@example.com" },
        { name: "Subject", value: "one\r\n\ttwo" },
      ],
      contentHeaders: [{ name: "Content-Type", value: "text/plain" }],
      body: Buffer.from(" Body \r\n\r\n"),
    },
  });
});

test("files with other line breaks are read with CRLF", () => {
  const result = split("From: a@example.com\nTo: b@example.com\n\nHi\nyou\n");
  expect(result.ok && wireBytes(result.value).toString()).toBe(
    "From: a@example.com\r\nTo: b@example.com\r\n\r\nHi\r\nyou\r\n",
  );
});

test("a mail of fields alone has an empty body", () => {
  const result = split("From: a@example.com\r\n");
  expect(result.ok && result.value.body.length).toBe(0);
});

test.each([
  ["", "no-fields"],
  ["\r\nBody\r\n", "no-fields"],
  ["no colon here\r\n\r\nBody", "bad-field"],
  [" From: a@example.com\r\n\r\nBody", "bad-field"],
  ["From : a@example.com\r\n\r\nBody", "bad-field"],
  ["X: a\0b\r\n\r\nBody", "bad-field"],
])("%j is refused: %s", (text, problem) => {
  expect(split(text)).toEqual({ ok: false, error: problem });
});

test("a header that is not UTF-8 is refused", () => {
  expect(splitMessage(Buffer.from("Subject: M\xfcller\r\n\r\n", "latin1"))).toEqual({ ok: false, error: "not-utf8" });
});

test("a header of many megabytes is read like any other", () => {
  const huge = { name: "X-Huge", value: "a\r\n b".repeat(2_000_000) };
  expect(split(`X-Huge: ${huge.value}\r\n\r\n`)).toMatchObject({ ok: true, value: { headers: [huge] } });
});

test("any bytes are split or refused, and what was split can be written", () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc
      .string({
        unit: fc.constantFrom("a", "From", ":", " ", "\t", "\r\n", "\n", "\r", "é", "\r\n\r\n"),
        maxLength: 30,
      })
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(bytes, (array) => {
      const result = splitMessage(Buffer.from(array));
      expect(result.ok ? splitMessage(wireBytes(result.value)) : result).toEqual(result);
    }),
    { numRuns: 2000 },
  );
});

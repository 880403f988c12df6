/** Encoded-words stay within their bounds, cut no character, and decode to the text they were given. */
import * as fc from "fast-check";
import { decodeWords } from "postal-mime";
import { expect, test } from "vitest";
import { writeEncodedWords } from "./encoded-word.ts";

test.each([
  ["mostly Latin text as Q", "Müller & Söhne", "=?utf-8?Q?M=C3=BCller_=26_S=C3=B6hne?="],
  ["mostly other text as B", "質問です", "=?utf-8?B?6LOq5ZWP44Gn44GZ?="],
  ["text that looks encoded already", "=?utf-8?Q?x?=", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?="],
])("writes %s", (_, text, expected) => {
  expect(writeEncodedWords(text, 9)).toBe(expected);
});

test("any well-formed text comes back, in words of at most 75 and lines of at most 76, each decodable alone", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 200, size: "max" }),
    fc.string({ minLength: 1, maxLength: 300, size: "max" }),
  );
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 42 }), (plain, column) => {
      const lines = writeEncodedWords(plain, column).split("\r\n ");
      expect(lines.map((line) => decodeAlone(line)).join("")).toBe(plain);
      lines.forEach((line, index) => {
        expect(line).toMatch(/^=\?utf-8\?[QB]\?[!->@-~]*\?=$/);
        expect(line.length).toBeLessThanOrEqual(75);
        expect(line.length + (index === 0 ? column : 1)).toBeLessThanOrEqual(76);
      });
    }),
  );
});

test("an independent reader sees the same text", () => {
  expect(decodeWords(writeEncodedWords("Umfrage für Zoë: 質問 💌 ".repeat(8), 9))).toBe(
    "Umfrage für Zoë: 質問 💌 ".repeat(8),
  );
});

function decodeAlone(word: string): string {
  const [, method, content = ""] = /^=\?utf-8\?([QB])\?(.*)\?=$/.exec(word) ?? [];
  const bytes =
    method === "B"
      ? Buffer.from(content, "base64")
      : Buffer.from(
          content
            .replaceAll("_", " ")
            .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          "latin1",
        );
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** The relaxed forms of RFC 6376 §3.4, by its own examples and by a plain second definition. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { relaxBody, relaxHeader } from "./canonical-form.ts";

test("the example of RFC 6376 §3.4.5", () => {
  expect(relaxHeader({ name: "A", value: "X" })).toBe("a:X");
  expect(relaxHeader({ name: "B", value: " Y\t\r\n\tZ  " })).toBe("b:Y Z");
  expect(relaxBody(Buffer.from(" C \r\nD \t E\r\n\r\n\r\n")).toString()).toBe(" C\r\nD E\r\n");
});

test.each([
  ["", ""],
  ["\r\n", ""],
  ["\r\n\r\n", ""],
  [" \t\r\n \r\n", ""],
  ["a", "a\r\n"],
  ["a \t", "a\r\n"],
  ["a\r\n", "a\r\n"],
  ["a\r\n\r\n", "a\r\n"],
  ["a\r\n \t\r\n", "a\r\n"],
  ["\r\n\r\na\r\n", "\r\n\r\na\r\n"],
  ["a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"],
  ["a\t \tb\r\n", "a b\r\n"],
  ["\ta\r\n", " a\r\n"],
])("the body %j becomes %j", (body, relaxed) => {
  expect(relaxBody(Buffer.from(body)).toString()).toBe(relaxed);
});

test("any body of lines has the form that the plain definition gives, and a relaxed body is used as it is", () => {
  const body = fc.string({
    unit: fc.constantFrom("a", "é", " ", " ", "\t", "\r\n", "\r\n", "."),
    maxLength: 40,
    size: "max",
  });
  fc.assert(
    fc.property(body, (text) => {
      const relaxed = relaxBody(Buffer.from(text));
      expect(relaxed.toString()).toBe(plainly(text));
      expect(relaxBody(relaxed)).toBe(relaxed);
    }),
    { numRuns: 5000 },
  );
});

test("any field has the form that the plain definition gives", () => {
  const value = fc.string({
    unit: fc.constantFrom("a", "é", " ", "\t", "\r\n ", "\r\n\t", "\u00a0"),
    maxLength: 30,
    size: "max",
  });
  fc.assert(
    fc.property(value, (text) => {
      const plain = text
        .replaceAll("\r\n", "")
        .split(/[ \t]+/)
        .filter(Boolean)
        .join(" ");
      expect(relaxHeader({ name: "Subject", value: text })).toBe(`subject:${plain}`);
    }),
  );
});

function plainly(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replaceAll(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
}

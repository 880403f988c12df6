/** Content-Type fields are read with their parameters, well or badly written. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readContentType } from "./content-type.ts";

const read = (value: string): unknown => {
  const { type, parameters } = readContentType(value);
  return [type, Object.fromEntries(parameters)];
};

test.each([
  ['Text/PLAIN; Charset="utf-8"', ["text/plain", { charset: "utf-8" }]],
  ["multipart/mixed;\r\n\tboundary=a=b", ["multipart/mixed", { boundary: "a=b" }]],
  ['a/b; name="a\\"b;c"; x=1', ["a/b", { name: 'a"b;c', x: "1" }]],
  ['text/plain; charset = "UTF-8"', ["text/plain", { charset: "UTF-8" }]],
  ["a/b; filename*0*=utf-8''gr%C3%BC; filename*1=n.txt", ["a/b", { filename: "grün.txt" }]],
  ["a/b; x=1; x=2", ["a/b", { x: "1" }]],
  ["", ["", {}]],
])("%j is read", (value, expected) => {
  expect(read(value)).toEqual(expected);
});

test("any text is read without a throw, and soon", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (value) => typeof readContentType(value).type === "string"));
  const start = performance.now();
  readContentType(`a/b${'; x="'.repeat(20_000)}`);
  expect(performance.now() - start).toBeLessThan(1000);
});

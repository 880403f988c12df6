/** Bytes in old and odd charsets become text, and unknown ones stay readable. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCharset } from "./charset.ts";

const bytes = (latin1: string): Buffer => Buffer.from(latin1, "latin1");

test.each([
  ["gr\xfc\xdfe", "iso-8859-1", "grüße"],
  ["gr\xc3\xbc\xc3\x9fe", "UTF-8", "grüße"],
  ["\x1b$B$3$s\x1b(B", "ISO-2022-JP", "こん"],
  ["\xf0\xe5", "cp1251", "ре"],
  ["Z&AOk-", "utf-8", "Z&AOk-"],
  ["Hi Mom +Jjo-!", "unicode-1-1-utf-7", "Hi Mom ☺!"],
  ["1 +- 1", "utf-7", "1 + 1"],
])("%j in %s is %s", (raw, charset, text) => {
  expect(decodeCharset(bytes(raw), charset)).toBe(text);
});

test("an unknown or missing name: UTF-8 where the bytes are that, else Windows-1252", () => {
  expect(decodeCharset(bytes("gr\xc3\xbc\xc3\x9fe"), "x-nobody-knows")).toBe("grüße");
  expect(decodeCharset(bytes("gr\xfc\xdfe \x80"), "us-ascii")).toBe("grüße €");
});

test("any bytes under any name become well-formed text", () => {
  const name = fc.oneof(fc.string(), fc.constantFrom("utf-7", "utf-16", "iso-2022-jp", "gbk", "euc-kr", "utf-8"));
  fc.assert(
    fc.property(fc.uint8Array(), name, (array, charset) => {
      expect(decodeCharset(Buffer.from(array), charset).isWellFormed()).toBe(true);
    }),
  );
});

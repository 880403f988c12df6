/** Header fields of strangers are read leniently: encoded words, mailboxes, message ids, dates. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { writeEncodedWords } from "./encode/encoded-word.ts";
import { readHeaderText, readMailboxes, readMessageIds } from "./header-read.ts";

describe("encoded words", () => {
  test.each([
    ["=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"],
    ["Re: =?utf-8?b?R3LDvMOfZQ==?= an alle", "Re: Grüße an alle"],
    ["=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"],
    ["=?utf-8?q?=C3?= =?utf-8?q?=BC?=", "ü"],
    ["=?utf-8*en?Q?a_b?=", "a b"],
    ["=?utf-8?x?no?= =? ?=", "=?utf-8?x?no?= =? ?="],
    ["plain\r\n\tfolded", "plain folded"],
  ])("%j reads %j", (value, text) => {
    expect(readHeaderText(value)).toBe(text);
  });

  test("what our writer writes is read back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
        fc.pre(text.trim() === text && !/[\r\n]/.test(text));
        expect(readHeaderText(writeEncodedWords(text, 9))).toBe(text);
      }),
    );
  });
});

describe("mailboxes", () => {
  test.each([
    ["a@example.com", [["", "a@example.com"]]],
    [
      '"Doe, Jane" <jane@example.com>, b@example.org',
      [
        ["Doe, Jane", "jane@example.com"],
        ["", "b@example.org"],
      ],
    ],
    ["MAILER-DAEMON@example.com (Mail Delivery System)", [["", "MAILER-DAEMON@example.com"]]],
    ["=?utf-8?q?J=C3=BCrgen?= <j@example.com>", [["Jürgen", "j@example.com"]]],
    [
      "Team: a@example.com, b@example.com;",
      [
        ["", "a@example.com"],
        ["", "b@example.com"],
      ],
    ],
    ["undisclosed-recipients:;", []],
    ["<>", []],
    ['"never closed <x@example.com', [["never closed", "x@example.com"]]],
  ])("%j", (value, expected) => {
    expect(readMailboxes(value).map(({ name, address }) => [name, address])).toEqual(expected);
  });
});

test("message ids keep their brackets, a bare one gets them", () => {
  expect(readMessageIds("<a@x.example>\r\n <b@x.example>")).toEqual(["<a@x.example>", "<b@x.example>"]);
  expect(readMessageIds("a@x.example")).toEqual(["<a@x.example>"]);
  expect(readMessageIds("no id here")).toEqual([]);
});

test("no header text makes a reader throw or take long", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      expect(readHeaderText(value)).toBeTypeOf("string");
      expect(readMailboxes(value)).toBeInstanceOf(Array);
      expect(readMessageIds(value)).toBeInstanceOf(Array);
    }),
  );
  const start = performance.now();
  for (const piece of ["=?utf-8?q?", "<", "(", '"', "=?a?b?=", "a@b,"]) {
    readHeaderText(piece.repeat(30_000));
    readMailboxes(piece.repeat(30_000));
    readMessageIds(piece.repeat(30_000));
  }
  expect(performance.now() - start).toBeLessThan(5000);
});

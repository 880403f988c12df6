/** Header fields hold what was meant and nothing else, whatever people type into names and subjects. */
import * as fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, test } from "vitest";
import { readAddress, type Address } from "./address.ts";
import {
  isWritable,
  textProblem,
  writeDate,
  writeListId,
  writeListUnsubscribe,
  writeMailbox,
  writeText,
} from "./header.ts";
import type { HeaderField } from "./header.ts";
import type { Result } from "./result.ts";

function value<Value>(result: Result<Value>): Value {
  if (!result.ok) throw new Error(`refused: ${result.error}`);
  return result.value;
}

function address(text: string): Address {
  return value(readAddress(text));
}

async function parse(fields: readonly HeaderField[]) {
  const head = fields.map((field) => `${field.name}: ${field.value}\r\n`).join("");
  return await PostalMime.parse(`${head}\r\nbody\r\n`);
}

describe("text", () => {
  test.each([
    ["plain", "Your survey is open", "Your survey is open"],
    ["beyond ASCII", "Ihre Umfrage für März", "=?utf-8?Q?Ihre_Umfrage_f=C3=BCr_M=C3=A4rz?="],
    ["encoded already", "=?utf-8?Q?x?=", "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?="],
    ["two blanks in a row", "a  b", "=?utf-8?Q?a__b?="],
    ["empty", "", ""],
  ])("%s", (_, text, written) => {
    expect(value(writeText("Subject", text)).value).toBe(written);
  });

  test("long plain text is folded between words, at 76", () => {
    const text = "twelve chars ".repeat(12).trim();
    const lines = `Subject: ${value(writeText("Subject", text)).value}`.split("\r\n");
    expect(lines.length).toBe(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(76);
    expect(lines.join("")).toBe(`Subject: ${text}`);
  });

  test.each([
    ["Eve\r\nBcc: spy@example.net", "line-break"],
    ["Eve\nBcc: spy@example.net", "line-break"],
    ["Eve\rBcc: spy@example.net", "line-break"],
    ["Eve\u2028Bcc", "line-break"],
    ["Eve\0", "control-character"],
    ["a\tb", "control-character"],
    ["a\u001b[0m", "control-character"],
    ["a\u009fb", "control-character"],
    ["a\ud800b", "lone-surrogate"],
  ])("%j is refused: %s", (text, problem) => {
    expect(writeText("Subject", text)).toEqual({ ok: false, error: problem });
    expect(writeMailbox("To", address("ana@example.com"), text)).toEqual({ ok: false, error: problem });
    expect(writeListId("round.example.com", text)).toEqual({ ok: false, error: problem });
  });

  test.each(["", "Bad Name", "Bad:", "X-\r\nBcc", "Ümlaut", "X".repeat(41)])("the field name %j is refused", (name) => {
    expect(writeText(name, "x")).toEqual({ ok: false, error: "bad-name" });
  });
});

describe("mailbox", () => {
  const ana = address("ana@example.com");
  test.each([
    ["", "ana@example.com"],
    ["Ana Example", "Ana Example <ana@example.com>"],
    ["Ana Example via Org, Inc.", '"Ana Example via Org, Inc." <ana@example.com>'],
    ['Ana "Annie" E\\', '"Ana \\"Annie\\" E\\\\" <ana@example.com>'],
    ["ceo@example.org", '"ceo@example.org" <ana@example.com>'],
    ["Zoë", "=?utf-8?Q?Zo=C3=AB?= <ana@example.com>"],
  ])("display name %j", (name, written) => {
    expect(value(writeMailbox("From", ana, name)).value).toBe(written);
  });

  test("an address that no longer fits is put on a line of its own", () => {
    const field = value(
      writeMailbox("From", address(`${"a".repeat(40)}@example.com`), "A Rather Long Display Name Indeed"),
    );
    expect(field.value).toBe(`A Rather Long Display Name Indeed\r\n <${"a".repeat(40)}@example.com>`);
  });
});

describe("date and list fields", () => {
  test("a date is in UTC with +0000", () => {
    expect(writeDate(new Date("2026-11-04T09:05:07Z")).value).toBe("Wed, 04 Nov 2026 09:05:07 +0000");
    expect(() => writeDate(new Date(Number.NaN))).toThrow(RangeError);
  });

  test("List-Unsubscribe keeps its URL on one line and offers one click", () => {
    expect(value(writeListUnsubscribe("https://s.example.com/u/abc?x=1,2"))).toEqual([
      { name: "List-Unsubscribe", value: "<https://s.example.com/u/abc?x=1,2>" },
      { name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click" },
    ]);
  });

  test.each([
    "http://s.example.com/",
    "https://s.example.com/a b",
    "https://s.example.com/>,<mailto:x@example.net",
    "https://s.example.com/é",
    "https://s.example.com/\r\nBcc: x",
    `https://s.example.com/${"x".repeat(900)}`,
  ])("the URL %j is refused", (url) => {
    expect(writeListUnsubscribe(url)).toEqual({ ok: false, error: "bad-url" });
  });

  test("List-Id names the round", () => {
    expect(value(writeListId("round-7.example.com")).value).toBe("<round-7.example.com>");
    expect(writeListId("round>7.example.com")).toEqual({ ok: false, error: "bad-value" });
  });
});

describe("for any text", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200, size: "max" }),
    fc.string({ unit: "grapheme", maxLength: 200, size: "max" }),
    fc.string({
      unit: fc.constantFrom(
        "a",
        "word ",
        " ",
        "=?",
        "?=",
        "utf-8?Q?",
        '"',
        "\\",
        "<",
        ">",
        ",",
        "@",
        ":",
        ";",
        "(",
        ")",
        "é",
        "\r\n",
        "\nBcc: ",
        "\0",
        "💌",
      ),
      maxLength: 60,
      size: "max",
    }),
  );

  test("the fields read back are exactly the fields meant, with exactly the text meant", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (subject, name) => {
        const subjectField = writeText("Subject", subject);
        const toField = writeMailbox("To", address("ana@example.com"), name);
        expect(subjectField.ok).toBe(textProblem(subject) === undefined);
        expect(toField.ok).toBe(textProblem(name) === undefined);
        if (!subjectField.ok || !toField.ok) return;
        const fields = [toField.value, subjectField.value, { name: "X-Last", value: "end" }];
        expect(fields.every(isWritable)).toBe(true);
        const parsed = await parse(fields);
        expect(parsed.headers.map((header) => header.key)).toEqual(["to", "subject", "x-last"]);
        expect(parsed.subject ?? "").toBe(subject);
        expect(parsed.to).toEqual([{ address: "ana@example.com", name }]);
      }),
      { numRuns: 1500 },
    );
  });

  test("no line is longer than 78, and every field is writable", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const field = writeText("Subject", text);
        if (!field.ok) return;
        for (const line of `Subject: ${field.value.value}`.split("\r\n")) expect(line.length).toBeLessThanOrEqual(78);
      }),
    );
  });
});

test.each(["a\r\nBcc: x", "a\nb", "a\r\n \r\n b", "a\r\n", "a\0", "a\r\n\tb\r"])(
  "a hand-made value %j is not writable",
  (value) => {
    expect(isWritable({ name: "X-Made", value })).toBe(false);
  },
);

/** That a mail ends where it ends: its dots doubled, its last line closed, nothing else touched. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { writeBody } from "./body.ts";

function write(text: string) {
  return writeBody(Buffer.from(text, "latin1")).toString("latin1");
}

test("a mail without dots at the start of a line is sent as the very same buffer", () => {
  const mail = Buffer.from("Subject: a.b\r\n\r\nno dots. here\r\n");
  expect(writeBody(mail)).toBe(mail);
});

test.each([
  [".\r\n", "..\r\n"],
  ["a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"],
  ["a\r\n..b\r\n", "a\r\n...b\r\n"],
  [".a\r\n.b\r\n", "..a\r\n..b\r\n"],
  ["a\xff\r\n.b\r\n", "a\xff\r\n..b\r\n"],
  ["no line end", "no line end\r\n"],
  ["a\r\n.", "a\r\n..\r\n"],
])("%j is sent as %j", (mail, sent) => {
  expect(write(mail)).toBe(sent);
});

test.each([
  "a\n.\nb\r\n",
  "a\n.\r\nb\r\n",
  "a\r.\rb\r\n",
  "a\r\r.\r\n",
  "a\nb\r\n",
  "a\rb\r\n",
  "a\0\r\n",
  ".a\r\n.b\nc\r\n",
])("%j could be read in two ways, so it throws", (mail) => {
  expect(() => write(mail)).toThrow("differently");
});

test("an empty mail throws", () => {
  expect(() => write("")).toThrow("empty");
});

test("what is sent never ends before its end, and unstuffing gives the mail back", () => {
  const lines = fc.array(fc.stringMatching(/^[.a]{0,4}$/), { minLength: 1 });
  fc.assert(
    fc.property(lines, (parts) => {
      const mail = `${parts.join("\r\n")}\r\n`;
      const sent = write(mail);
      expect(`\r\n${sent}`).not.toContain("\r\n.\r\n");
      expect(sent.replaceAll(/(?<=^|\r\n)\.\./g, ".")).toBe(mail);
    }),
  );
});

/** A server's own words are taken apart into code, enhanced code and text. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readDiagnostic } from "./diagnostic.ts";

test.each([
  ["550 5.1.1 user unknown", ["550", "5.1.1"]],
  ["550-5.1.1 The account\n550 5.1.1 does not exist", ["550", "5.1.1"]],
  [
    "host mx.example.com[192.0.2.1] said: 421 4.7.0 slow (in reply to MAIL FROM command)",
    ["421", "4.7.0", "mail", "mx.example.com"],
  ],
  ["5.1.0 - Unknown address error 550-'5.2.2 <a@example.com>... Mailbox Full'", ["550", "5.2.2"]],
  ["Remote Server returned '550 5.4.1 Access denied'", ["550", "5.4.1"]],
  ["Sorry, no mailbox here by that name. (#5.1.1)", [null, "5.1.1"]],
  ["550: <a@example.com>: User unknown", ["550"]],
  [
    "SMTP error after RCPT TO:<a@example.com>:\n host mx.example.com [192.0.2.1]: 550 no",
    ["550", null, "rcpt", "mx.example.com"],
  ],
  ["connect to mx.example.com[192.0.2.1]:25: Connection timed out", [null, null, "connect"]],
  ["blocked 4.79.181.168 by version 5.5.2657.72 on port 587 after 500ms", [null, null]],
])("%j", (text, [code = null, enhanced = null, step = null, remoteHost = null]) => {
  expect(readDiagnostic(text)).toEqual({ code, enhanced, step, remoteHost });
});

test("any words are read, and a code is always three digits of a refusal", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const { code, enhanced } = readDiagnostic(text);
      expect(code ?? "400").toMatch(/^[45]\d\d$/);
      expect(enhanced ?? "4.0.0").toMatch(/^[45]\.\d{1,3}\.\d{1,3}$/);
    }),
  );
});

/** SMTP commands are read as the standard writes them, and nothing else is taken for one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readCommand } from "./command.ts";

test("MAIL gives the path and what the sender asks of notices", () => {
  expect(readCommand("MAIL FROM:<b+1@bounce.example.com> SIZE=812 BODY=8BITMIME RET=HDRS ENVID=round+2B7")).toEqual({
    kind: "mail",
    from: "b+1@bounce.example.com",
    sizeBytes: 812,
    smtpUtf8: false,
    returns: "headers",
    envelopeId: "round+7",
  });
  expect(readCommand("mail from:<>")).toMatchObject({ kind: "mail", from: "", sizeBytes: null, returns: null });
});

test("RCPT gives the path, NOTIFY and ORCPT", () => {
  expect(
    readCommand("RCPT TO:<a+slow@acme.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bslow@acme.example"),
  ).toEqual({
    kind: "rcpt",
    to: "a+slow@acme.example",
    notify: ["success", "failure"],
    originalRecipient: "rfc822;a+slow@acme.example",
  });
});

test("an address beyond ASCII needs SMTPUTF8 said with MAIL", () => {
  expect(readCommand("MAIL FROM:<søren@example.com>")).toMatchObject({
    kind: "unreadable",
    reply: expect.stringMatching(/^553/),
  });
  expect(readCommand("MAIL FROM:<søren@example.com> SMTPUTF8")).toMatchObject({ kind: "mail", smtpUtf8: true });
});

test.each([
  ["MAIL FROM: <a@example.com>", 501],
  ["MAIL FROM:<a b@example.com>", 501],
  ["RCPT TO:<>", 501],
  ["RCPT TO:<a@b@example.com>", 501],
  ["RCPT TO:<a@example.com> FOO=1", 555],
  ["MAIL FROM:<a@example.com> AUTH=<>", 555],
  ["BDAT 12 LAST", 500],
  ["DATA now", 501],
  ["EHLO", 501],
  ["", 500],
])("%s is refused with %d", (line, code) => {
  expect(readCommand(line)).toMatchObject({ kind: "unreadable", reply: expect.stringMatching(`^${code} `) });
});

test("every line is read as something, and nothing throws", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const line of [text, `MAIL FROM:<${text}> ${text}`, `RCPT TO:<${text}> NOTIFY=${text}`]) {
        expect(readCommand(line).kind).toBeTypeOf("string");
      }
    }),
  );
});

/** Each sample is recognised for what it is, and a person's mail is never taken for a notice. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { recogniseMail } from "./recognise.ts";
import type { RecognisedMail } from "./recognised.ts";

const samples = new URL("./samples/", import.meta.url);
const sampleNames = readdirSync(samples).filter((name) => name.endsWith(".eml"));

function recognise(mail: string | Buffer): RecognisedMail {
  const recognised = recogniseMail(typeof mail === "string" ? Buffer.from(mail) : mail);
  if (recognised.kind === "unreadable") throw new Error(recognised.reason);
  return recognised;
}
const sample = (name: string): RecognisedMail => recognise(readFileSync(new URL(`${name}.eml`, samples)));

/** Recipient, action, status, reply code, cause, permanent. */
function verdicts(mail: RecognisedMail): unknown[] {
  return mail.recipients.map((one) => [one.recipient, one.action, one.status, one.replyCode, one.cause, one.permanent]);
}

describe("a notice says who failed, how, and why", () => {
  test.each([
    ["postfix-unknown", ["anna.berg@acme.example", "failed", "5.1.1", "550", "recipient-unknown", true]],
    ["postfix-no-report", ["carla@globex.example", "failed", "4.2.0", "450", "greylisted", false]],
    ["exchange-online-denied", ["dan@acme.example", "failed", "5.4.1", "550", "recipient-unknown", true]],
    ["exchange-online-text", ["eve@acme.example", "failed", "5.7.129", "550", "policy-rejected", true]],
    ["exim", ["fay@acme.example", "failed", "5.3.4", "552", "message-too-large", true]],
    ["qmail", ["gil@nowhere.example", "failed", "5.1.2", null, "domain-invalid", true]],
    ["gmail-full", ["hal@acme.example", "failed", "5.2.2", "552", "mailbox-full", true]],
  ])("%s", (name, verdict) => {
    expect([sample(name).kind, verdicts(sample(name))]).toEqual(["bounce", [verdict]]);
  });

  test("of two recipients each has his own cause, and words go before a status that lies", () => {
    expect(verdicts(sample("postfix-two-recipients"))).toEqual([
      ["anna@acme.example", "failed", "5.1.1", "550", "recipient-unknown", true],
      ["bo@acme.example", "failed", "5.1.1", "550", "mailbox-full", true],
    ]);
  });

  test("a delay is not final, a success is", () => {
    const delayed = sample("postfix-delayed");
    expect([delayed.kind, verdicts(delayed)]).toEqual([
      "delayed",
      [["bo@acme.example", "delayed", "4.4.1", null, "network-or-timeout", false]],
    ]);
    expect(delayed.recipients[0]?.final).toBe(false);
    expect(sample("success")).toMatchObject({ kind: "success", recipients: [{ action: "delivered", final: true }] });
  });

  test("the server's own words are kept, and the rule that judged them is named", () => {
    expect(sample("postfix-unknown").recipients[0]).toMatchObject({
      text: "550 5.1.1 <Anna.Berg@acme.example>: Recipient address rejected: User unknown in virtual mailbox table",
      rule: "text.recipient-unknown",
      fault: "address",
      final: true,
    });
  });
});

describe("what ties it to our mail", () => {
  test("is found in returned headers, in a returned message, and in a copy within the text", () => {
    const expected = { messageIds: ["<m7token@example.com>"], ownReference: "b7reference" };
    expect(sample("postfix-unknown").references).toEqual({ ...expected, originalEnvelopeId: "round+7" });
    expect(sample("complaint").references).toMatchObject(expected);
    expect(sample("exchange-online-text").references).toMatchObject(expected);
    expect(sample("exim").references.messageIds).toEqual(["<m7token@example.com>"]);
  });

  test("of a reply it is In-Reply-To and References", () => {
    expect(sample("reply").references.messageIds).toEqual(["<m7token@example.com>", "<m6token@example.com>"]);
  });
});

describe("everything else keeps its own kind", () => {
  test.each([
    ["complaint", "complaint"],
    ["dmarc-failure", "dmarc-failure"],
    ["dmarc-report", "dmarc-report"],
    ["tls-report", "tls-report"],
    ["read-receipt", "read-receipt"],
    ["out-of-office", "auto-reply"],
    ["reply", "reply"],
    ["reply-forwards-bounce", "reply"],
  ])("%s is %s", (name, kind) => {
    expect(sample(name).kind).toBe(kind);
  });

  test("an absence comes with reason, last day and text", () => {
    expect(sample("out-of-office")).toMatchObject({
      autoReply: { reason: "out-of-office", until: "2026-12-04" },
      visibleText: "I am out of the office until 4 December.",
    });
  });

  test("a reply comes with sender, subject, date, hops and what the person wrote", () => {
    expect(sample("reply")).toMatchObject({
      from: { name: "Ida Brück", address: "ida@acme.example" },
      subject: "Re: Your survey is open – question",
      date: new Date("2026-11-24T10:00:00Z"),
      hops: 2,
      visibleText: "Is my answer anonymous?\n\nBest wishes\nIda",
      recipients: [],
    });
  });

  test("a newsletter is no reply, a person on a list is one", () => {
    expect(recognise("From: a@example.com\nSubject: News\nList-Unsubscribe: <https://example.com/u>\n\nHi").kind).toBe(
      "other",
    );
    expect(recognise("From: a@example.com\nSubject: Re: x\nPrecedence: list\n\nHi").kind).toBe("reply");
  });

  test("a postmaster who writes as a person is one, a daemon with nothing to say is nobody", () => {
    expect(
      recognise("Return-Path: <postmaster@example.org>\nFrom: postmaster@example.org\nSubject: Re: allow list\n\nDone.")
        .kind,
    ).toBe("reply");
    expect(recognise("Return-Path: <>\nFrom: x@example.org\nSubject: hello\n\nHi").kind).toBe("other");
  });
});

test("too deep, too many, too large: unreadable with the word for it", () => {
  const deep = Array.from(
    { length: 200 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`,
  ).join("");
  expect(recogniseMail(Buffer.from(deep))).toEqual({ kind: "unreadable", reason: "too-deep" });
  expect(recogniseMail(Buffer.from(`A: ${"b".repeat(300_000)}\n\n`))).toEqual({
    kind: "unreadable",
    reason: "header-too-large",
  });
});

test("a mail of ten megabytes is recognised within a second", () => {
  const line = "<a@example.com>: host mx.example.com said: 550 5.1.1 the user is unknown here, wrote:\n";
  const mail = Buffer.from(`From: MAILER-DAEMON@example.com\nSubject: failure notice\n\n${line.repeat(120_000)}`);
  const start = performance.now();
  expect(recognise(mail).kind).toBe("bounce");
  expect(performance.now() - start).toBeLessThan(1000);
});

test("a mail made to cost time is recognised within a second too", () => {
  const heads = ["From: MAILER-DAEMON@x.example\nSubject: failure notice", "From: a@x.example\nSubject: Re: x"];
  const pieces = [
    "Final-Recipient: rfc822; a@x.example\n",
    "\nFrom: a\nSent: b\nTo: c\n>",
    "On x <a@b> wrote:\n> q\n",
    "your message to ",
    " \n",
    "<a@x.example",
    "550-5.1.1 ",
  ];
  for (const mail of heads.flatMap((head) =>
    pieces.map((piece) => `${head}\n\n${piece.repeat(400_000 / piece.length)}`),
  )) {
    const start = performance.now();
    recognise(mail);
    expect(performance.now() - start).toBeLessThan(1000);
  }
});

test("samples damaged in any way are recognised as something, without a throw", () => {
  const mails = sampleNames.map((name) => readFileSync(new URL(name, samples)));
  const damage = fc.record({
    mail: fc.constantFrom(...mails),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(400),
    put: fc.uint8Array({ maxLength: 20 }),
  });
  fc.assert(
    fc.property(damage, ({ mail, at, cut, put }) => {
      const from = Math.floor(at * mail.length);
      const damaged = Buffer.concat([mail.subarray(0, from), put, mail.subarray(from + cut)]);
      expect(recogniseMail(damaged).kind).toBeTypeOf("string");
    }),
    { numRuns: 300 },
  );
});

test("a human reply with any words in it stays a reply", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.constantFrom(
          "mailbox full",
          "550 5.1.1 User unknown",
          "delivery failed",
          "I",
          "my",
          "\n",
          "undeliverable",
          "<a@example.com>:",
          "out of office",
          "spam",
        ),
        { maxLength: 40 },
      ),
      (words) => {
        const mail = `Return-Path: <ida@acme.example>\nFrom: ida@acme.example\nSubject: Re: survey\n\n${words.join(" ")}`;
        expect(recognise(mail).kind).toBe("reply");
      },
    ),
  );
});

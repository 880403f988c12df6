/** Counts of all mails stay exact while only the newest mails are kept. */
import { expect, test } from "vitest";
import { Arrivals } from "./arrivals.ts";

function arrive(arrivals: Arrivals, to: string, messageId: string, sizeBytes = 10): void {
  arrivals.keep({
    id: arrivals.nextId(),
    receivedAt: new Date(0),
    mail: { kind: "mail", from: "", sizeBytes: null, smtpUtf8: false, returns: null, envelopeId: null },
    rcpt: { kind: "rcpt", to, notify: null, originalRecipient: null },
    persona: "accepts",
    messageId,
    helloName: "mail.example.com",
    remoteAddress: "127.0.0.1",
    tlsVersion: null,
    bytes: Buffer.alloc(sizeBytes),
  });
}

test("counts tell a reminder from a duplicate", () => {
  const arrivals = new Arrivals({ newestMails: 100, newestBytes: 1000 });
  arrive(arrivals, "Anna@acme.example", "<1@example.com>");
  arrive(arrivals, "anna@acme.example", "<2@example.com>");
  arrive(arrivals, "anna@acme.example", "<2@example.com>");
  const counts = arrivals.counts();
  expect(counts).toMatchObject({ kept: 3, recipients: 1, messages: 2 });
  expect(counts.toRecipient("anna@acme.example")).toBe(3);
  expect(counts.ofMessageId("<2@example.com>")).toBe(2);
  expect(counts.ofMessageId("<3@example.com>")).toBe(0);
});

test("only the newest mails are held, by number and by size, while every one is counted", () => {
  const arrivals = new Arrivals({ newestMails: 3, newestBytes: 100 });
  for (let number = 1; number <= 10; number++) arrive(arrivals, `p${number}@acme.example`, `<${number}@example.com>`);
  expect(arrivals.mailbox.list({ skip: 0, take: 10 }).mails.map((mail) => mail.id)).toEqual([10, 9, 8]);
  expect(arrivals.mailbox.find(7)).toBeUndefined();
  arrive(arrivals, "big@acme.example", "<big@example.com>", 95);
  expect(arrivals.mailbox.list({ skip: 0, take: 10 }).mails.map((mail) => mail.id)).toEqual([11]);
  expect(arrivals.counts().kept).toBe(11);
});

test("the mailbox finds by any part of the address and pages", () => {
  const arrivals = new Arrivals({ newestMails: 100, newestBytes: 10_000 });
  for (let number = 1; number <= 9; number++)
    arrive(arrivals, `p${number % 3}@acme.example`, `<${number}@example.com>`);
  const page = arrivals.mailbox.list({ recipient: " P1@ ", skip: 1, take: 1 });
  expect(page.total).toBe(3);
  expect(page.mails.map((mail) => mail.id)).toEqual([4]);
});

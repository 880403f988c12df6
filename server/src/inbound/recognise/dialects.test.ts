/** Notices without a machine part, in the wording of one mail system each: who is named, and why the mail came back. */
import { describe, expect, test } from "vitest";
import { recogniseMail } from "./recognise.ts";

function noticeOf(subject: string, text: string): Buffer {
  return Buffer.from(
    `Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nSubject: ${subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n${text}\n`,
  );
}

describe("a notice names one person and says why", () => {
  test.each([
    [
      "ezweb: what is wrong stands above",
      "The user(s) account is disabled.\n\n<a@example.com>: 550 user unknown (in reply to RCPT TO command)",
      "mailbox-disabled",
    ],
    [
      "Messaging Server",
      "This report relates to a message you sent with the following header fields:\n\n  Subject: Survey\n\nYour message cannot be delivered to the following recipients:\n\n  Recipient address: a@example.com\n  Reason: Illegal host/domain name found",
      "domain-invalid",
    ],
    [
      "James",
      "Hi. This is the James mail server at mx.example.org.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\nFailed recipient(s):\na@example.com\n\nError message:\n550 5.1.1 User unknown",
      "recipient-unknown",
    ],
    [
      "MailMarshal",
      "Could not be delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected:\n    a@example.com",
      "recipient-unknown",
    ],
    ["IMail", "User mailbox exceeds allowed size: a@example.com", "mailbox-full"],
    [
      "SurfControl",
      "Your message could not be sent.\nAddressed To: a@example.com\n\n550 5.1.1 user unknown",
      "recipient-unknown",
    ],
    ["a mobile network", "Could not be delivered to: <a@example.com>\nAs their mailbox is full.", "mailbox-full"],
    [
      "m-FILTER",
      "-------server message\n550 5.1.1 <a@example.com> user unknown\n-------SMTP command\nRCPT TO:<a@example.com>",
      "recipient-unknown",
    ],
    [
      "German",
      "Ihre Nachricht konnte nicht zugestellt werden an a@example.com.\n\nEmpfänger ist unbekannt.",
      "recipient-unknown",
    ],
    [
      "French",
      "Votre message n'a pas pu être remis à a@example.com\n\nLa boîte aux lettres est pleine.",
      "mailbox-full",
    ],
    ["Chinese", "您的邮件被退回\n收件人：a@example.com\n退信原因：用户不存在", "recipient-unknown"],
  ])("%s", (_dialect, text, cause) => {
    const mail = recogniseMail(noticeOf("Undelivered Mail", text));
    expect(mail.kind).toBe("bounce");
    if (mail.kind === "unreadable") return;
    expect(mail.recipients.map((one) => [one.recipient, one.cause])).toEqual([["a@example.com", cause]]);
  });
});

test("a report of a million people is read as one of two hundred", () => {
  const head =
    "From: MAILER-DAEMON@example.org\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n";
  const one = "Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n\n";
  const mail = recogniseMail(Buffer.from(head + one.repeat(100_000)));
  expect(mail.kind === "unreadable" ? [] : mail.recipients).toHaveLength(200);
});

/**
 * Writes the reports a Postfix system sends to the return path: a late bounce, a notice of delay, a notice of success
 * (RFC 3464 §2, in the dress Postfix gives them). Only for mail that has a return path, and not for one that a
 * sender has declined (RFC 3461 §4.1); wantsReport says so.
 */
import type { ReceivedMail } from "../arrivals.ts";
import {
  hostOf,
  type Notice,
  type NoticeFacts,
  returnsOf,
  writeDateTime,
  writeReport,
  writeTypedAddress,
} from "./report.ts";

export type ReportAction = "failed" | "delayed" | "delivered";

/** What each report says, for people and for machines. */
const WORDS = {
  failed: {
    subject: "Undelivered Mail Returned to Sender",
    status: "5.1.1",
    sentence:
      "Your message was taken, but it could not be put into the mailbox named below. It will not be tried again.",
    reply: "550 5.1.1",
    reason: "User unknown",
  },
  delayed: {
    subject: "Delayed Mail (still being retried)",
    status: "4.4.1",
    sentence:
      "Your message is still waiting here. There is nothing you need to do: it is tried again until it is delivered.",
    reply: "451 4.4.1",
    reason: "Connection timed out while talking to the mailbox server",
  },
  delivered: {
    subject: "Successful Mail Delivery Report",
    status: "2.0.0",
    sentence: "Your message was put into the mailbox named below, and you asked to be told.",
    reply: "250 2.0.0",
    reason: "Delivered to mailbox",
  },
} as const satisfies Record<ReportAction, Record<string, string>>;

/** Did the sender leave room for this report (RFC 3461 §4.1)? Without a word, failures and delays are reported. */
export function wantsReport(received: ReceivedMail, action: ReportAction): boolean {
  const { notify } = received.rcpt;
  if (received.mail.from === "") return false;
  const keyword = ({ failed: "failure", delayed: "delay", delivered: "success" } as const)[action];
  return notify === null ? action !== "delivered" : notify.includes(keyword);
}

export function writeDeliveryReport(facts: NoticeFacts, action: ReportAction): Notice {
  const { received, now, token } = facts;
  const host = hostOf(received);
  const words = WORDS[action];
  const { mail, rcpt } = received;
  const bytes = writeReport(
    {
      fields: [
        `Received: by ${host} (Postfix) id ${token}; ${writeDateTime(now)}`,
        `Date: ${writeDateTime(now)}`,
        `From: MAILER-DAEMON@${host} (Mail Delivery System)`,
        `Subject: ${words.subject}`,
        `To: ${mail.from}`,
        "Auto-Submitted: auto-replied",
        `Message-ID: <${token}@${host}>`,
      ],
      boundary: `${token}/${host}`,
      humanPart: [
        "Content-Description: Notification",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        `This report comes from the mail system at ${host}.`,
        "",
        words.sentence,
        "",
        `<${rcpt.to}>: ${words.reply} <${rcpt.to}>: ${words.reason}`,
      ],
      messageFields: [
        ...(mail.envelopeId === null ? [] : [`Original-Envelope-Id: ${mail.envelopeId}`]),
        `Reporting-MTA: dns; ${host}`,
        `X-Postfix-Queue-ID: ${token}`,
        `X-Postfix-Sender: ${writeTypedAddress(mail.from)}`,
        `Arrival-Date: ${writeDateTime(received.receivedAt)}`,
      ],
      recipientFields: [
        `Final-Recipient: ${writeTypedAddress(rcpt.to)}`,
        ...(rcpt.originalRecipient === null ? [] : [`Original-Recipient: ${rcpt.originalRecipient}`]),
        `Action: ${action}`,
        `Status: ${words.status}`,
        `Diagnostic-Code: smtp; ${words.reply} <${rcpt.to}>: ${words.reason}`,
      ],
      returns: action === "failed" ? returnsOf(received) : "headers",
    },
    received,
  );
  return { from: "", to: mail.from, bytes };
}

/**
 * Writes what a vacation program sends (RFC 3834 §3–§5): out of office, or left the company. The Exchange dress answers
 * the Reply-To address as some systems do, the other one the return path as the RFC wants. Polite programs would not
 * answer mail that says Auto-Submitted or X-Auto-Response-Suppress; these are of the kind that does not look.
 */
import { writeEncodedWords } from "@roundtrip/mail/encode/encoded-word";
import type { ReceivedMail } from "../arrivals.ts";
import { readFieldAddress, readOriginal } from "./original.ts";
import { PHRASES, type Tongue } from "./phrases.ts";
import { hostOf, type Notice, type NoticeFacts, writeDateTime } from "./report.ts";

/** Null when there is nobody to answer: null senders are never answered (RFC 3834 §2). */
export function writeVacation(facts: NoticeFacts, says: "outOfOffice" | "leftCompany", tongue: Tongue): Notice | null {
  const { received } = facts;
  if (received.mail.from === "") return null;
  const subject = readOriginal(received.bytes).field("Subject") ?? "";
  return {
    from: "",
    to: received.mail.from,
    bytes: writeMail(facts, received.mail.from, PHRASES[tongue][says], [
      `Subject: Auto: ${subject}`,
      "Auto-Submitted: auto-replied (vacation)",
      "Precedence: bulk",
    ]),
  };
}

/** To Reply-To or, failing that, From. */
export function writeExchangeVacation(facts: NoticeFacts, tongue: Tongue): Notice | null {
  const { received } = facts;
  const original = readOriginal(received.bytes);
  const to = readFieldAddress(original.field("Reply-To")) ?? readFieldAddress(original.field("From"));
  if (received.mail.from === "" || to === null) return null;
  const phrases = PHRASES[tongue];
  const subject = original.field("Subject") ?? "";
  // The blank between two encoded-words vanishes when they are read (RFC 2047 §6.2), so it goes into the first.
  const colon = subject.startsWith("=?") ? ": " : ":";
  const prefix = writeEncodedWords(`${phrases.outOfOfficeSubject}${colon}`, "Subject: ".length);
  return {
    from: "",
    to,
    bytes: writeMail(facts, to, phrases.outOfOffice, [
      `Subject: ${prefix}\r\n ${subject}`,
      "Auto-Submitted: auto-generated",
      "X-Auto-Response-Suppress: All",
      "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent",
      "X-MS-Has-Attach:",
    ]),
  };
}

function writeMail({ received, now, token }: NoticeFacts, to: string, text: string, fields: string[]): Buffer {
  const lines = [
    `Date: ${writeDateTime(now)}`,
    `From: <${received.rcpt.to}>`,
    `To: <${to}>`,
    ...fields,
    `Message-ID: <${token}@${hostOf(received)}>`,
    ...threadFields(received),
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    text,
    "",
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** In-Reply-To and References of an answer (RFC 5322 §3.6.4). */
export function threadFields(received: ReceivedMail): string[] {
  if (received.messageId === "") return [];
  const earlier = readOriginal(received.bytes).field("References");
  const references = earlier === null ? received.messageId : `${earlier} ${received.messageId}`;
  return [`In-Reply-To: ${received.messageId}`, `References: ${references.replaceAll(/\s+/g, "\r\n ")}`];
}

/**
 * Tells an automatic answer from one that a person wrote: declared (RFC 3834 §5), by the headers of vendors, or only by
 * a subject line that no person writes. A person's mail must never be taken for an automatic one, so words in the text
 * alone prove nothing. It does not decide what follows.
 */
import type { Headers } from "../mime/headers.ts";
import { automaticSubjects, awayPhrases, challengePhrases, leftPhrases, ticketPhrases } from "./automatic-phrases.ts";
import { readUntil } from "./read-until.ts";

export type AutoReplyReason = "out-of-office" | "left-the-company" | "challenge" | "ticket" | "other";

export interface AutoReply {
  readonly reason: AutoReplyReason;
  /** `YYYY-MM-DD`, where the text names it plainly. */
  readonly until?: string;
}

/** Null when nothing shows that a program answered. `text` is the top-level text of the mail. */
export function readAutoReply(headers: Headers, text: string): AutoReply | null {
  const subject = plain(headers.text("Subject"));
  if (!isDeclared(headers) && !hasAutomaticSubject(subject)) return null;
  const words = `${subject}\n${plain(text.slice(0, 2000))}`;
  const reason = findReason(words, headers);
  const until = reason === "out-of-office" ? readUntil(text, new Date(headers.first("Date") ?? "")) : null;
  return until === null ? { reason } : { reason, until };
}

/** Declared by its headers. Precedence `bulk` or `list` alone declares nothing: lists of people carry it too. */
function isDeclared(headers: Headers): boolean {
  const submitted = headers.first("Auto-Submitted")?.toLowerCase() ?? "";
  if (/^auto-(?:replied|generated|notified)/.test(submitted)) return true;
  if (VENDOR_HEADERS.some((name) => headers.has(name) && !/^(?:no|false|0)$/i.test(headers.first(name) ?? "")))
    return true;
  if (/^auto[_-]?reply$/i.test(headers.first("Precedence") ?? "")) return true;
  if (/\b(?:vacation|autorespond|auto-?reply)/i.test(headers.first("X-Mailer") ?? "")) return true;
  return headers.first("X-MS-Exchange-Generated-Message-Source") === "Mailbox Rules Agent";
}

const VENDOR_HEADERS: readonly string[] = [
  "X-Autoreply",
  "X-Autorespond",
  "X-Autoresponder",
  "X-Auto-Reply-From",
  "X-Mail-Autoreply",
  "X-AutoReply-From",
  "X-MS-Exchange-Inbox-Rules-Loop",
  "X-Vacation",
  "X-FC-MachineGenerated",
  "X-POST-MessageClass",
];

function hasAutomaticSubject(subject: string): boolean {
  // Somebody who answers or forwards an automatic answer is a person.
  return automaticSubjects.some((pattern) => pattern.test(subject));
}

function findReason(words: string, headers: Headers): AutoReplyReason {
  const says = (phrases: readonly RegExp[]): boolean => phrases.some((phrase) => phrase.test(words));
  if (says(challengePhrases)) return "challenge";
  if (says(leftPhrases)) return "left-the-company";
  if (says(ticketPhrases)) return "ticket";
  if (says(awayPhrases)) return "out-of-office";
  // Exchange sends nothing else from the rules of a mailbox.
  return headers.first("X-MS-Exchange-Generated-Message-Source") === "Mailbox Rules Agent" ? "out-of-office" : "other";
}

function plain(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[’‘`´]/g, "'")
    .trim();
}

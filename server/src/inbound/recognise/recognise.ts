/**
 * Recognises an incoming mail: notice, complaint, report, automatic answer or a person's reply, and reads out of it what
 * follows need. The strongest evidence counts first: machine parts, then headers, then wording; only the mail's own top
 * level counts, so that a bounce which a person forwards stays a reply. Pure and bounded; never throws.
 */
import { readAutoReply } from "@roundtrip/mail/auto-reply/read-auto-reply";
import type { DeliveryReport } from "@roundtrip/mail/dsn/read-dsn";
import { readFeedbackReport } from "@roundtrip/mail/feedback/read-arf";
import { readMailboxes } from "@roundtrip/mail/header-read";
import type { Headers } from "@roundtrip/mail/mime/headers";
import { defaultMimeLimits, type MimeLimits, partText, readMime } from "@roundtrip/mail/mime/read-mime";
import { readAttachments } from "./read-attachments.ts";
import { type MailView, viewMail } from "./mail-view.ts";
import { type Finding, judgeFinding } from "./notice-recipient.ts";
import { findDialect, readPlainNotice } from "./read-plain-notice.ts";
import { type RecogniseRules, recogniseRules } from "./recognise-rules.ts";
import { readReportNotice } from "./read-report-notice.ts";
import { readReferences, readReturnedRecipient, readThread } from "./read-references.ts";
import { readSesEvent } from "./read-ses-event.ts";
import type { Recognised, RecognisedKind, RecognisedMail, RecognisedRecipient } from "./recognised.ts";
import { findReportKind } from "./report-kind.ts";
import { isAnswer, isBulk, isOldComplaint, isFromDaemon, isFromNobody, saysFailure } from "./sender-evidence.ts";
import { readVisibleText } from "./visible-text.ts";

/** The limits of an intake that faces strangers. */
export const recogniseLimits: MimeLimits = { ...defaultMimeLimits, sizeBytes: 32 * 1024 * 1024 };

export function recogniseMail(
  bytes: Buffer,
  limits: MimeLimits = recogniseLimits,
  rules: RecogniseRules = recogniseRules,
): Recognised {
  const mail = readMime(bytes, limits);
  if (!mail.ok) return { kind: "unreadable", reason: mail.error };
  const view = viewMail(mail.value);
  const meaning = findMeaning(view, rules);
  const attachments = meaning.kind === "reply" ? readAttachments(view.parts) : [];
  return { ...meaning, attachments, ...readEnvelope(view) };
}

type Meaning = Pick<RecognisedMail, "kind" | "recipients" | "autoReply" | "visibleText">;

/** The order of evidence; the first that speaks decides. */
function findMeaning(view: MailView, rules: RecogniseRules): Meaning {
  return (
    feedbackMeaning(view) ??
    reportMeaning(view) ??
    deliveryReportMeaning(view, rules) ??
    (isFromDaemon(view.headers) ? plainNoticeMeaning(view, rules) : null) ??
    autoReplyMeaning(view) ??
    plainNoticeMeaning(view, rules) ??
    personMeaning(view)
  );
}

function feedbackMeaning(view: MailView): Meaning | null {
  const part = view.parts.find((candidate) => candidate.contentType.type === "message/feedback-report");
  if (!part) return isOldComplaint(view.headers) ? plain("complaint") : null;
  const report = readFeedbackReport(partText(part));
  // RFC 6591: a verdict on authentication, nobody's complaint. RFC 5965 §7.2: `not-spam` takes one back.
  if (report.feedbackType === "auth-failure") return plain("dmarc-failure");
  if (report.feedbackType === "not-spam") return plain("other");
  return plain("complaint");
}

function reportMeaning(view: MailView): Meaning | null {
  const kind = findReportKind(view);
  return kind === null ? null : plain(kind);
}

function deliveryReportMeaning(view: MailView, rules: RecogniseRules): Meaning | null {
  if (view.deliveryReports.length === 0) return null;
  return readReports(view, view.deliveryReports, rules);
}

function readReports(view: MailView, reports: readonly DeliveryReport[], rules: RecogniseRules): Meaning {
  const spoken = readPlainNotice(view.headers, view.notice.words, rules.dialects);
  const reported = readReportNotice(reports, spoken, view.notice.words);
  // A machine part that names nobody leaves the word to the text.
  const named = reported.filter((finding) => finding.recipient !== null);
  const findings = named.length > 0 ? named : spoken.length > 0 ? spoken : reported;
  return findings.length > 0 ? notice(findings, rules) : unnamedNotice(view, rules);
}

function plainNoticeMeaning(view: MailView, rules: RecogniseRules): Meaning | null {
  const event = readSesEvent(view.text);
  if (event) return notice(event, rules);
  if (view.headers.has("X-Amz-Sns-Message-Id")) return plain("other");
  if (!isPlainNotice(view, rules)) return null;
  if (view.spokenReport !== null) return readReports(view, [view.spokenReport], rules);
  const findings = readPlainNotice(view.headers, view.notice.words, rules.dialects);
  return findings.length > 0 ? notice(findings, rules) : unnamedNotice(view, rules);
}

/** Wording convicts only with a sender that is no person; a sender alone only with a subject that says failure. */
function isPlainNotice({ headers, notice: text }: MailView, { dialects }: RecogniseRules): boolean {
  if (headers.has("X-Failed-Recipients") && !isAnswer(headers)) return true;
  const isWorded = findDialect(text.words, dialects) !== null;
  if (isFromDaemon(headers) || isFromNobody(headers)) return isWorded ? !isAnswer(headers) : saysFailure(headers);
  if (!isWorded) return false;
  // A text without its header, or a gateway that writes under a human-looking name: the notice must be its first words.
  const opening = text.words.trimStart().slice(0, 300);
  const isOpening =
    findDialect(opening, dialects) !== null && !/^(?:hi|hello|dear|hallo|bonjour)\b.{0,40},?\n/i.test(opening);
  if (!headers.has("From") && !headers.has("Subject")) return isOpening;
  return isOpening && !isAnswer(headers) && saysFailure(headers);
}

function autoReplyMeaning(view: MailView): Meaning | null {
  const autoReply = readAutoReply(view.headers, view.text);
  if (!autoReply) return null;
  return { kind: "auto-reply", recipients: [], autoReply, visibleText: readVisibleText(view.text) };
}

function personMeaning(view: MailView): Meaning {
  const nobody = isFromNobody(view.headers);
  if (nobody && isAnswer(view.headers)) {
    return {
      kind: "auto-reply",
      recipients: [],
      autoReply: { reason: "other" },
      visibleText: readVisibleText(view.text),
    };
  }
  if (nobody || (isBulk(view.headers) && !isAnswer(view.headers))) return plain("other");
  return { kind: "reply", recipients: [], visibleText: readVisibleText(view.text) };
}

function plain(kind: RecognisedKind): Meaning {
  return { kind, recipients: [] };
}

function notice(findings: readonly Finding[], rules: RecogniseRules): Meaning {
  const recipients = findings.map((finding) => judgeFinding(finding, rules.causes));
  return { kind: noticeKind(recipients), recipients };
}

/** A notice that names nobody: it may enclose one that does; else whom the returned message was for, if that was one person; else the token must say. */
function unnamedNotice(view: MailView, rules: RecogniseRules): Meaning {
  const enclosed = readReportNotice(view.enclosedReports, [], "").filter((finding) => finding.recipient !== null);
  if (enclosed.length > 0) return notice(enclosed, rules);
  const text = view.notice.words;
  const recipient = readReturnedRecipient(view);
  return notice([{ recipient, action: "failed", status: null, remoteHost: null, text, around: "" }], rules);
}

function noticeKind(recipients: readonly RecognisedRecipient[]): "bounce" | "delayed" | "success" {
  if (recipients.some((recipient) => recipient.action === "failed")) return "bounce";
  return recipients.some((recipient) => recipient.action === "delayed") ? "delayed" : "success";
}

type Envelope = Pick<RecognisedMail, "references" | "thread" | "subject" | "from" | "date" | "hops">;

function readEnvelope(view: MailView): Envelope {
  const { headers } = view;
  const date = new Date(headers.first("Date") ?? "");
  return {
    references: { ...readReferences(view), originalEnvelopeId: findEnvelopeId(view) },
    thread: readThread(view),
    subject: headers.text("Subject"),
    from: firstMailbox(headers),
    date: Number.isNaN(date.getTime()) ? null : date,
    hops: headers.count("Received"),
  };
}

function findEnvelopeId({ deliveryReports, spokenReport }: MailView): string | null {
  const reports = spokenReport ? [...deliveryReports, spokenReport] : deliveryReports;
  return reports.find((report) => report.originalEnvelopeId !== null)?.originalEnvelopeId ?? null;
}

function firstMailbox(headers: Headers): RecognisedMail["from"] {
  return readMailboxes(headers.first("From") ?? "")[0] ?? null;
}

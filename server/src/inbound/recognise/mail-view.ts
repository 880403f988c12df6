/** The parts of a mail that recognition looks at: its own top level, sorted by what they are. Pure. */
import { type DeliveryReport, readDeliveryReport } from "@roundtrip/mail/dsn/read-dsn";
import type { Headers } from "@roundtrip/mail/mime/headers";
import { readHtmlText } from "@roundtrip/mail/mime/html-text";
import { isEnclosedMessage, type MimePart, partText, walkParts } from "@roundtrip/mail/mime/read-mime";
import { type NoticeText, splitNoticeText } from "./notice-text.ts";

export interface MailView {
  readonly headers: Headers;
  /** All parts but the inside of enclosed messages. */
  readonly parts: readonly MimePart[];
  /** What the mail says itself, as text. */
  readonly text: string;
  /** The same without lines that are quoted, split before the returned message. */
  readonly notice: NoticeText;
  /** Of the machine parts. */
  readonly deliveryReports: readonly DeliveryReport[];
  /** Those within enclosed messages: a mail system may pass on what another one told it. */
  readonly enclosedReports: readonly DeliveryReport[];
  /** The fields of a delivery report that stand in the text, as broken or careless notices have them. */
  readonly spokenReport: DeliveryReport | null;
  /** Header texts of returned messages, with what follows them. */
  readonly returned: readonly (MimePart | string)[];
}

const LONGEST_TEXT = 200_000;
const REPORT = /^message\/(?:global-)?delivery-status$/;
const RETURNED_HEADERS = /^(?:text\/rfc822-headers?|message\/(?:global-headers|rfc822-headers))$/;

export function viewMail(mail: MimePart): MailView {
  const parts = [...walkParts(mail, (part) => !isEnclosedMessage(part))];
  const text = readOwnText(parts);
  const notice = splitNoticeText(withoutQuotes(text).replaceAll(/[’‘]/g, "'"));
  const headerParts = parts.filter((part) => RETURNED_HEADERS.test(part.contentType.type)).map(partText);
  const enclosed = parts.filter((part) => part !== mail && isEnclosedMessage(part)).flatMap((part) => part.children);
  return {
    headers: mail.headers,
    parts,
    text,
    notice,
    deliveryReports: parts.filter(isReport).map(readReportPart),
    enclosedReports: [...walkParts(mail)].filter((part) => isReport(part) && !parts.includes(part)).map(readReportPart),
    spokenReport: readSpokenReport(text),
    returned: [...enclosed, ...headerParts, notice.returned].filter((piece) => piece !== ""),
  };
}

function isReport(part: MimePart): boolean {
  return REPORT.test(part.contentType.type);
}

/** `>>> ` is how transcripts of mail servers begin, no quote. */
function withoutQuotes(text: string): string {
  if (!/^>/m.test(text)) return text;
  return text
    .split("\n")
    .filter((line) => !line.startsWith(">") || line.startsWith(">>> "))
    .join("\n");
}

function readReportPart(part: MimePart): DeliveryReport {
  return readDeliveryReport(readReportText(part));
}

/** Some write the fields of the report as the header of its part. */
function readReportText(part: MimePart): string {
  const inHeader = part.headers.fields.filter((field) => !/^(?:content-|mime-)/i.test(field.name));
  const head = inHeader.map((field) => `${field.name}: ${field.value}\n`).join("");
  const enclosed = part.children.map(readReportText).join("\n");
  return [head, partText(part), enclosed].filter((piece) => piece !== "").join("\n");
}

function readSpokenReport(text: string): DeliveryReport | null {
  const start = text.search(/^(?:Reporting-MTA|Final-Recipient|Original-Recipient):/im);
  if (start === -1 || !/^Final-Recipient:/im.test(text)) return null;
  const rest = text.slice(start);
  const end = rest.search(/^(?:Return-Path|Received|Content-Type: message\/rfc822)\b/im);
  return readDeliveryReport(end === -1 ? rest : rest.slice(0, end));
}

/** Plain parts, or HTML where there are none; attachments are not what the mail says. */
function readOwnText(parts: readonly MimePart[]): string {
  const shown = parts.filter((part) => part.children.length === 0 && !isAttachment(part));
  const plain = shown.filter((part) => part.contentType.type === "text/plain" || isUnreadMultipart(part)).map(partText);
  const joined = plain.join("\n").slice(0, LONGEST_TEXT);
  // Some send HTML and call it plain.
  if (/^\s{0,100}<(?:!doctype|html|\?xml|div|p|body|meta)\b/i.test(joined)) return readHtmlText(joined);
  if (joined.trim() !== "") return joined;
  const html = shown.filter((part) => part.contentType.type === "text/html");
  return html
    .map((part) => readHtmlText(partText(part).slice(0, 4 * LONGEST_TEXT)))
    .join("\n")
    .slice(0, LONGEST_TEXT);
}

/** A multipart whose boundary never comes, or a type that cannot be read, is shown as it is. */
function isUnreadMultipart(part: MimePart): boolean {
  return part.contentType.type.startsWith("multipart/") || !part.contentType.type.includes("/");
}

function isAttachment(part: MimePart): boolean {
  return /^attachment\b/i.test(part.headers.first("Content-Disposition") ?? "");
}

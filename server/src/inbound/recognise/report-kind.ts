/**
 * Knows mails that carry a report about many: DMARC aggregate (RFC 7489 §7.2.1.1) and failure reports, TLS reports
 * (RFC 8460 §5.3), read receipts (RFC 8098 §3). It reads none of them.
 */
import type { MimePart } from "@roundtrip/mail/mime/read-mime";
import type { MailView } from "./mail-view.ts";
import type { RecognisedKind } from "./recognised.ts";

/** `receiver!domain!begin!end[!id].xml.gz` */
const AGGREGATE_NAME = /^[^!\s]{1,255}![^!\s]{1,255}!\d{5,12}!\d{5,12}(?:![^!\s]{1,100})?\.(?:xml|zip|gz|xml\.gz)$/i;
const AGGREGATE_SUBJECT = /\breport domain: ?\S{1,255}\s{1,4}submitter: ?\S/i;
const PACKED = /^(?:application\/(?:zip|gzip|x-gzip|x-zip-compressed|xml|octet-stream)|text\/xml)$/;
const FAILURE_SUBJECT = /\bdmarc (?:failure|forensic)\b.{0,20}\breport\b/i;

export function findReportKind(view: MailView): RecognisedKind | null {
  const { parts, headers } = view;
  const report = reportType(parts[0]);
  if (report === "tlsrpt" || parts.some((part) => /^application\/tlsrpt\+(?:gzip|json)$/.test(part.contentType.type)))
    return "tls-report";
  const isReceipt = (part: MimePart): boolean =>
    /^message\/(?:global-)?disposition-notification$/.test(part.contentType.type);
  if (report === "disposition-notification" || parts.some(isReceipt)) return "read-receipt";
  const subject = headers.text("Subject");
  if (
    parts.some(isAggregate) ||
    (AGGREGATE_SUBJECT.test(subject) && parts.some((part) => PACKED.test(part.contentType.type)))
  ) {
    return "dmarc-report";
  }
  return FAILURE_SUBJECT.test(subject) && !/^(?:re|aw|fwd?|wg)\s?:/i.test(subject) ? "dmarc-failure" : null;
}

function reportType(part: MimePart | undefined): string {
  if (part?.contentType.type !== "multipart/report") return "";
  return part.contentType.parameters.get("report-type")?.toLowerCase() ?? "";
}

function isAggregate(part: MimePart): boolean {
  const disposition = /filename\*?="?([^";]{1,400})/i.exec(part.headers.first("Content-Disposition") ?? "")?.[1] ?? "";
  return AGGREGATE_NAME.test(disposition.trim()) || AGGREGATE_NAME.test(part.contentType.parameters.get("name") ?? "");
}

/**
 * Reads a DMARC failure report (RFC 6591) out of the machine part of a mail. Senders of mail and people it was meant for,
 * subjects and the mail itself are left where they are: a failure is counted, not read.
 */
import type { FeedbackReport } from "../feedback/read-arf.ts";
import type { ComplaintFound, FailureReport } from "./report.ts";
import { readSourceAddress } from "./source-address.ts";

const LONGEST_KEPT = 253;

/** `fromDomain` is that of the mail's sender, who is the reporter where the report does not name one. */
export function readFailureReport(feedback: FeedbackReport, fromDomain: string): FailureReport | ComplaintFound {
  if (feedback.feedbackType !== "auth-failure") return { kind: "complaint", isIncomplete: false };
  const first = (name: string): string => (feedback.fields.get(name)?.[0] ?? "").slice(0, LONGEST_KEPT);
  const reportingServer = /^dns;\s*(\S+)/i.exec(first("reporting-mta"))?.[1];
  const at = new Date(first("arrival-date") || first("received-date"));
  const [domain = ""] = feedback.reportedDomains;
  const sourceIp = readSourceAddress((feedback.sourceIp ?? "").split(/[\s(]/)[0] ?? "");
  return {
    kind: "dmarc-failure",
    reporter: reportingServer ?? fromDomain,
    domain: domain.slice(0, LONGEST_KEPT).toLowerCase(),
    sourceIp,
    at: Number.isNaN(at.getTime()) ? null : at,
    authFailure: first("auth-failure").toLowerCase(),
    deliveryResult: first("delivery-result").toLowerCase(),
    isIncomplete: domain === "" || sourceIp === null,
  };
}

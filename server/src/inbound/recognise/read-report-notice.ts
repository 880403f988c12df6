/** Turns a standard delivery report into findings: which address is meant, which words count. Pure; never throws. */
import type { DeliveryReport, ReportAction, ReportedRecipient } from "@roundtrip/mail/dsn/read-dsn";
import { type Finding, mostRecipients } from "./notice-recipient.ts";

/** `spoken` is what the text of the same notice says about addresses, `words` all of that text. */
export function readReportNotice(
  reports: readonly DeliveryReport[],
  spoken: readonly Finding[],
  words: string,
): readonly Finding[] {
  const recipients = reports.flatMap((report) => report.recipients).slice(0, mostRecipients);
  return recipients.map((recipient) => toFinding(recipient, spoken, words));
}

function toFinding(reported: ReportedRecipient, spoken: readonly Finding[], words: string): Finding {
  const names = addressesOf(reported);
  const beside = spoken.find((finding) => finding.recipient !== null && names.includes(finding.recipient));
  const diagnostic = reported.diagnosticCode?.text.replaceAll("\n", " ") ?? "";
  return {
    recipient: names[0] ?? null,
    action: reported.action ?? guessAction(reported.status),
    status: reported.status,
    remoteHost: reported.remoteMta?.text.toLowerCase() ?? null,
    // A diagnostic that is a number alone says less than the sentence beside the address.
    text: /[a-z]{3}/i.test(diagnostic) ? diagnostic : [diagnostic, beside?.text ?? ""].join(" ").trim(),
    around: beside?.text || (spoken.length <= 1 ? words : ""),
  };
}

/** The final recipient is the one that failed. Bare words are no addresses. */
function addressesOf(reported: ReportedRecipient): string[] {
  const actual = reported.otherFields.find((field) => field.name.toLowerCase() === "x-actual-recipient")?.value;
  // A final recipient within a host (`user@server`) is nobody's address outside.
  const [first, second] = /@[^.]{0,255}$/.test(reported.finalRecipient?.text ?? "")
    ? [reported.originalRecipient, reported.finalRecipient]
    : [reported.finalRecipient, reported.originalRecipient];
  return [first?.text, second?.text, actual?.replace(/^[^;]{0,40};/, "").trim()]
    .filter((text) => text !== undefined && text.includes("@"))
    .map((text) => (text ?? "").replace(/^<|>$/g, "").toLowerCase());
}

function guessAction(status: string | null): ReportAction {
  if (status?.startsWith("2")) return "delivered";
  return status?.startsWith("4") ? "delayed" : "failed";
}

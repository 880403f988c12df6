/**
 * Reads the machine part of a feedback report: message/feedback-report (RFC 5965 §3, RFC 6591 §3 for authentication
 * failures). It says what the report says; whether to believe it is not its matter. Never throws.
 */
export interface FeedbackReport {
  /** `abuse`, `fraud`, `virus`, `auth-failure`, `not-spam`, `opt-out`, `other`, … in lower case; empty where none is named. */
  readonly feedbackType: string;
  /** Often redacted; without brackets. */
  readonly originalRecipients: readonly string[];
  readonly originalMailFrom: string | null;
  readonly originalEnvelopeId: string | null;
  readonly reportedDomains: readonly string[];
  readonly sourceIp: string | null;
  /** All fields by name in lower case. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** `text` is the decoded body of the part. */
export function readFeedbackReport(text: string): FeedbackReport {
  const fields = new Map<string, string[]>();
  const lines = text
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(/\n[ \t]+/g, " ")
    .split("\n");
  for (const line of lines) {
    const [, name, value] = /^([!-9;-~]{1,100}):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    const same = fields.get(name.toLowerCase());
    if (same) same.push(value.trim());
    else fields.set(name.toLowerCase(), [value.trim()]);
  }
  const first = (name: string): string | null => fields.get(name)?.[0] ?? null;
  return {
    feedbackType: first("feedback-type")?.toLowerCase() ?? "",
    originalRecipients: (fields.get("original-rcpt-to") ?? []).map(withoutBrackets),
    originalMailFrom: first("original-mail-from"),
    originalEnvelopeId: first("original-envelope-id"),
    reportedDomains: fields.get("reported-domain") ?? [],
    sourceIp: first("source-ip"),
    fields,
  };
}

function withoutBrackets(value: string): string {
  return value.replace(/^<(.*)>$/, "$1").trim();
}

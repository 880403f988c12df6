/** Reads an Amazon SES bounce event that arrives by mail (a topic with a mail subscription): JSON as the text of the mail. Never throws. */
import type { Finding } from "./notice-recipient.ts";

/** Null when the text is no such event. */
export function readSesEvent(text: string): Finding[] | null {
  const start = text.trimStart();
  if (!start.startsWith("{") || !start.includes('"bouncedRecipients"')) return null;
  const bounce = readBounce(start);
  const recipients = isRecord(bounce) && Array.isArray(bounce["bouncedRecipients"]) ? bounce["bouncedRecipients"] : [];
  const findings = recipients.filter(isRecord).map(toFinding);
  return findings.length === 0 ? null : findings;
}

function readBounce(text: string): unknown {
  // A footer of the topic may follow the document.
  const end = text.lastIndexOf("}");
  try {
    const document: unknown = JSON.parse(text.slice(0, end + 1).replaceAll(/\n/g, ""));
    return isRecord(document) ? document["bounce"] : null;
  } catch {
    // Cut or folded by the way it came: then it is a mail like any other.
    return null;
  }
}

function toFinding(recipient: Record<string, unknown>): Finding {
  const word = (name: string): string | null => (typeof recipient[name] === "string" ? recipient[name] : null);
  const text = (word("diagnosticCode") ?? "").replace(/^smtp;\s*/i, "");
  return {
    recipient: word("emailAddress")?.toLowerCase() ?? null,
    action: "failed",
    status: word("status"),
    remoteHost: null,
    text,
    around: "",
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

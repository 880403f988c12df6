/** Reads an Amazon SES bounce or delivery event that arrives by mail (a topic with a mail subscription): JSON as the text of the mail. Never throws. */
import type { Finding } from "./notice-recipient.ts";

/** Null when the text is no such event. */
export function readSesEvent(text: string): Finding[] | null {
  const start = text.trimStart();
  if (!start.startsWith("{") || !/"(?:notification|event)Type"/.test(start)) return null;
  const event = readEvent(start);
  if (!isRecord(event)) return null;
  const findings = [
    ...listOf(event["bounce"], "bouncedRecipients").filter(isRecord).map(toFinding),
    ...readDelivered(event),
  ];
  return findings.length === 0 ? null : findings;
}

function readDelivered(event: Record<string, unknown>): Finding[] {
  const addresses = listOf(event["delivery"], "recipients").filter((address) => typeof address === "string");
  const text =
    isRecord(event["delivery"]) && typeof event["delivery"]["smtpResponse"] === "string"
      ? event["delivery"]["smtpResponse"]
      : "";
  return addresses.map((address) => ({
    recipient: address.toLowerCase(),
    action: "delivered",
    status: null,
    remoteHost: null,
    text,
    around: "",
  }));
}

function listOf(holder: unknown, name: string): unknown[] {
  const list = isRecord(holder) ? holder[name] : null;
  return Array.isArray(list) ? list : [];
}

function readEvent(text: string): unknown {
  // A footer of the topic may follow the document.
  const end = text.lastIndexOf("}");
  try {
    return JSON.parse(text.slice(0, end + 1).replaceAll("\n", ""));
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

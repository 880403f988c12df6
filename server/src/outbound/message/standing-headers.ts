/**
 * The header fields that all mails of a round share (RFC 5322 §3.6.2, RFC 2919 §3, RFC 3834 §5.1): who it is from, where
 * answers go, a steady handle for filters, and the request to robots not to answer. The rest is each mail's own.
 */
import type { Address } from "@roundtrip/mail/address";
import { writeListId, writeMailbox, writeText, type FieldProblem, type HeaderField } from "@roundtrip/mail/header";
import { failed, ok, type Result } from "@roundtrip/mail/result";

export interface Standing {
  readonly from: Address;
  readonly replyTo: Address;
  readonly senderName: string;
  readonly organisation: string;
  /** `via` (default) writes “Name via Organisation”, so that nobody takes the mail for one written by that person. */
  readonly nameForm?: "via" | "name-only";
  readonly orgId: number;
  readonly roundId: number;
  /** Such as `invitation`. */
  readonly kind: string;
}

/** The first field that could not be written, or all of them in the order they stand in the mail. */
export function writeStandingHeaders(
  standing: Standing,
): Result<readonly HeaderField[], { readonly field: string; readonly because: FieldProblem }> {
  const { from, replyTo, organisation, orgId, roundId, kind } = standing;
  const fields = [
    ["From", writeMailbox("From", from, senderDisplayName(standing))],
    ["Reply-To", writeMailbox("Reply-To", replyTo, organisation)],
    // The same for every round of an organisation: what IT builds a rule on must not change.
    ["List-Id", writeListId(`org-${String(orgId)}.surveys.${from.domain}`, organisation)],
    ["Auto-Submitted", writeText("Auto-Submitted", "auto-generated")],
    ["X-Auto-Response-Suppress", writeText("X-Auto-Response-Suppress", "OOF, AutoReply")],
    // Gmail's form: three names of ours, then one that never changes.
    ["Feedback-ID", writeText("Feedback-ID", `round-${String(roundId)}:org-${String(orgId)}:${kind}:roundtrip`)],
  ] as const;
  const written: HeaderField[] = [];
  for (const [field, result] of fields) {
    if (!result.ok) return failed({ field, because: result.error });
    written.push(result.value);
  }
  return ok(written);
}

/** “Ana Silva via Example Works”; the organisation is not named twice. */
export function senderDisplayName({
  senderName,
  organisation,
  nameForm = "via",
}: Pick<Standing, "senderName" | "organisation" | "nameForm">): string {
  const name = senderName.trim();
  if (name === "") return organisation;
  const isNamed = name.toLowerCase().includes(organisation.toLowerCase());
  return nameForm === "name-only" || isNamed ? name : `${name} via ${organisation}`;
}

/**
 * A corpus of real mails with labels, as it lies beside the repository (`../shared/corpus/bounces`): what its labels say,
 * and how the words of other taxonomies read in ours. It downloads nothing; a clone without the corpus has none.
 */
import { existsSync, readFileSync } from "node:fs";
import type { Cause } from "../../server/src/outcome/cause/cause.ts";

interface LabelledResult {
  readonly permanence?: string | null;
  readonly status?: string | null;
  /** The number was made up by the labelling tool and stands nowhere in the mail. */
  readonly statusSynthesised?: boolean;
  readonly reason?: string | null;
  readonly feedbackType?: string;
}

export interface Label {
  readonly kind: string;
  readonly taxonomy?: string;
  /** For each failed recipient the addresses that are right. */
  readonly recipients?: readonly (readonly string[])[];
  readonly recipientBasis?: string;
  readonly replyText?: string;
  readonly scope?: string;
  readonly results?: readonly LabelledResult[];
  readonly source: { readonly repo: string };
}

export interface LabelledMail {
  readonly file: string;
  /** Whose mails these are. */
  readonly source: string;
  readonly label: Label;
  readonly bytes: Buffer;
}

const corpusFolder = new URL("../../../shared/corpus/bounces/", import.meta.url);
export const hasCorpus = existsSync(corpusFolder);

const folders = ["dsn", "arf", "autoreply", "replies", "inbound-synthetic"];

export function readCorpus(): LabelledMail[] {
  return folders.flatMap((folder) => {
    const labels: Record<string, Label> = JSON.parse(
      readFileSync(new URL(`${folder}/labels.json`, corpusFolder), "utf8"),
    );
    return Object.entries(labels).map(([name, label]) => ({
      file: `${folder}/${name}`,
      source: label.source.repo,
      label,
      bytes: readFileSync(new URL(`${folder}/mails/${name}`, corpusFolder)),
    }));
  });
}

/** The classes in which taxonomies can be compared: ours, with what others do not tell apart laid together. */
export type CoarseClass =
  | "unknown"
  | "disabled"
  | "full"
  | "domain"
  | "size"
  | "content"
  | "reputation"
  | "authentication"
  | "policy"
  | "rate"
  | "system"
  | "suppressed"
  | "unclear";

const coarseOf: Readonly<Record<Cause, CoarseClass>> = {
  "recipient-unknown": "unknown",
  "mailbox-disabled": "disabled",
  "mailbox-full": "full",
  "domain-invalid": "domain",
  "message-too-large": "size",
  "content-rejected": "content",
  "reputation-blocked": "reputation",
  "authentication-failed": "authentication",
  "policy-rejected": "policy",
  "rate-limited": "rate",
  greylisted: "rate",
  "tls-failed": "system",
  "network-or-timeout": "system",
  "server-fault": "system",
  suppressed: "suppressed",
  unclassified: "unclear",
};

export function coarseClassOf(cause: Cause): CoarseClass {
  return coarseOf[cause];
}

/** Their word in our classes; two where their word covers both. Null where it says nothing that could be compared. */
export function coarseClassesOfReason(reason: string | null | undefined): readonly CoarseClass[] | null {
  return reason === null || reason === undefined ? null : (classesOfReason[reason] ?? null);
}

const classesOfReason: Readonly<Record<string, readonly CoarseClass[]>> = {
  // Sisimai.
  userunknown: ["unknown"],
  hasmoved: ["unknown"],
  filtered: ["unknown", "policy"],
  suspend: ["disabled"],
  mailboxfull: ["full"],
  hostunknown: ["domain"],
  notaccept: ["domain"],
  mesgtoobig: ["size"],
  exceedlimit: ["size"],
  spamdetected: ["content"],
  contenterror: ["content"],
  virusdetected: ["content"],
  blocked: ["reputation"],
  badreputation: ["reputation"],
  requireptr: ["reputation"],
  authfailure: ["authentication"],
  policyviolation: ["policy"],
  rejected: ["policy"],
  securityerror: ["policy"],
  norelaying: ["policy"],
  notcompliantrfc: ["policy"],
  speeding: ["rate"],
  toomanyconn: ["rate"],
  expired: ["system"],
  networkerror: ["system"],
  systemerror: ["system"],
  systemfull: ["system"],
  mailererror: ["system"],
  failedstarttls: ["system"],
  syntaxerror: ["system"],
  suppressed: ["suppressed"],
  // Crisp.
  no_such_recipient: ["unknown"],
  spam_content: ["content"],
  server_timeout: ["system"],
  server_unknown: ["domain"],
  action_not_taken_mailbox_rate_limited: ["rate"],
  reputation: ["reputation"],
  recipient_disabled_or_recipient_rate_limited: ["disabled", "rate"],
  mailbox_full: ["full"],
  // Ours, of the mails we made.
  "mailbox-full": ["full"],
};

/** How right recognition is on labelled mails: one question at a time, each with the mails it can be asked of. Pure. */
import type { Recognised, RecognisedMail } from "../../server/src/inbound/recognise/recognised.ts";
import { coarseClassesOfReason, coarseClassOf, type Label, type LabelledMail } from "./labelled-mail.ts";

export interface JudgedMail extends LabelledMail {
  readonly mail: Recognised;
}

export interface Answer {
  readonly file: string;
  readonly isRight: boolean;
  readonly wanted: string;
  readonly got: string;
}

/** Answers to one question; a mail (or a recipient) of which it cannot be asked gives none. */
export interface Question {
  readonly name: string;
  readonly ask: (judged: JudgedMail) => readonly Answer[];
}

const noticeKinds = new Set(["bounce", "delayed"]);
const isNoticeKind = (kind: string): boolean => noticeKinds.has(kind);

export const questions: readonly Question[] = [
  {
    name: "read at all",
    ask: (judged) => [answer(judged, "readable", judged.mail.kind === "unreadable" ? judged.mail.reason : "readable")],
  },
  {
    name: "notice or not",
    ask: (judged) =>
      isNoticeKind(judged.label.kind)
        ? [answer(judged, "notice", isNoticeKind(judged.mail.kind) ? "notice" : judged.mail.kind)]
        : [],
  },
  {
    name: "no false bounce",
    ask: (judged) =>
      isNoticeKind(judged.label.kind) || judged.label.kind === "unlabelled" || isMisnamed(judged.file)
        ? []
        : [answer(judged, "no notice", isNoticeKind(judged.mail.kind) ? judged.mail.kind : "no notice")],
  },
  { name: "recipients exact", ask: askRecipients },
  { name: "permanent or temporary", ask: askPermanence },
  {
    name: "category, Sisimai's",
    ask: (judged) => (judged.label.taxonomy === "sisimai-5.2" ? askCategory(judged) : []),
  },
  { name: "category, crisp's", ask: (judged) => (judged.label.taxonomy === "crisp" ? askCategory(judged) : []) },
  { name: "complaint or failure report", ask: askComplaint },
  { name: "automatic answer", ask: (judged) => askKind(judged, "auto-reply") },
  { name: "person's reply", ask: (judged) => askKind(judged, "reply") },
];

/** One file of the corpus is named a complaint by its source and is a bounce. */
function isMisnamed(file: string): boolean {
  return file === "arf/cws-fbl_hotmail_002.eml";
}

function answer({ file }: JudgedMail, wanted: string, got: string): Answer {
  return { file, isRight: wanted === got, wanted, got };
}

function askKind(judged: JudgedMail, kind: string): readonly Answer[] {
  return judged.label.kind === kind ? [answer(judged, kind, judged.mail.kind)] : [];
}

/** A report of failed authentication is nobody's complaint. */
function askComplaint(judged: JudgedMail): readonly Answer[] {
  if (judged.label.kind !== "complaint") return [];
  if (isMisnamed(judged.file)) return [answer(judged, "bounce", judged.mail.kind)];
  const isFailure = judged.label.results?.some((result) => result.feedbackType === "auth-failure") === true;
  return [answer(judged, isFailure ? "dmarc-failure" : "complaint", judged.mail.kind)];
}

/** Asked where the mail or its source names the recipients, not where other tools guessed them. */
function askRecipients(judged: JudgedMail): readonly Answer[] {
  const { label } = judged;
  if (!isNoticeKind(label.kind) || !label.recipients || label.recipientBasis?.includes("silver") === true) return [];
  const wanted = label.recipients.map((names) => names.map((name) => name.toLowerCase()));
  const got = [...new Set(noticeOf(judged).map((one) => one.recipient ?? "nobody"))];
  const isRight =
    wanted.length === got.length &&
    wanted.every((names) => got.some((name) => names.includes(name))) &&
    got.every((name) => wanted.some((names) => names.includes(name)));
  return [
    { file: judged.file, isRight, wanted: wanted.map((names) => names.join("|")).join(", "), got: got.join(", ") },
  ];
}

/** Asked where a number in the mail says so. */
function askPermanence(judged: JudgedMail): readonly Answer[] {
  const { label } = judged;
  const wanted = permanencesOf(label);
  if (!isNoticeKind(label.kind) || wanted.length === 0) return [];
  if (label.results?.some((result) => result.statusSynthesised === true)) return [];
  const words = noticeOf(judged).map(({ permanent }) =>
    permanent === null ? "unsaid" : permanent ? "permanent" : "temporary",
  );
  return [answer(judged, wanted.join("+"), [...new Set(words)].sort().join("+"))];
}

function permanencesOf(label: Label): readonly string[] {
  return [...new Set((label.results ?? []).map((result) => result.permanence ?? ""))]
    .filter((word) => word !== "")
    .sort();
}

/** One answer a recipient, in the order of the notice. */
function askCategory(judged: JudgedMail): readonly Answer[] {
  if (!isNoticeKind(judged.label.kind)) return [];
  const recipients = noticeOf(judged);
  return (judged.label.results ?? []).flatMap((result, at) => {
    const wanted = coarseClassesOfReason(result.reason);
    if (wanted === null) return [];
    // A label may tell one recipient twice.
    const one = recipients[at] ?? (recipients.length === 1 ? recipients[0] : undefined);
    const cause = one?.cause ?? "unclassified";
    const isRight = wanted.includes(coarseClassOf(cause));
    return [
      {
        file: judged.file,
        isRight,
        wanted: `${wanted.join("|")} (${result.reason ?? ""})`,
        got: `${cause} ${one?.rule ?? ""}`,
      },
    ];
  });
}

function noticeOf({ mail }: JudgedMail): RecognisedMail["recipients"] {
  return mail.kind === "unreadable" ? [] : mail.recipients;
}

export function shareRight(answers: readonly Answer[]): number {
  return answers.filter(({ isRight }) => isRight).length / answers.length;
}

/**
 * Recognition before a corpus of real mails from many mail systems, with labels, where one lies beside the repository
 * (`../shared/corpus/bounces`). A clone without it skips this file. The floors are what we reach: they may only rise.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Cause } from "../../server/src/outcome/cause/cause.ts";
import { recogniseMail } from "../../server/src/inbound/recognise/recognise.ts";
import type { RecognisedMail } from "../../server/src/inbound/recognise/recognised.ts";

const corpus = new URL("../../../shared/corpus/bounces/", import.meta.url);
const folders = ["dsn", "arf", "autoreply", "replies", "inbound-synthetic"];

interface Label {
  readonly kind: string;
  readonly taxonomy?: string;
  readonly recipients?: readonly (readonly string[])[];
  readonly recipientBasis?: string;
  readonly replyText?: string;
  readonly scope?: string;
  readonly results?: readonly {
    readonly permanence?: string | null;
    readonly status?: string | null;
    readonly statusSynthesised?: boolean;
    readonly reason?: string | null;
    readonly feedbackType?: string;
  }[];
}

interface Labelled {
  readonly file: string;
  readonly label: Label;
  readonly mail: RecognisedMail;
}

function readCorpus(): Labelled[] {
  return folders.flatMap((folder) => {
    const labels: Record<string, Label> = JSON.parse(readFileSync(new URL(`${folder}/labels.json`, corpus), "utf8"));
    return Object.entries(labels).map(([name, label]) => {
      const mail = recogniseMail(readFileSync(new URL(`${folder}/mails/${name}`, corpus)));
      if (mail.kind === "unreadable") throw new Error(`${name}: ${mail.reason}`);
      return { file: `${folder}/${name}`, label, mail };
    });
  });
}

/** The words of two other taxonomies, in ours. Where they cut differently, each of ours that fits is right. */
const causesOf: Readonly<Record<string, readonly Cause[]>> = {
  userunknown: ["recipient-unknown"],
  hasmoved: ["recipient-unknown"],
  filtered: ["recipient-unknown", "policy-rejected"],
  suspend: ["mailbox-disabled"],
  mailboxfull: ["mailbox-full"],
  hostunknown: ["domain-invalid"],
  notaccept: ["domain-invalid"],
  mesgtoobig: ["message-too-large"],
  exceedlimit: ["message-too-large"],
  spamdetected: ["content-rejected"],
  contenterror: ["content-rejected"],
  virusdetected: ["content-rejected"],
  blocked: ["reputation-blocked"],
  badreputation: ["reputation-blocked", "rate-limited"],
  requireptr: ["reputation-blocked", "authentication-failed"],
  authfailure: ["authentication-failed"],
  policyviolation: ["policy-rejected", "content-rejected"],
  rejected: ["policy-rejected"],
  securityerror: ["policy-rejected"],
  norelaying: ["policy-rejected"],
  notcompliantrfc: ["policy-rejected", "content-rejected"],
  speeding: ["rate-limited"],
  toomanyconn: ["rate-limited"],
  expired: ["network-or-timeout"],
  networkerror: ["network-or-timeout", "domain-invalid"],
  systemerror: ["server-fault", "network-or-timeout"],
  systemfull: ["server-fault"],
  mailererror: ["server-fault"],
  syntaxerror: ["server-fault"],
  onhold: ["unclassified", "server-fault"],
  no_such_recipient: ["recipient-unknown"],
  spam_content: ["content-rejected"],
  server_timeout: ["network-or-timeout"],
  server_unknown: ["domain-invalid"],
  action_not_taken_mailbox_rate_limited: ["rate-limited"],
  reputation: ["reputation-blocked", "rate-limited"],
  recipient_disabled_or_recipient_rate_limited: ["mailbox-disabled"],
  mailbox_full: ["mailbox-full"],
};

describe.skipIf(!existsSync(corpus))("a corpus of real mails (skipped where none lies beside the repository)", () => {
  const all = existsSync(corpus) ? readCorpus() : [];
  const labelled = (...kinds: string[]): Labelled[] => all.filter(({ label }) => kinds.includes(label.kind));
  const isNotice = (mail: RecognisedMail): boolean => mail.kind === "bounce" || mail.kind === "delayed";
  const notices = labelled("bounce", "delayed").filter(({ mail }) => isNotice(mail));

  test("every notice is recognised as one", () => {
    expect(labelled("bounce", "delayed").length).toBeGreaterThan(400);
    expect(missed(labelled("bounce", "delayed"), ({ mail }) => isNotice(mail))).toEqual([]);
  });

  test("no person's reply is called anything else, and nothing else is called a bounce", () => {
    expect(missed(labelled("reply"), ({ mail }) => mail.kind === "reply")).toEqual([]);
    expect(missed(labelled("other", "reply", "auto-reply"), ({ mail }) => !isNotice(mail))).toEqual([]);
  });

  test("every automatic answer is recognised as one", () => {
    expect(missed(labelled("auto-reply"), ({ mail }) => mail.kind === "auto-reply")).toEqual([]);
  });

  test("complaints are told from authentication reports; one file is a bounce that its source misnamed", () => {
    const kindOf = ({ label }: Labelled): string =>
      label.results?.some((result) => result.feedbackType === "auth-failure") ? "dmarc-failure" : "complaint";
    expect(missed(labelled("complaint"), (one) => one.mail.kind === kindOf(one))).toEqual([
      "arf/cws-fbl_hotmail_002.eml",
    ]);
  });

  test("recipients, where the mail itself or its source names them: 99 % exact", () => {
    const gold = notices.filter(({ label }) => label.recipients && !label.recipientBasis?.includes("silver"));
    expect(share(gold, hasRecipients)).toBeGreaterThanOrEqual(0.99);
  });

  test("permanent or temporary, where a real number says so: 98 %", () => {
    const gold = notices.filter(
      ({ label }) => permanences(label).length > 0 && !label.results?.some((result) => result.statusSynthesised),
    );
    expect(share(gold, hasPermanence)).toBeGreaterThanOrEqual(0.98);
  });

  test("causes: 86 % as either of two taxonomies says that agree on 60 %", () => {
    const results = notices.flatMap(({ label, mail }) =>
      (label.results ?? []).map((result, at) => ({
        wanted: causesOf[result.reason ?? ""],
        got: mail.recipients[at]?.cause,
      })),
    );
    const judged = results.filter(({ wanted, got }) => wanted !== undefined && got !== undefined);
    expect(judged.length).toBeGreaterThan(300);
    expect(
      share(judged, ({ wanted, got }) => got !== undefined && wanted?.includes(got) === true),
    ).toBeGreaterThanOrEqual(0.86);
  });

  test("what a person wrote, without the quoted mail: 96 % of the replies to a plain text", () => {
    const replies = labelled("reply").filter(
      ({ label, file }) => label.replyText && label.scope && file.startsWith("replies/"),
    );
    const flat = (text: string | undefined): string => (text ?? "").replaceAll(/\s+/g, " ").trim();
    expect(
      share(replies, ({ label, mail }) => flat(mail.visibleText).startsWith(flat(label.replyText))),
    ).toBeGreaterThanOrEqual(0.96);
  });

  test("a thousand mails a second and more", () => {
    const mails = folders.flatMap((folder) => {
      const labels: Record<string, Label> = JSON.parse(readFileSync(new URL(`${folder}/labels.json`, corpus), "utf8"));
      return Object.keys(labels).map((name) => readFileSync(new URL(`${folder}/mails/${name}`, corpus)));
    });
    const start = performance.now();
    for (const mail of mails) recogniseMail(mail);
    expect((mails.length * 1000) / (performance.now() - start)).toBeGreaterThan(1000);
  });
});

function missed(mails: readonly Labelled[], isRight: (one: Labelled) => boolean): string[] {
  return mails.filter((one) => !isRight(one)).map(({ file }) => file);
}

function share<Case>(cases: readonly Case[], isRight: (one: Case) => boolean): number {
  return cases.filter(isRight).length / cases.length;
}

/** One of the acceptable addresses for each failed recipient, and nobody else. */
function hasRecipients({ label, mail }: Labelled): boolean {
  const wanted = (label.recipients ?? []).map((names) => names.map((name) => name.toLowerCase()));
  const got = [...new Set(mail.recipients.map((one) => one.recipient ?? ""))];
  return (
    wanted.length === got.length &&
    wanted.every((names) => got.some((name) => names.includes(name))) &&
    got.every((name) => wanted.some((names) => names.includes(name)))
  );
}

function permanences(label: Label): string[] {
  return [...new Set((label.results ?? []).map((result) => result.permanence ?? ""))].filter((word) => word !== "");
}

function hasPermanence({ label, mail }: Labelled): boolean {
  const words = mail.recipients.map((one) =>
    one.permanent === null ? "unsaid" : one.permanent ? "permanent" : "temporary",
  );
  return permanences(label).sort().join() === [...new Set(words)].sort().join();
}

/**
 * Recognition before a corpus of real mails from many mail systems, with labels, where one lies beside the repository
 * (`../shared/corpus/bounces`); `npm run corpus` prints the same figures by source. A clone without it skips this file.
 * The floors are what we reach: they may only rise.
 */
import { describe, expect, test } from "vitest";
import { recogniseMail } from "../../server/src/inbound/recognise/recognise.ts";
import { groupings, recogniseUnseen, splitPattern } from "../../tools/corpus/cross-validate.ts";
import { hasCorpus, readCorpus } from "../../tools/corpus/labelled-mail.ts";
import { type JudgedMail, questions, shareRight } from "../../tools/corpus/score.ts";

const floors: Readonly<Record<string, { readonly all: number; readonly unseen: number }>> = {
  "read at all": { all: 1, unseen: 1 },
  "notice or not": { all: 1, unseen: 0.995 },
  "no false bounce": { all: 1, unseen: 1 },
  "recipients exact": { all: 0.995, unseen: 0.995 },
  "permanent or temporary": { all: 0.99, unseen: 0.98 },
  "category, Sisimai's": { all: 0.95, unseen: 0.9 },
  "category, crisp's": { all: 0.84, unseen: 0.82 },
  "complaint or failure report": { all: 1, unseen: 1 },
  "automatic answer": { all: 1, unseen: 1 },
  "person's reply": { all: 1, unseen: 1 },
};

describe.skipIf(!hasCorpus)("a corpus of real mails (skipped where none lies beside the repository)", () => {
  const corpus = hasCorpus ? readCorpus() : [];
  const judged: JudgedMail[] = corpus.map((mail) => ({ ...mail, mail: recogniseMail(mail.bytes) }));

  test("every question has a floor, and many mails to be asked of", () => {
    expect(questions.map(({ name }) => name)).toEqual(Object.keys(floors));
    expect(corpus.length).toBeGreaterThan(450);
    expect(judged.flatMap(questions[1]!.ask).length).toBeGreaterThan(400);
  });

  test.each(questions)("$name: as often right as ever", ({ name, ask }) => {
    expect(shareRight(judged.flatMap(ask))).toBeGreaterThanOrEqual(floors[name]!.all);
  });

  test("a mail whose like the rules have never met is still mostly read right", () => {
    const unseen = recogniseUnseen(corpus, groupings["each mail unseen"]!);
    const shares = questions.map(({ name, ask }) => ({ name, share: shareRight(unseen.flatMap(ask)) }));
    expect(shares.filter(({ name, share }) => share < floors[name]!.unseen)).toEqual([]);
  });

  test("what a person wrote, without the quoted mail: 96 % of the replies to a plain text", () => {
    const flat = (text: string | undefined): string => (text ?? "").replaceAll(/\s+/g, " ").trim();
    const replies = judged.filter(
      ({ label, file }) => label.kind === "reply" && label.replyText && label.scope && file.startsWith("replies/"),
    );
    const right = replies.filter(
      ({ label, mail }) => mail.kind !== "unreadable" && flat(mail.visibleText).startsWith(flat(label.replyText)),
    );
    expect(right.length / replies.length).toBeGreaterThanOrEqual(0.96);
  });
});

test("rules are taken apart at the alternatives that stand outside of all brackets", () => {
  expect(splitPattern(/a|(?:b|c)[|\]]d|\|e/i)).toEqual([/a/i, /(?:b|c)[|\]]d/i, /\|e/i]);
  expect(splitPattern(/^x$/)).toEqual([/^x$/]);
});

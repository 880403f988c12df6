/**
 * What recognition is worth on mails it has never seen, asked of mails it has: each rule is taken apart into its phrases,
 * and a mail is read without every phrase that only mails of its own group have a use for, as if the writer of the rules
 * had never met that group. Stricter than life: a phrase that a public document gave is taken away too. What stays is
 * what standards say (numbers, fields, headers), and the general words for sender and subject. Pure.
 */
import { recogniseLimits, recogniseMail } from "../../server/src/inbound/recognise/recognise.ts";
import { viewMail } from "../../server/src/inbound/recognise/mail-view.ts";
import { type RecogniseRules, recogniseRules } from "../../server/src/inbound/recognise/recognise-rules.ts";
import { readMime } from "../../mail/src/mime/read-mime.ts";
import type { LabelledMail } from "./labelled-mail.ts";
import type { JudgedMail } from "./score.ts";

/** Which mails the writer of the rules is taken never to have met, for one mail. */
export type GroupOf = (mail: LabelledMail) => string;

/** The mail itself; all mails of its mail system, by the name of its file; all mails of its source. */
export const groupings: Readonly<Record<string, GroupOf>> = {
  "each mail unseen": ({ file }) => file,
  "each mail system unseen": ({ file }) => file.replace(/[-_]?\d*\.\w+$/, "").replace(/(?:_variant)?_\d+$/, ""),
  "each source unseen": ({ source }) => source,
};

export function recogniseUnseen(mails: readonly LabelledMail[], groupOf: GroupOf): JudgedMail[] {
  const phrases = splitRules(recogniseRules);
  const users = findUsers(mails, phrases, groupOf);
  const known = new Map<string, RecogniseRules>();
  return mails.map((mail) => {
    const group = groupOf(mail);
    const rules = known.get(group) ?? withoutPhrasesOf(phrases, users, group);
    known.set(group, rules);
    return { ...mail, mail: recogniseMail(mail.bytes, recogniseLimits, rules) };
  });
}

type Users = ReadonlyMap<string, ReadonlySet<string>>;

/** Which groups have a use for each phrase: it decided a cause there, or told a dialect. */
function findUsers(mails: readonly LabelledMail[], phrases: RecogniseRules, groupOf: GroupOf): Users {
  const users = new Map<string, Set<string>>();
  const note = (id: string, group: string): void => {
    const groups = users.get(id);
    if (groups) groups.add(group);
    else users.set(id, new Set([group]));
  };
  for (const mail of mails) {
    const group = groupOf(mail);
    const recognised = recogniseMail(mail.bytes, recogniseLimits, phrases);
    if (recognised.kind === "unreadable") continue;
    for (const { rule } of recognised.recipients) note(rule, group);
    if (recognised.recipients.length === 0) continue;
    const words = wordsOf(mail.bytes);
    for (const { id, mark } of phrases.dialects) if (mark.test(words)) note(id, group);
  }
  return users;
}

function wordsOf(bytes: Buffer): string {
  const mail = readMime(bytes, recogniseLimits);
  return mail.ok ? viewMail(mail.value).notice.words : "";
}

/** A phrase that no mail of the corpus uses stays: nothing here taught it. */
function withoutPhrasesOf({ dialects, causes }: RecogniseRules, users: Users, group: string): RecogniseRules {
  const isKnown = ({ id }: { readonly id: string }): boolean => {
    const groups = users.get(id);
    return groups === undefined || groups.size > 1 || !groups.has(group);
  };
  return {
    dialects: dialects.filter(isKnown),
    causes: { providers: causes.providers.filter(isKnown), words: causes.words.filter(isKnown) },
  };
}

function splitRules({ dialects, causes }: RecogniseRules): RecogniseRules {
  return {
    dialects: dialects.flatMap((dialect) =>
      splitPattern(dialect.mark).map((mark, at) => ({ ...dialect, id: `${dialect.id}#${String(at)}`, mark })),
    ),
    causes: { providers: causes.providers.flatMap(splitRule), words: causes.words.flatMap(splitRule) },
  };
}

function splitRule<Rule extends { readonly id: string; readonly pattern: RegExp }>(rule: Rule): Rule[] {
  return splitPattern(rule.pattern).map((pattern, at) => ({ ...rule, id: `${rule.id}#${String(at)}`, pattern }));
}

/** `a|(?:b|c)` → `a`, `(?:b|c)`: alternatives outside of all brackets. */
export function splitPattern(pattern: RegExp): RegExp[] {
  const pieces: string[] = [];
  let piece = "";
  let depth = 0;
  let inClass = false;
  for (let at = 0; at < pattern.source.length; at += 1) {
    const char = pattern.source.charAt(at);
    if (char === "\\") {
      piece += char + pattern.source.charAt(at + 1);
      at += 1;
      continue;
    }
    if (inClass) inClass = char !== "]";
    else if (char === "[") inClass = true;
    else if (char === "(") depth += 1;
    else if (char === ")") depth -= 1;
    else if (char === "|" && depth === 0) {
      pieces.push(piece);
      piece = "";
      continue;
    }
    piece += char;
  }
  return [...pieces, piece].map((source) => new RegExp(source, pattern.flags));
}

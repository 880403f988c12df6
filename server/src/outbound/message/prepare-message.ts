/**
 * Prepares what HR wrote for one language of a round, so that each person's mail only needs its own values filled in:
 * texts are read, placed in the layout and compiled once. `fillValues` then gives every slot its string for one person.
 * It does not compose, sign or send, and knows neither database nor clock.
 */
import type { HeaderField } from "@roundtrip/mail/header";
import { textProblem } from "@roundtrip/mail/header";
import { compileMessage, type CompiledMessage, type Piece } from "@roundtrip/mail/message/compile-message";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { firstNameOf } from "./first-name.ts";
import { defaultLayout } from "./layout-default.ts";
import { layOut, type LayoutPiece } from "./lay-out.ts";
import { mailWords, type MailWords } from "./mail-words.ts";
import { readTexts, type Texts, type TextSource } from "./read-texts.ts";
import { directionOf } from "./text-direction.ts";
import { attributeVariable, listVariables, type Known, type Values } from "./variables.ts";
import {
  directionAttribute,
  escapeHtml,
  writeLineHtml,
  writeLineText,
  writeParagraphsHtml,
  writeParagraphsText,
  type Fragment,
  type Writing,
} from "./write-fragments.ts";

/** What HR writes for one language. */
export interface MessageSource extends TextSource {
  /** BCP 47, such as `en` or `pt-BR`. */
  readonly language: string;
  /** MJML; left out for our own layout. */
  readonly layout?: string;
}

/** The same for everyone in the round. */
export interface MessageFacts {
  readonly organisation: string;
  readonly round: string;
  readonly sender: string;
  readonly closesAt: Date;
  /** IANA name, such as `Europe/Copenhagen`: in it the day of closing is named. */
  readonly timeZone: string;
  /** Keys of the attributes that the organisation's employees have. */
  readonly attributes: readonly string[];
  /** As standing-headers.ts writes them. */
  readonly headers: readonly HeaderField[];
}

/** One person's own. */
export interface Person {
  /** Empty when it is not known. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly surveyLink: string;
  readonly unsubscribeLink: string;
}

export interface PreparedMessage {
  readonly compiled: CompiledMessage;
  /** The personal variables that the mail depends on, and where each comes from. */
  readonly variables: readonly PersonalVariable[];
  /** One for each slot of `compiled`. */
  readonly slots: readonly PreparedSlot[];
  /** Keys of the attributes that the mail depends on. */
  readonly attributes: readonly string[];
  /** Without the values of a person. */
  readonly htmlBytes: number;
  /** Sentences for HR: nothing that keeps the mail from being sent. */
  readonly warnings: readonly string[];
  readonly round: Values;
}

export interface PersonalVariable {
  readonly name: string;
  readonly read: (person: Person) => string;
}

export interface PreparedSlot {
  readonly slot: string;
  readonly fill: (values: Values) => string;
}

export interface MessageFault {
  readonly field: keyof MessageSource | "facts" | "headers";
  /** From 1. */
  readonly line: number;
  /** One sentence that says what is wrong and what to do. */
  readonly text: string;
}

/** Gmail shows no more than 102 KB of a mail's HTML; a person's values come on top. */
const HTML_WARN_BYTES = 90_000;

/** All faults of all fields at once; a layout is compiled only when the texts are right. */
export async function prepareMessage(
  source: MessageSource,
  facts: MessageFacts,
): Promise<Result<PreparedMessage, readonly MessageFault[]>> {
  if (!isLanguage(source.language)) {
    return failed([
      { field: "language", line: 1, text: "The language is no tag such as en, de or pt-BR: choose one from the list." },
    ]);
  }
  const round = roundValues(source.language, facts);
  const faults = checkFacts(round);
  const words = mailWords(source.language);
  const known: Known = { variables: listVariables(facts.attributes), language: source.language };
  const texts = readTexts(source, words, known);
  if (!texts.ok) return failed([...faults, ...texts.error]);
  if (faults.length > 0) return failed(faults);
  const layout = await layOut(source.layout ?? defaultLayout(source.language, words.title), source.language);
  if (!layout.ok) return failed(layout.error.map((fault) => ({ field: "layout", ...fault })));
  const links = new Set(known.variables.filter(({ kind }) => kind === "link").map(({ name }) => name));
  return assemble(
    {
      texts: texts.value,
      layout: layout.value,
      words,
      writing: { round, links, direction: directionOf(source.language) },
    },
    facts,
  );
}

/** A tag that `Intl` also takes, for it writes dates and letter case. */
function isLanguage(tag: string): boolean {
  try {
    return /^[A-Za-z0-9-]{2,35}$/.test(tag) && Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    // Intl throws on what is no tag: that is the answer.
    return false;
  }
}

function roundValues(language: string, facts: MessageFacts): Values {
  const closes_on = new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: facts.timeZone }).format(
    facts.closesAt,
  );
  return withoutPrototype({ organisation: facts.organisation, round: facts.round, sender: facts.sender, closes_on });
}

function checkFacts(round: Values): readonly MessageFault[] {
  return Object.entries(round)
    .filter(([, value]) => textProblem(value) !== undefined)
    .map(([name]) => ({
      field: "facts",
      line: 1,
      text: `The value of {{ ${name} }} has a line break or control character in it: remove it.`,
    }));
}

interface Parts {
  readonly texts: Texts;
  readonly layout: readonly LayoutPiece[];
  readonly words: MailWords;
  readonly writing: Writing;
}

function assemble(parts: Parts, facts: MessageFacts): Result<PreparedMessage, readonly MessageFault[]> {
  const { texts, words, writing } = parts;
  const slots = new SlotList(words.nameless);
  const html = slots.place(htmlPart(parts));
  const compiled = compileMessage({
    headers: facts.headers,
    subject: slots.place(writeLineText(texts.subject, writing)),
    text: slots.place(textPart(parts)),
    html,
  });
  if (!compiled.ok)
    return failed([
      {
        field: "headers",
        line: 1,
        text: `The field ${compiled.error.field} cannot be written: ${compiled.error.because}.`,
      },
    ]);
  const used = [...slots.uses].filter((name) => writing.round[name] === undefined);
  const attributes = facts.attributes.filter((key, index, all) => {
    const name = attributeVariable(key);
    return used.includes(name) && all.findIndex((other) => attributeVariable(other) === name) === index;
  });
  const htmlBytes = html.reduce((sum, piece) => sum + (typeof piece === "string" ? Buffer.byteLength(piece) : 0), 0);
  return ok({
    compiled: compiled.value,
    variables: used.map((name) => ({ name, read: personalReader(name, attributes) })),
    slots: slots.list,
    attributes,
    htmlBytes,
    warnings:
      htmlBytes > HTML_WARN_BYTES
        ? [
            `The mail has ${String(Math.round(htmlBytes / 1000))} KB of HTML; Gmail cuts off what is over 102 KB. Shorten the text or the layout.`,
          ]
        : [],
    round: writing.round,
  });
}

/** Text first says the same as the HTML; links stand on lines of their own, where every program finds them. */
function textPart({ texts, words, writing }: Parts): readonly Fragment[] {
  return [
    ...writeParagraphsText([...texts.greeting, "\n\n", ...texts.body], writing),
    ...writeLineText(texts.button, writing),
    "\n",
    { kind: "variable", name: "survey_link" },
    "\n\n—\n\n",
    ...writeParagraphsText(texts.footer, writing),
    `${words.stop}\n`,
    { kind: "variable", name: "unsubscribe_link" },
    "\n",
  ];
}

function htmlPart({ texts, layout, words, writing }: Parts): readonly Fragment[] {
  const stop: readonly Fragment[] = [
    `<p${directionAttribute(writing)} style="margin:0"><a href="`,
    { kind: "variable", name: "unsubscribe_link" },
    `">${escapeHtml(words.stop)}</a></p>`,
  ];
  const inPlaces: Readonly<Record<string, readonly Fragment[]>> = {
    preview: writeLineHtml(texts.preview, writing),
    body: writeParagraphsHtml([...texts.greeting, "\n\n", ...texts.body], writing),
    button: writeLineHtml(texts.button, writing),
    footer: [...writeParagraphsHtml(texts.footer, writing), ...stop],
  };
  return layout.flatMap((piece): readonly Fragment[] => {
    if (typeof piece === "string") return [piece];
    const slot = { kind: "variable", name: piece.name } as const;
    return inPlaces[piece.name] ?? (piece.isLink ? [slot] : writeLineHtml([slot], writing));
  });
}

/** Names the slots of a mail as its parts are put together. */
class SlotList {
  readonly list: PreparedSlot[] = [];
  readonly uses = new Set<string>();
  readonly #nameless: string;

  constructor(nameless: string) {
    this.#nameless = nameless;
  }

  place(fragments: readonly Fragment[]): readonly Piece[] {
    return fragments.map((fragment): Piece => {
      if (typeof fragment === "string") return fragment;
      if (fragment.kind === "variable") return this.#addVariable(fragment.name);
      const slot = `computed_${String(this.list.length)}`;
      this.list.push({ slot, fill: fragment.finish });
      for (const name of fragment.uses) this.uses.add(name);
      return { slot, raw: true };
    });
  }

  #addVariable(name: string): Piece {
    if (!this.list.some(({ slot }) => slot === name)) {
      const nameless = name === "name" || name === "first_name" ? this.#nameless : "";
      this.list.push({ slot: name, fill: (values) => values[name] || nameless });
    }
    this.uses.add(name);
    return { slot: name };
  }
}

function personalReader(variable: string, attributes: readonly string[]): PersonalVariable["read"] {
  if (variable === "name") return ({ name }) => name;
  if (variable === "first_name") return ({ name }) => firstNameOf(name);
  if (variable === "survey_link") return ({ surveyLink }) => surveyLink;
  if (variable === "unsubscribe_link") return ({ unsubscribeLink }) => unsubscribeLink;
  const key = attributes.find((candidate) => attributeVariable(candidate) === variable);
  if (key === undefined) throw new Error(`Nothing is known of the variable ${variable}.`);
  return ({ attributes: own }) => (Object.hasOwn(own, key) ? (own[key] ?? "") : "");
}

/**
 * Every slot's value for one person. A value with a line break or control character throws: the import refuses those, so
 * one that is here is a bug of ours.
 */
export function fillValues(prepared: PreparedMessage, person: Person): Record<string, string> {
  // The values of the round lie behind those of the person, and nothing behind them: `constructor` finds only what was put in.
  const values = Object.create(prepared.round) as Record<string, string>;
  // The whole name is judged even where only a part of it is used.
  const named = { ...person, name: safeValue("name", person.name) };
  for (const { name, read } of prepared.variables) values[name] = safeValue(name, read(named));
  const filled: Record<string, string> = {};
  for (const { slot, fill } of prepared.slots) filled[slot] = fill(values);
  return filled;
}

/** Characters that turn the writing direction of what follows, beyond the end of the value (Unicode TR 36 §2.4). */
const TURNS_WRITING = /[\u202a-\u202e\u2066-\u2069]/;
const TURNS_WRITING_ALL = new RegExp(TURNS_WRITING, "g");

function safeValue(name: string, value: string): string {
  const problem = textProblem(value);
  if (problem !== undefined)
    throw new Error(`The value of ${name} is unfit for a mail (${problem}): it should have been refused earlier.`);
  return TURNS_WRITING.test(value) ? value.replaceAll(TURNS_WRITING_ALL, "") : value;
}

/** So that a name such as `constructor` finds only what was put in. */
function withoutPrototype(entries: Values): Record<string, string> {
  return Object.assign(Object.create(null) as Record<string, string>, entries);
}

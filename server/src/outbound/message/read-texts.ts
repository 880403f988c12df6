/**
 * Reads the texts HR wrote for one language, and the words the mail adds by itself: how long each may be, which are one
 * line, which may hold links. Missing words are those of the language. It does not place them.
 */
import { textProblem } from "@roundtrip/mail/header";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { flattenLiquid, usedBy, type Segment, type TemplateFault } from "./flatten-liquid.ts";
import type { MailWords } from "./mail-words.ts";
import type { Known } from "./variables.ts";

export interface TextSource {
  readonly subject: string;
  /** What mail programs show beside the subject; may be empty. */
  readonly preview: string;
  /** Paragraphs of plain text with an empty line between them. */
  readonly body: string;
  /** The words on the button; empty for those of the language. */
  readonly button: string;
  /** First line; left out for that of the language, empty for none. */
  readonly greeting?: string;
}

export interface TextFault extends TemplateFault {
  readonly field: keyof TextSource | "language";
}

/** Each text, read. */
export interface Texts {
  readonly subject: readonly Segment[];
  readonly preview: readonly Segment[];
  readonly greeting: readonly Segment[];
  readonly body: readonly Segment[];
  readonly button: readonly Segment[];
  readonly footer: readonly Segment[];
}

interface TextRule {
  readonly field: "subject" | "preview" | "greeting" | "body" | "button";
  readonly maxLength: number;
  /** One line, without links, for a line of text cannot be clicked. */
  readonly isLine: boolean;
  readonly isRequired: boolean;
}

const RULES: readonly TextRule[] = [
  { field: "subject", maxLength: 250, isLine: true, isRequired: true },
  { field: "preview", maxLength: 500, isLine: true, isRequired: false },
  { field: "greeting", maxLength: 250, isLine: true, isRequired: false },
  { field: "body", maxLength: 50_000, isLine: false, isRequired: true },
  { field: "button", maxLength: 100, isLine: true, isRequired: true },
];

/** All faults of all texts at once. */
export function readTexts(source: TextSource, words: MailWords, known: Known): Result<Texts, readonly TextFault[]> {
  const written = {
    subject: source.subject.trim(),
    preview: source.preview.trim(),
    greeting: source.greeting ?? words.greeting,
    body: source.body,
    button: source.button.trim() === "" ? words.button : source.button.trim(),
  };
  const faults: TextFault[] = [];
  const read = (
    field: TextFault["field"],
    result: Result<readonly Segment[], readonly TemplateFault[]>,
  ): readonly Segment[] => {
    if (result.ok) return result.value;
    faults.push(...result.error.map((fault) => ({ field, ...fault })));
    return [];
  };
  const [subject = [], preview = [], greeting = [], body = [], button = []] = RULES.map((rule) =>
    read(rule.field, readText(written[rule.field], rule, known)),
  );
  const footer = read("language", flattenLiquid(words.footer, known));
  return faults.length === 0 ? ok({ subject, preview, greeting, body, button, footer }) : failed(faults);
}

function readText(text: string, rule: TextRule, known: Known): Result<readonly Segment[], readonly TemplateFault[]> {
  const plain = text.replaceAll(/\r\n|\r/g, "\n");
  const problem = plainProblem(plain, rule);
  if (problem !== undefined) return failed([{ line: 1, text: problem }]);
  const segments = flattenLiquid(plain, known);
  if (!segments.ok || !rule.isLine) return segments;
  const link = usedBy(segments.value).find((name) => name.endsWith("_link"));
  return link === undefined
    ? segments
    : failed([
        {
          line: 1,
          text: `{{ ${link} }} cannot be used in the ${rule.field}, where no link can be opened: use it in the body.`,
        },
      ]);
}

function plainProblem(text: string, { field, maxLength, isLine, isRequired }: TextRule): string | undefined {
  if (isRequired && text.trim() === "") return `The ${field} is empty: write one.`;
  if (text.length > maxLength)
    return `The ${field} has ${String(text.length)} characters: shorten it to ${String(maxLength)}.`;
  if (isLine && text.includes("\n")) return `The ${field} has a line break in it: write it on one line.`;
  const line = text.replaceAll(/[\n\t]/g, " ");
  return textProblem(line) === undefined
    ? undefined
    : `The ${field} has a character in it that cannot be seen, often copied from a document: type the text by hand.`;
}

/**
 * Turns what was written (segments) into what stands in a part of the mail (fragments), as plain text or as HTML: what is
 * the same for everyone becomes static here, what a person brings stays a slot. Every text is escaped for its place, so
 * that neither words nor values can become markup. It fills nothing.
 */
import { renderSegments, type Segment, type VariableSlot } from "./flatten-liquid.ts";
import type { Direction } from "./text-direction.ts";
import type { Values } from "./variables.ts";

/** Finished static text, the slot of a variable (escaped when it is filled), or a computed one that is finished already. */
export type Fragment =
  | string
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "computed"; readonly uses: readonly string[]; readonly finish: (values: Values) => string };

/** `round` holds the values that are the same for everyone. */
export interface Writing {
  readonly round: Values;
  readonly links: ReadonlySet<string>;
  readonly direction: Direction;
}

/** One line: a subject, a button, or a preview as text. */
export function writeLineText(segments: readonly Segment[], { round }: Writing): readonly Fragment[] {
  return segments.map((segment) => {
    if (typeof segment === "string") return segment;
    if (segment.kind === "variable") return round[segment.name] ?? segment;
    return { kind: "computed", uses: segment.uses, finish: (values: Values) => segment.render(values, asItIs) };
  });
}

/** One line within an HTML element. */
export function writeLineHtml(segments: readonly Segment[], writing: Writing): readonly Fragment[] {
  return segments.flatMap((segment): readonly Fragment[] => {
    if (typeof segment === "string") return [withBreaks(escapeHtml(segment))];
    if (segment.kind === "variable") return writeVariableHtml(segment, writing);
    const finish = (values: Values) =>
      withBreaks(segment.render(values, (text, variable) => writeLeafHtml(text, variable, writing)));
    return [{ kind: "computed", uses: segment.uses, finish }];
  });
}

/** Paragraphs with an empty line after each. */
export function writeParagraphsText(segments: readonly Segment[], writing: Writing): readonly Fragment[] {
  return splitParagraphs(segments).flatMap((paragraph): readonly Fragment[] => {
    if (!isConditional(paragraph)) return [...writeLineText(paragraph, writing), "\n\n"];
    const finish = (values: Values) =>
      cutParagraphs(renderSegments(paragraph, values, asItIs))
        .map((text) => `${text}\n\n`)
        .join("");
    return [computed(paragraph, finish)];
  });
}

/** Paragraphs as `<p>`; a condition round whole paragraphs leaves no empty one behind. */
export function writeParagraphsHtml(segments: readonly Segment[], writing: Writing): readonly Fragment[] {
  const open = `<p${directionAttribute(writing)} style="margin:0 0 16px">`;
  return splitParagraphs(segments).flatMap((paragraph): readonly Fragment[] => {
    if (!isConditional(paragraph)) return [open, ...writeLineHtml(paragraph, writing), CLOSE];
    const finish = (values: Values) =>
      cutParagraphs(renderSegments(paragraph, values, (text, variable) => writeLeafHtml(text, variable, writing)))
        .map((html) => open + withBreaks(html) + CLOSE)
        .join("");
    return [computed(paragraph, finish)];
  });
}

/** Said again at each paragraph, for layouts and webmail forget what the whole mail says. */
export function directionAttribute({ direction }: Writing): string {
  return direction === "rtl" ? ' dir="rtl"' : "";
}

/** Text for HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

const CLOSE = "</p>\n";
const PARAGRAPH_BREAK = /\n[^\S\n]*\n\s*/;

function asItIs(text: string): string {
  return text;
}

function computed(paragraph: readonly Segment[], finish: (values: Values) => string): Fragment {
  const uses = paragraph.flatMap((segment) =>
    typeof segment === "string" || segment.kind === "variable" ? [] : segment.uses,
  );
  return { kind: "computed", uses: [...new Set(uses)], finish };
}

function splitParagraphs(segments: readonly Segment[]): readonly (readonly Segment[])[] {
  const paragraphs: Segment[][] = [[]];
  for (const segment of segments) {
    if (typeof segment !== "string") {
      paragraphs.at(-1)?.push(segment);
      continue;
    }
    const [first = "", ...rest] = segment.split(PARAGRAPH_BREAK);
    paragraphs.at(-1)?.push(first);
    paragraphs.push(...rest.map((text) => [text]));
  }
  return paragraphs.map(trimEdges).filter((paragraph) => paragraph.length > 0);
}

/** Without blanks at either end, and without empty texts. */
function trimEdges(paragraph: readonly Segment[]): readonly Segment[] {
  const last = paragraph.length - 1;
  return paragraph
    .map((segment, index) => {
      if (typeof segment !== "string") return segment;
      const start = index === 0 ? segment.trimStart() : segment;
      return index === last ? start.trimEnd() : start;
    })
    .filter((segment) => segment !== "");
}

/** It may come to nothing for some people, and then there must be no trace of it. */
function isConditional(paragraph: readonly Segment[]): boolean {
  return paragraph.every((segment) =>
    typeof segment === "string" ? segment.trim() === "" : segment.kind === "computed",
  );
}

function cutParagraphs(text: string): readonly string[] {
  return text
    .trim()
    .split(PARAGRAPH_BREAK)
    .filter((paragraph) => paragraph !== "");
}

function writeVariableHtml(segment: VariableSlot, writing: Writing): readonly Fragment[] {
  const fixed = writing.round[segment.name];
  if (fixed !== undefined) return [writeLeafHtml(fixed, segment.name, writing)];
  const [before, after] = around(segment.name, writing);
  return writing.links.has(segment.name) ? ['<a href="', segment, '">', segment, "</a>"] : [before, segment, after];
}

function writeLeafHtml(text: string, variable: string | undefined, writing: Writing): string {
  const html = escapeHtml(text);
  if (variable === undefined) return html;
  if (writing.links.has(variable)) return `<a href="${html}">${html}</a>`;
  const [before, after] = around(variable, writing);
  return before + html + after;
}

/** In a mail written right to left, Latin names and numbers are set apart, else they pull the signs round them over. */
function around(variable: string, { direction, links }: Writing): readonly [string, string] {
  return direction === "rtl" && !links.has(variable) ? ['<span dir="auto">', "</span>"] : ["", ""];
}

/** Only static text has line breaks: values with any are refused long before. */
function withBreaks(html: string): string {
  return html.replaceAll("\n", "<br>\n");
}

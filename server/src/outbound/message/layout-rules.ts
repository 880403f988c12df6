/**
 * What a layout may be made of: a list of elements and attributes, and nothing beside it. Every `<` must begin an element
 * of the list, written so plainly that all readers of markup read it alike. So there are no includes, scripts, pictures,
 * raw HTML or remote styles: nothing that runs, fetches, or tells a stranger that the mail was opened.
 */
import { isMarkerName } from "./layout-markers.ts";
import type { TemplateFault } from "./flatten-liquid.ts";

const ELEMENTS: ReadonlySet<string> = new Set(
  `mjml mj-head mj-attributes mj-all mj-class mj-style mj-title mj-preview mj-breakpoint mj-body mj-wrapper mj-section
   mj-group mj-column mj-text mj-button mj-divider mj-spacer mj-table
   a b br em h1 h2 h3 i li ol p small span strong table tbody td th thead tr u ul`.split(/\s+/),
);

/** Attributes that load something or run something, and those that say for whom the mail is, which the layout is told. */
const REFUSED_ATTRIBUTE = /^on|^(?:src|srcset|background|background-url|lang)$/;
const REMOTE = /url\s*\(|@import|@font-face|expression\s*\(|\\/i;
const ELEMENT = /<(\/?)([a-z][a-z0-9-]*)((?:\s+[a-z-]+="[^"<>]*")*)\s*(\/?)>/y;
const ATTRIBUTE = /([a-z-]+)="([^"<>]*)"/g;

/** Everything in the source that a layout may not have; empty when there is nothing. */
export function layoutProblems(source: string): readonly TemplateFault[] {
  const faults: TemplateFault[] = [];
  const open: { name: string; line: number }[] = [];
  let line = 1;
  let at = 0;
  for (;;) {
    const next = source.indexOf("<", at);
    const text = source.slice(at, next === -1 ? source.length : next);
    if (REMOTE.test(text))
      faults.push({
        line,
        text: "Styles may not load or run anything: remove url(…), @import, @font-face and backslashes.",
      });
    line += countLines(text);
    if (next === -1) break;
    ELEMENT.lastIndex = next;
    const element = ELEMENT.exec(source);
    if (!element) return [...faults, { line, text: UNREADABLE }];
    const problem = elementProblem(element, open, line);
    if (problem !== undefined) faults.push({ line, text: problem });
    line += countLines(element[0]);
    at = ELEMENT.lastIndex;
  }
  for (const { name, line } of open) faults.push({ line, text: `<${name}> is never closed: add </${name}>.` });
  return faults;
}

const UNREADABLE =
  'A < begins no element that a layout can have: write elements in lower case as <name attribute="value">, and a bare < as &lt;.';

function elementProblem(
  [, slash, name = "", attributes = "", selfClosed]: RegExpExecArray,
  open: { name: string; line: number }[],
  line: number,
): string | undefined {
  if (!ELEMENTS.has(name)) return `<${name}> cannot be used in a layout: ${cureFor(name)}`;
  if (slash !== "") {
    const last = open.pop();
    return last?.name === name
      ? undefined
      : `</${name}> closes ${last ? `<${last.name}> of line ${String(last.line)}` : "nothing"}: close elements in the order they were opened.`;
  }
  if (selfClosed === "" && name !== "br") open.push({ name, line });
  for (const [, attribute = "", value = ""] of attributes.matchAll(ATTRIBUTE)) {
    if (REFUSED_ATTRIBUTE.test(attribute) || REMOTE.test(value))
      return `The attribute ${attribute} of <${name}> cannot be used in a layout: remove it.`;
    if (attribute === "href" && !isFixedLink(value))
      return `The link of <${name}> is neither {{ survey_link }}, {{ unsubscribe_link }}, https:// nor mailto: use one of these.`;
    if (attribute !== "href" && value.includes("{{"))
      return `The attribute ${attribute} of <${name}> cannot hold a variable: only href can.`;
  }
  return undefined;
}

function cureFor(name: string): string {
  if (name === "img" || name === "mj-image" || name === "mj-carousel" || name === "mj-hero") {
    return "pictures are blocked by most mail programs, and loading one tells that the mail was opened. Say it in words.";
  }
  if (name === "mj-include") return "a layout is one text. Paste what you meant to include.";
  return "use mj-section, mj-column, mj-text, mj-button, mj-divider and plain formatting.";
}

function isFixedLink(value: string): boolean {
  const marker = /^\{\{\s*(\w+)\s*\}\}$/.exec(value)?.[1];
  if (marker !== undefined) return isMarkerName(marker) && marker.endsWith("_link");
  return /^(?:https:\/\/|mailto:)[!-z|~]+$/.test(value);
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

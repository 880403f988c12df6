/**
 * The markers of a layout: `{{ name }}` and nothing more of Liquid. A place takes a part of the mail (its paragraphs, its
 * footer); a variable stands for itself. It finds markers, and does not know what will be put there.
 */
import { explainUnknown } from "./explain-unknown.ts";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import type { TemplateFault } from "./flatten-liquid.ts";
import { variables } from "./variables.ts";

export interface Marker {
  readonly name: string;
  readonly line: number;
}

/** Parts of the mail, and how often a layout has to hold each of them. */
export const places: Readonly<
  Record<string, { readonly least: number; readonly most: number; readonly sentence: string }>
> = {
  preview: { least: 0, most: 1, sentence: "The line that mail programs show beside the subject." },
  body: { least: 1, most: 1, sentence: "Greeting and paragraphs." },
  button: { least: 0, most: 1, sentence: "The words on the button." },
  footer: { least: 1, most: 1, sentence: "Who sends the mail, why, and how to stop it." },
};

const NAMES: readonly string[] = [...Object.keys(places), ...variables.map((variable) => variable.name)];
const MARKER = /\{\{\s*(\w{1,60})\s*\}\}|\{\{|\{%/g;

export function isMarkerName(name: string): boolean {
  return NAMES.includes(name);
}

/** The layout cut at its markers, in order. */
export function readMarkers(source: string): Result<readonly (string | Marker)[], readonly TemplateFault[]> {
  const parts: (string | Marker)[] = [];
  const faults: TemplateFault[] = [];
  let at = 0;
  let line = 1;
  for (const match of source.matchAll(MARKER)) {
    const text = source.slice(at, match.index);
    line += text.split("\n").length - 1;
    const name = match[1];
    if (name === undefined)
      faults.push({
        line,
        text: "A layout can hold single variables such as {{ organisation }}: conditions and filters belong in the text.",
      });
    else if (!isMarkerName(name)) faults.push({ line, text: explainUnknown(name, NAMES) });
    else parts.push(text, { name, line });
    line += match[0].split("\n").length - 1;
    at = match.index + match[0].length;
  }
  parts.push(source.slice(at));
  faults.push(...missingPlaces(parts));
  return faults.length === 0 ? ok(parts) : failed(faults);
}

function missingPlaces(parts: readonly (string | Marker)[]): readonly TemplateFault[] {
  const found = parts.filter((part) => typeof part !== "string");
  const faults = Object.entries(places).flatMap(([name, { least, most }]) => {
    const times = found.filter((marker) => marker.name === name);
    if (times.length < least)
      return [{ line: 1, text: `The layout has no {{ ${name} }}: put it where that part of the mail belongs.` }];
    return times
      .slice(most)
      .map(({ line }) => ({ line, text: `{{ ${name} }} stands in the layout more than once: keep one.` }));
  });
  if (found.some((marker) => marker.name === "survey_link")) return faults;
  return [
    ...faults,
    { line: 1, text: 'The layout has no {{ survey_link }}: add a button with href="{{ survey_link }}".' },
  ];
}

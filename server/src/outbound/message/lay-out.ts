/**
 * Compiles a layout (MJML with markers) into HTML cut at its markers, once, when it is saved. MJML never sees what people
 * wrote: inert words stand for the markers while it works, and each must come out exactly once, where text or a link may
 * stand. Nothing is included, fetched or read from files. It does not know what goes into the places.
 */
import mjml2html from "mjml";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import type { TemplateFault } from "./flatten-liquid.ts";
import { readMarkers, type Marker } from "./layout-markers.ts";
import { layoutProblems } from "./layout-rules.ts";
import { directionOf } from "./text-direction.ts";

/** Static HTML, or a marker; `isLink` when it is the whole value of an href. */
export type LayoutPiece = string | { readonly name: string; readonly isLink: boolean };

const SOURCE_MAX = 100_000;

/** `language` (BCP 47) becomes the language and direction of the whole mail. */
export async function layOut(
  source: string,
  language: string,
): Promise<Result<readonly LayoutPiece[], readonly TemplateFault[]>> {
  if (source.length > SOURCE_MAX)
    return failed([{ line: 1, text: `The layout is longer than ${String(SOURCE_MAX)} characters: shorten it.` }]);
  const problems = layoutProblems(source);
  if (problems.length > 0) return failed(problems);
  const parts = readMarkers(source);
  if (!parts.ok) return parts;
  const markers = parts.value.filter((part) => typeof part !== "string");
  const word = inertWord(source);
  let index = 0;
  const inert = parts.value.map((part) => (typeof part === "string" ? part : `${word}${String(index++)}x`)).join("");
  const html = await compile(inert, language);
  return html.ok ? cutAtWords(html.value, word, markers) : html;
}

/** Letters that the source does not contain, so that nothing but a marker can be taken for one. */
function inertWord(source: string): string {
  let word = "xslot";
  while (source.includes(word)) word += "q";
  return word;
}

async function compile(source: string, language: string): Promise<Result<string, readonly TemplateFault[]>> {
  const root = `<mjml lang="${language}" dir="${directionOf(language)}"`;
  try {
    const { html } = await mjml2html(source.replace(/<mjml(?=[\s>])/, root), {
      validationLevel: "strict",
      ignoreIncludes: true,
      useMjmlConfigOptions: false,
      keepComments: false,
      fonts: {},
      minify: false,
      beautify: false,
    });
    // Runs of white space mean one blank in HTML; a layout cannot hold <pre>.
    return ok(html.replaceAll(/[ \t]*\n\s*/g, "\n").trim());
  } catch (error) {
    return failed(readMjmlFaults(error));
  }
}

function readMjmlFaults(error: unknown): readonly TemplateFault[] {
  const { errors = [] } = error as { errors?: readonly { line: number; message: string }[] };
  if (errors.length > 0) return errors.map(({ line, message }) => ({ line, text: `${message}.` }));
  return [{ line: 1, text: "This is no MJML layout: begin with <mjml><mj-body> and end with </mj-body></mjml>." }];
}

/** Where no marker may stand: comments for Outlook, styles, the title, and elements, save the href of a link. */
const CLOSED = /<!--[^]*?-->|<(style|title)\b[^]*?<\/\1>|<[^>]*>/g;

function cutAtWords(
  html: string,
  word: string,
  markers: readonly Marker[],
): Result<readonly LayoutPiece[], readonly TemplateFault[]> {
  const pieces: LayoutPiece[] = [];
  const seen = markers.map(() => 0);
  const faults: TemplateFault[] = [];
  const closed = [...html.matchAll(CLOSED)];
  let at = 0;
  let next = 0;
  for (const match of html.matchAll(new RegExp(`${word}([0-9]+)x`, "g"))) {
    const index = Number(match[1]);
    const marker = markers[index];
    if (!marker) throw new Error("MJML made up a marker.");
    seen[index] = (seen[index] ?? 0) + 1;
    while (next < closed.length && endOf(closed[next]) <= match.index) next += 1;
    const around = closed[next];
    const isInside = around !== undefined && around.index < match.index;
    const isLink = isInside && /^<a\s/.test(around[0]) && around[0].includes(`href="${match[0]}"`);
    if ((isInside && !isLink) || isLink !== mustBeLink(marker.name, isLink))
      faults.push({ line: marker.line, text: misplaced(marker.name) });
    pieces.push(html.slice(at, match.index), { name: marker.name, isLink });
    at = match.index + match[0].length;
  }
  pieces.push(html.slice(at));
  markers.forEach(({ name, line }, index) => {
    if (seen[index] !== 1) faults.push({ line, text: misplaced(name) });
  });
  return faults.length === 0 ? ok(pieces) : failed(faults);
}

function endOf(match: RegExpExecArray | undefined): number {
  return match ? match.index + match[0].length : 0;
}

/** The link to the survey may also be shown; the one to stop mail is never spelled out; nothing else is a link. */
function mustBeLink(name: string, isLink: boolean): boolean {
  if (name === "survey_link") return isLink;
  return name === "unsubscribe_link";
}

function misplaced(name: string): string {
  return name.endsWith("_link")
    ? `{{ ${name} }} is not where a link can stand: use it as the href of an mj-button or a.`
    : `{{ ${name} }} is not where text can stand: put it inside mj-text, mj-button or mj-preview.`;
}

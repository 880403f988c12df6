/** Reads Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183, parameters as in RFC 2231). Lenient, never throws. */
import { readHeaderText, unfold } from "../header-read.ts";
import { decodeCharset } from "./charset.ts";

export interface ContentType {
  /** `type/subtype` in lower case (of a disposition: its one word); empty where it cannot be read. */
  readonly type: string;
  /** By name in lower case; continued and encoded ones put together. */
  readonly parameters: ReadonlyMap<string, string>;
}

const PARAMETER =
  /;\s{0,100}([\w!#$%&'*+.^`{|}~-]{1,100})\s{0,100}=\s{0,100}("(?:[^"\\]|\\.){0,2000}"?|[^;\s]{0,2000})/g;
const MOST_PIECES = 100;

export function readContentType(value: string): ContentType {
  const line = unfold(value);
  const type = /^[^;\s]{0,200}/.exec(line)?.[0].toLowerCase() ?? "";
  const written: [string, string][] = [];
  for (const [, name = "", raw = ""] of line.matchAll(PARAMETER)) {
    if (written.length === MOST_PIECES) break;
    written.push([name.toLowerCase(), unquote(raw)]);
  }
  return { type, parameters: joinPieces(written) };
}

function unquote(raw: string): string {
  if (!raw.startsWith('"')) return raw;
  return raw.replace(/^"|"$/g, "").replaceAll(/\\(.)/g, "$1");
}

/** `name*0*=utf-8''a%20; name*1=b` → `name=a b` (RFC 2231 §3, §4). The first of two equal names counts. */
function joinPieces(written: readonly (readonly [string, string])[]): Map<string, string> {
  const joined = new Map<string, string>();
  const extended = new Map<string, { charset: string; text: string }>();
  for (const [name, value] of written) {
    const [, base = name, , star = ""] = /^([^*]+)(\*\d+)?(\*)?$/.exec(name) ?? [];
    if (base === name) {
      if (!joined.has(name)) joined.set(name, readHeaderText(value));
      continue;
    }
    const [, charset = "", rest = value] = star === "" ? [] : (/^([^']*)'[^']*'(.*)$/.exec(value) ?? []);
    const known = extended.get(base) ?? { charset, text: "" };
    known.text += star === "" ? value : decodePercent(rest);
    extended.set(base, known);
  }
  for (const [name, { charset, text }] of extended)
    joined.set(name, decodeCharset(Buffer.from(text, "latin1"), charset));
  return joined;
}

function decodePercent(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

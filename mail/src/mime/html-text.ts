/**
 * The text that an HTML mail shows, roughly: enough to read a notice that has no plain part. It is no sanitiser and
 * builds no tree; what it returns is text and never to be put into a page as HTML. Linear, never throws.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  "#39": "'",
};
const HIDDEN = new Set(["style", "script", "head", "title"]);
const BREAKING = new Set(["br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "blockquote", "pre", "hr"]);

export function readHtmlText(html: string): string {
  let out = "";
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf("<", at);
    const end = open === -1 ? html.length : open;
    out += html.slice(at, end).replaceAll(/[ \t\r\n]+/g, " ");
    if (open === -1) break;
    const close = html.indexOf(">", open);
    if (close === -1) break;
    const name = /^<\/?([a-z][a-z0-9]*)/i.exec(html.slice(open, open + 20))?.[1]?.toLowerCase() ?? "";
    if (BREAKING.has(name)) out += "\n";
    at = close + 1;
    if (HIDDEN.has(name) && html[open + 1] !== "/") at = afterHidden(html, name, at);
    if (html.startsWith("<!--", open)) at = after(html, "-->", open + 4);
  }
  return readEntities(out)
    .replaceAll(/ ?\n ?/g, "\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

function afterHidden(html: string, name: string, from: number): number {
  // Where it is never closed, the rest is hidden too, as in browsers.
  const closing = new RegExp(`</${name}\\b[^>]{0,100}>`, "ig");
  closing.lastIndex = from;
  const found = closing.exec(html);
  return found ? found.index + found[0].length : html.length;
}

function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from);
  return found === -1 ? html.length : found + mark.length;
}

function readEntities(text: string): string {
  return text.replaceAll(/&(#x?[0-9a-f]{1,6}|[a-z]{2,6});/gi, (whole, name: string) => {
    const known = ENTITIES[name.toLowerCase()];
    if (known !== undefined) return known;
    const point = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10);
    const isPoint = name.startsWith("#") && point > 31 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
    return isPoint ? String.fromCodePoint(point) : whole;
  });
}

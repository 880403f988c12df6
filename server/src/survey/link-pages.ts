/** The plain pages behind a mail's links, written on the server: no script, nothing from third parties, readable anywhere. */

export interface PageText {
  readonly language: string;
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** A form that posts to the page's own address. */
  readonly button?: string;
}

/** A whole HTML page. Everything in it is escaped. */
export function writePage(text: PageText): string {
  const direction = /^(ar|he|fa|ur)\b/.test(text.language) ? "rtl" : "ltr";
  const paragraphs = text.paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join("");
  const form = text.button
    ? `<form method="post"><button type="submit">${escapeHtml(text.button)}</button></form>`
    : "";
  return `<!doctype html><html lang="${escapeHtml(text.language)}" dir="${direction}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>${escapeHtml(text.title)}</title><style>${style}</style></head><body><main><h1>${escapeHtml(text.title)}</h1>${paragraphs}${form}</main></body></html>`;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

const style =
  ":root{color-scheme:light dark}body{font:1.05rem/1.6 system-ui,sans-serif;margin:0;padding:8vh 1.25rem}main{max-width:34rem;margin:auto}h1{font-size:1.5rem;line-height:1.25}button{font:inherit;font-weight:600;padding:.7rem 1.2rem;border:0;border-radius:.5rem;background:#175cd3;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #84adff;outline-offset:2px}";

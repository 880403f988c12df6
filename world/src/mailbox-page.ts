/**
 * Writes the pages of the mailbox as HTML: the list, one mail, its source. Every text from a mail is escaped, and the HTML
 * of a mail stands only inside a sandboxed frame whose own policy loads nothing and runs nothing. No script anywhere.
 */

export interface ListedMail {
  readonly id: number;
  readonly receivedAt: Date;
  readonly recipient: string;
  readonly sender: string;
  readonly subject: string;
  readonly persona: string;
}

export interface ListPage {
  readonly mails: readonly ListedMail[];
  readonly total: number;
  readonly recipient: string;
  /** 1, 2, 3 … */
  readonly page: number;
  readonly pages: number;
}

export interface MailPage extends ListedMail {
  /** What the envelope and the connection said, for people. */
  readonly facts: readonly (readonly [string, string])[];
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
  /** Empty when the mail has no HTML. */
  readonly html: string;
}

export function writeListPage({ mails, total, recipient, page, pages }: ListPage): string {
  const found = recipient === "" ? "" : ` for “${escape(recipient)}”`;
  const count = total === 1 ? "1 mail" : `${total.toLocaleString("en")} mails`;
  const empty = `<p class="empty">No mail${found} has arrived yet.</p>`;
  return writePage(
    "Mailbox of the miniature world",
    `<header><h1>Mailbox</h1><p>Mail that reached the miniature world, newest first. Nothing here has left this machine.</p></header>
<form role="search" action="/"><label for="recipient">Recipient</label>
<input id="recipient" name="recipient" type="search" value="${escape(recipient)}" placeholder="Any part of the address" autocomplete="off">
<button>Search</button></form>
<p class="count" role="status">${count}${found}</p>
${mails.length === 0 ? empty : `<ol class="mails">${mails.map(writeListItem).join("\n")}</ol>`}
${writePaging(recipient, page, pages)}`,
  );
}

export function writeMailPage(mail: MailPage): string {
  const frame = `<section><h2>As HTML</h2><iframe title="The mail as HTML" sandbox="allow-popups" srcdoc="${escape(frameDocument(mail.html))}"></iframe></section>`;
  return writePage(
    mail.subject,
    `<nav><a href="/">All mail</a> <a href="/?recipient=${encodeURIComponent(mail.recipient)}">To this recipient</a> <a href="/mails/${mail.id}/source">Source</a></nav>
<header><h1>${escape(mail.subject)}</h1></header>
${writeFields(mail.facts)}
${mail.html === "" ? "" : frame}
<section><h2>As text</h2><pre class="text" dir="auto">${escape(mail.text)}</pre></section>
<section><details><summary>${mail.headers.length} header fields</summary>${writeFields(mail.headers)}</details></section>`,
  );
}

export function writeMissingPage(): string {
  return writePage(
    "No such mail",
    `<header><h1>No such mail</h1><p>It never arrived, or it is no longer among the newest that are kept.</p></header><nav><a href="/">All mail</a></nav>`,
  );
}

/** The policy of our own pages: their style, their frame, nothing else. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const FRAME_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

function writeListItem(mail: ListedMail): string {
  const persona = mail.persona === "accepts" ? "" : `<span class="persona">${escape(mail.persona)}</span>`;
  return `<li><a href="/mails/${mail.id}"><span class="subject" dir="auto">${escape(mail.subject)}</span></a>${persona}
<span class="people"><bdi>${escape(mail.sender)}</bdi> to <bdi>${escape(mail.recipient)}</bdi></span>
${writeTime(mail.receivedAt)}</li>`;
}

function writeTime(at: Date): string {
  const iso = at.toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

function writePaging(recipient: string, page: number, pages: number): string {
  if (pages <= 1) return "";
  const link = (to: number, words: string, rel: string) =>
    to < 1 || to > pages
      ? `<span aria-hidden="true"></span>`
      : `<a rel="${rel}" href="/?${new URLSearchParams({ recipient, page: String(to) }).toString().replaceAll("&", "&amp;")}">${words}</a>`;
  return `<nav class="paging" aria-label="Pages">${link(page - 1, "Newer", "prev")}<span>Page ${page} of ${pages}</span>${link(page + 1, "Older", "next")}</nav>`;
}

function writeFields(fields: readonly (readonly [string, string])[]): string {
  const rows = fields.map(([name, value]) => `<dt>${escape(name)}</dt><dd dir="auto">${escape(value)}</dd>`);
  return `<dl>${rows.join("\n")}</dl>`;
}

/** Links open outside, and nothing is fetched. Mail expects a white page, whatever the reader prefers. */
function frameDocument(html: string): string {
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${FRAME_POLICY}"><base target="_blank"><style>body{margin:1rem;background:#fff;color:#111;font-family:system-ui,sans-serif}</style>${html}`;
}

function writePage(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">
<title>${escape(title)}</title><style>${STYLE}</style></head>
<body><main>${body}</main></body></html>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

const STYLE = `
:root { color-scheme: light dark; --page: light-dark(#f6f7f9, #14171b); --card: light-dark(#fff, #1d2127);
  --ink: light-dark(#1c2430, #e6e9ee); --soft: light-dark(#5a6472, #a3adba); --line: light-dark(#dde1e7, #323943);
  --link: light-dark(#1a56a8, #8ab8ff); --mark: light-dark(#fff0d6, #4a3712); --mark-ink: light-dark(#7a4a00, #ffd596); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
header p, .count, .people, time { color: var(--soft); }
header p, .count { margin: 0 0 1rem; }
a { color: var(--link); }
a:focus-visible, button:focus-visible, input:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 1.25rem 0 1rem; }
input { flex: 1 1 12rem; min-width: 0; }
input, button { font: inherit; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: inherit; }
input::placeholder { color: var(--soft); opacity: 1; }
button { cursor: pointer; }
.mails { list-style: none; margin: 0; padding: 0; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; overflow: hidden; }
.mails li { position: relative; display: grid; grid-template-columns: 1fr auto; gap: .125rem 1rem; padding: .75rem 1rem; }
.mails li + li { border-top: 1px solid var(--line); }
.mails li:hover { background: color-mix(in srgb, var(--link) 6%, transparent); }
.mails a { font-weight: 600; text-decoration: none; }
.people { grid-column: 1; }
.mails a::after { content: ""; position: absolute; inset: 0; }
.subject, .people, dd { overflow-wrap: anywhere; }
.people, time { font-size: .875rem; }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
.persona { justify-self: end; align-self: start; padding: 0 .5rem; font-size: .875rem; border-radius: 1rem; background: var(--mark); color: var(--mark-ink); white-space: nowrap; }
.paging { display: grid; grid-template-columns: 1fr auto 1fr; margin-top: 1rem; }
.paging > :last-child { text-align: end; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-bottom: 1rem; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .25rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); overflow-wrap: anywhere; } dd { margin: 0; }
iframe { width: 100%; height: 24rem; resize: vertical; border: 1px solid var(--line); border-radius: .75rem; background: #fff; }
.text { margin: 0; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; white-space: pre-wrap; overflow-wrap: anywhere; font: .9375rem/1.55 ui-monospace, monospace; }
summary { cursor: pointer; margin-top: 1.5rem; } details dl { font: .8125rem/1.5 ui-monospace, monospace; }
.empty { padding: 2rem 1rem; text-align: center; background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
@media (max-width: 34rem) { .mails li, dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } .persona { justify-self: start; } dt { font-size: .875rem; } dl { gap: 0; } }
`;

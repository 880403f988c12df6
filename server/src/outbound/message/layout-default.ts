/**
 * Our own layout, as MJML: one quiet column, the organisation's name, the paragraphs, one button, and below it who sends
 * the mail, why, and how to stop it. No pictures, no remote styles; light and dark; either direction of writing.
 */
import { directionOf } from "./text-direction.ts";

const SYSTEM_FONTS = "-apple-system, 'Segoe UI', Roboto, Tahoma, Arial, sans-serif";

/** `title` is what a screen reader calls the mail; plain words of ours, without markup. */
export function defaultLayout(language: string, title: string): string {
  const direction = directionOf(language);
  const start = direction === "rtl" ? "right" : "left";
  return `<mjml>
<mj-head>
<mj-title>${title}</mj-title>
<mj-preview>{{ preview }}</mj-preview>
<mj-attributes>
<mj-all font-family="${SYSTEM_FONTS}" />
<mj-section padding="0" direction="${direction}" />
<mj-column direction="${direction}" />
<mj-text align="${start}" padding="0" font-size="16px" line-height="1.55" color="#1c2330" />
<mj-button align="${start}" padding="8px 0 16px" inner-padding="14px 28px" font-size="16px" font-weight="600" line-height="1.3" border-radius="8px" background-color="#1f5fd0" color="#ffffff" />
</mj-attributes>
<mj-style>${STYLES}</mj-style>
</mj-head>
<mj-body width="600px" background-color="#f2f4f7" css-class="page">
<mj-section padding="28px 24px 16px" background-color="#ffffff" border-radius="12px" css-class="card">
<mj-column>
<mj-text padding="0 0 20px" font-size="14px" font-weight="600" color="#4a5365" css-class="head">{{ organisation }}</mj-text>
<mj-text>{{ body }}</mj-text>
<mj-button href="{{ survey_link }}" css-class="go">{{ button }}</mj-button>
</mj-column>
</mj-section>
<mj-section padding="20px 24px 32px" css-class="foot">
<mj-column><mj-text font-size="13px" color="#596275">{{ footer }}</mj-text></mj-column>
</mj-section>
</mj-body>
</mjml>`;
}

const STYLES = `
:root { color-scheme: light dark; supported-color-schemes: light dark; }
.page { padding: 20px 8px; }
a { color: #1a56c4; }
.foot a { color: #4a5365; }
@media (prefers-color-scheme: dark) {
body, .page, .page > div { background: #14171c !important; }
.card, .card table { background: #1e222a !important; }
.card div { color: #e8ebf0 !important; }
.card .head div, .foot div, .foot a { color: #a9b1c0 !important; }
.card a { color: #9dbcff !important; }
.go td, .go a { background: #8fb2ff !important; color: #0c1424 !important; }
}
`;

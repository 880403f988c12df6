/** Layouts: what may be in them, that every marker comes out where it was put, and the sentence for what may not be. */
import { describe, expect, test } from "vitest";
import { layOut } from "./lay-out.ts";
import { defaultLayout } from "./layout-default.ts";

const body = (inside: string, head = "") =>
  `<mjml>${head === "" ? "" : `<mj-head>${head}</mj-head>`}<mj-body><mj-section><mj-column>\n${inside}\n</mj-column></mj-section></mj-body></mjml>`;
const whole =
  '<mj-text>{{ body }}</mj-text><mj-button href="{{ survey_link }}">{{ button }}</mj-button><mj-text>{{ footer }}</mj-text>';

async function piecesOf(source: string, language = "en") {
  const result = await layOut(source, language);
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join(" "));
  return result.value;
}

test.each(["en", "ar"])("the default layout in %s follows the rules of all layouts", async (language) => {
  const pieces = await piecesOf(defaultLayout(language, "Survey"), language);
  const names = pieces
    .filter((piece) => typeof piece !== "string")
    .map(({ name, isLink }) => `${name}${isLink ? " in a link" : ""}`);
  expect(names).toEqual(["preview", "organisation", "body", "survey_link in a link", "button", "footer"]);
  const html = pieces.filter((piece) => typeof piece === "string").join("");
  expect(html).toContain(`<html lang="${language}" dir="${language === "ar" ? "rtl" : "ltr"}"`);
  expect(html).not.toMatch(/<img|<script|<link|@import|url\(|xslot|\{\{/);
  expect(html.includes("direction:ltr")).toBe(language !== "ar");
});

test("a layout of one's own keeps its markers, and links inside text", async () => {
  const pieces = await piecesOf(
    body(
      `<mj-text><b>{{ organisation }}</b></mj-text>${whole}<mj-text><a href="{{ unsubscribe_link }}">Stop</a></mj-text>`,
    ),
  );
  const at = pieces.findIndex((piece) => typeof piece !== "string" && piece.name === "unsubscribe_link");
  expect(pieces.slice(at - 1, at + 2)).toEqual([
    expect.stringMatching(/<a href="$/),
    { name: "unsubscribe_link", isLink: true },
    expect.stringMatching(/^">Stop<\/a>/),
  ]);
});

test("a layout that already contains our inert word is no trouble", async () => {
  const pieces = await piecesOf(body(`<mj-text>xslot0x</mj-text>${whole}`));
  expect(pieces.filter((piece) => typeof piece !== "string")).toHaveLength(4);
  expect(pieces[0]).toContain("xslot0x");
});

describe("what is refused, and where", () => {
  test.each([
    ["nothing", "", /no \{\{ body \}\}/],
    ["no MJML", `{{ body }}{{ footer }}<a href="{{ survey_link }}">x</a>`, /Element a doesn't exist/],
    [
      "MJML without a body",
      `<mjml><mj-head><mj-preview>{{ body }}{{ footer }}</mj-preview></mj-head></mjml>`,
      /no \{\{ survey_link/,
    ],
    ["no footer", body(whole.replace("{{ footer }}", "")), /no \{\{ footer \}\}/],
    ["no survey link", body(whole.replace("{{ survey_link }}", "https://example.com/")), /no \{\{ survey_link \}\}/],
    ["a place twice", body(`${whole}<mj-text>{{ body }}</mj-text>`), /more than once/],
    ["an unknown element of MJML", body(`${whole}<mj-txt>x</mj-txt>`), /<mj-txt> cannot be used/],
    ["an include", body(`<mj-include path="/etc/passwd" />${whole}`), /<mj-include> cannot be used.* Paste/],
    ["raw HTML", body(`<mj-raw>x</mj-raw>${whole}`), /<mj-raw> cannot be used/],
    ["a picture", body(`<mj-image src="https://example.com/a.png" />${whole}`), /opened/],
    ["a picture in text", body(`<mj-text><img src="https://example.com/a.png" /></mj-text>${whole}`), /opened/],
    [
      "a picture behind text",
      body(`<mj-text background-url="https://example.com/a.png">x</mj-text>${whole}`),
      /background-url/,
    ],
    ["a script", body(`<mj-text><script>alert(1)</script></mj-text>${whole}`), /<script> cannot be used/],
    ["an event", body(`<mj-text><b onclick="x()">x</b></mj-text>${whole}`), /onclick/],
    ["a script as link", body(`<mj-text><a href="javascript:x()">x</a></mj-text>${whole}`), /neither/],
    ["a script as disguised link", body(`<mj-text><a href="java&#115;cript:x()">x</a></mj-text>${whole}`), /neither/],
    ["a comment", body(`<!-- x -->${whole}`), /begins no element/],
    ["CDATA", body(`<mj-text><![CDATA[<script>]]></mj-text>${whole}`), /begins no element/],
    ["a bare <", body(`<mj-text>1 < 2</mj-text>${whole}`), /begins no element/],
    ["an unquoted attribute", body(`<mj-text align=left>x</mj-text>${whole}`), /begins no element/],
    ["upper case", body(`<mj-text><SCRIPT>x</SCRIPT></mj-text>${whole}`), /begins no element/],
    ["crossed elements", body(`<mj-text><b><i>x</b></i></mj-text>${whole}`), /closes <i>/],
    ["an open element", body(`<mj-text><b>x</mj-text>${whole}`), /closes <b>/],
    ["remote styles", body(whole, "<mj-style>p { background: URL (x) }</mj-style>"), /load or run/],
    ["escaped remote styles", body(whole, "<mj-style>p { background: \\75 rl(x) }</mj-style>"), /load or run/],
    [
      "a variable in a style",
      body(whole, "<mj-style>p { color: {{ organisation }} }</mj-style>"),
      /not where text can stand/,
    ],
    ["a variable in the title", body(whole, "<mj-title>{{ organisation }}</mj-title>"), /not where text can stand/],
    ["a variable in an attribute", body(`<mj-text css-class="{{ name }}">x</mj-text>${whole}`), /only href can/],
    ["a name as link", body(`<mj-text><a href="{{ name }}">x</a></mj-text>${whole}`), /neither/],
    ["a part of a link", body(`<mj-text><a href="https://example.com/{{ name }}">x</a></mj-text>${whole}`), /neither/],
    [
      "the unsubscribe link as text",
      body(`<mj-text>{{ unsubscribe_link }}</mj-text>${whole}`),
      /not where a link can stand/,
    ],
    [
      "a condition",
      body(`<mj-text>{% if name %}x{% endif %}</mj-text>${whole}`),
      /conditions and filters belong in the text/,
    ],
    ["an unknown variable", body(`<mj-text>{{ organization }}</mj-text>${whole}`), /Did you mean organisation/],
    ["an attribute of MJML that does not exist", body(`<mj-text colour="red">x</mj-text>${whole}`), /colour/],
    ["MJML in the wrong place", `<mjml><mj-body>${whole}</mj-body></mjml>`, /mj-text cannot be used inside mj-body/],
    ["too much", "x".repeat(100_001), /longer/],
  ])("%s", async (_, source, text) => {
    const result = await layOut(source, "en");
    expect(result.ok ? "accepted" : result.error.map((fault) => fault.text).join(" ")).toMatch(text);
  });

  test("the line is named", async () => {
    const result = await layOut(body(`${whole}\n<mj-text>\n{{ nobody }}</mj-text>`), "en");
    expect(result).toMatchObject({ ok: false, error: [{ line: 4 }] });
  });
});

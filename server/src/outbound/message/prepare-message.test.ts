/** From HR's words to one person's finished mail, read back by an independent parser. */
import { readAddress } from "@roundtrip/mail/address";
import { textProblem } from "@roundtrip/mail/header";
import { fillMessage } from "@roundtrip/mail/message/fill-message";
import { wireBytes } from "@roundtrip/mail/message/message";
import * as fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, test } from "vitest";
import { demoTexts } from "./demo-texts.ts";
import { writePersonalHeaders } from "./personal-headers.ts";
import {
  fillValues,
  prepareMessage,
  type MessageFacts,
  type MessageSource,
  type Person,
  type PreparedMessage,
} from "./prepare-message.ts";
import { writeStandingHeaders } from "./standing-headers.ts";

function address(text: string) {
  const result = readAddress(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const standing = writeStandingHeaders({
  from: address("survey@example.com"),
  replyTo: address("answers@example.com"),
  senderName: "Ana Silva",
  organisation: "Example Works",
  orgId: 3,
  roundId: 12,
  kind: "invitation",
});
const facts: MessageFacts = {
  organisation: "Example Works",
  round: "Spring & <b>more</b>",
  sender: "Ana Silva",
  closesAt: new Date("2026-12-04T22:30:00Z"),
  timeZone: "Europe/Copenhagen",
  attributes: ["team", "Cost centre", "constructor"],
  headers: standing.ok ? standing.value : [],
};
const plain: MessageSource = { language: "en", subject: "Hello", preview: "", body: "Text.", button: "" };
const person: Person = {
  name: "Zoë Müller",
  attributes: { team: "Sales" },
  surveyLink: "https://survey.example.com/a/k3j5h2g7?x=1&y=2",
  unsubscribeLink: "https://survey.example.com/stop/k3j5h2g7",
};

async function prepare(source: Partial<MessageSource>, more: Partial<MessageFacts> = {}): Promise<PreparedMessage> {
  const result = await prepareMessage({ ...plain, ...source }, { ...facts, ...more });
  if (!result.ok) throw new Error(result.error.map(({ field, text }) => `${field}: ${text}`).join(" "));
  return result.value;
}

function compose(prepared: PreparedMessage, who: Partial<Person> = {}) {
  const whole = { ...person, ...who };
  const headers = writePersonalHeaders({
    to: address("zoe@example.org"),
    date: new Date("2026-11-24T09:00:00Z"),
    messageId: `<${"k3j5h2g7f9d1".repeat(3)}@bounce.a-rather-long-name-of-a-domain.example.com>`,
    unsubscribeUrl: whole.unsubscribeLink,
    reference: "3-17-0",
  });
  return wireBytes(
    fillMessage(prepared.compiled, { headers, values: fillValues(prepared, whole), seed: "abcdefgh1234" }),
  );
}

async function read(prepared: PreparedMessage, who: Partial<Person> = {}) {
  const mail = await PostalMime.parse(compose(prepared, who));
  return { subject: mail.subject ?? "", text: mail.text ?? "", html: mail.html ?? "", headers: mail.headers };
}

test("a whole invitation, as its receiver reads it", async () => {
  const prepared = await prepare({
    subject: "Hello {{ first_name }}",
    body: "We ask {{ attribute_team }}.\n\nThanks,\n{{ sender }}",
  });
  const { subject, text } = await read(prepared);
  expect(subject).toBe("Hello Zoë");
  expect(text.trimEnd().split("\n")).toEqual([
    "Hello Zoë,",
    "",
    "We ask Sales.",
    "",
    "Thanks,",
    "Ana Silva",
    "",
    "Open the survey",
    "https://survey.example.com/a/k3j5h2g7?x=1&y=2",
    "",
    "—",
    "",
    "Example Works sends you this mail because you are invited to the survey “Spring & <b>more</b>”. It is open until Friday, December 4, 2026.",
    "",
    "The link is yours alone: please do not forward it. If you have a question, just reply to this mail.",
    "",
    "Stop survey mail",
    "https://survey.example.com/stop/k3j5h2g7",
  ]);
  expect(prepared.attributes).toEqual(["team"]);
});

test("every header field, in order and unfolded", async () => {
  const { headers } = await read(await prepare({}));
  expect(headers.map(({ key, value }) => `${key}: ${value}`).slice(0, 13)).toEqual([
    "from: Ana Silva via Example Works <survey@example.com>",
    "reply-to: Example Works <answers@example.com>",
    "list-id: Example Works <org-3.surveys.example.com>",
    "auto-submitted: auto-generated",
    "x-auto-response-suppress: OOF, AutoReply",
    "feedback-id: round-12:org-3:invitation:roundtrip",
    "subject: Hello",
    "to: zoe@example.org",
    "date: Tue, 24 Nov 2026 09:00:00 +0000",
    `message-id: <${"k3j5h2g7f9d1".repeat(3)}@bounce.a-rather-long-name-of-a-domain.example.com>`,
    "list-unsubscribe: <https://survey.example.com/stop/k3j5h2g7>",
    "list-unsubscribe-post: List-Unsubscribe=One-Click",
    "x-roundtrip-reference: 3-17-0",
  ]);
});

test("facts of the round are static text, escaped, and no slots", async () => {
  const prepared = await prepare({ greeting: "", body: "{{ round }} {{ organisation }} {{ closes_on }}" });
  expect(prepared.slots.map(({ slot }) => slot)).toEqual(["survey_link", "unsubscribe_link"]);
  expect((await read(prepared)).html).toContain(
    "Spring &#38; &#60;b&#62;more&#60;/b&#62; Example Works Friday, December 4, 2026</p>",
  );
});

test("the day of closing is the day it is there", async () => {
  const { text } = await read(await prepare({ body: "{{ closes_on }}" }, { timeZone: "Asia/Tokyo" }));
  expect(text).toContain("Saturday, December 5, 2026");
});

test("whoever has no name is greeted all the same", async () => {
  const prepared = await prepare({
    subject: "For {{ name }}",
    body: 'Dear {{ first_name }}, or {{ first_name | default: "you" }}.',
  });
  const { subject, text } = await read(prepared, { name: "" });
  expect(subject).toBe("For colleague");
  expect(text).toMatch(/^Hello,\n\nDear colleague, or you\./);
});

test("a condition round whole paragraphs leaves no trace where it does not hold", async () => {
  const prepared = await prepare({
    greeting: "",
    body: 'One.\n\n{% if attribute_team == "Sales" %}\nTwo <{{ name }}>\nand {{ survey_link }}\n\nThree\n{% endif %}\n\nFour.',
  });
  const with2 = await read(prepared);
  expect(with2.text).toMatch(/^One\.\n\nTwo <Zoë Müller>\nand https:\S+\n\nThree\n\nFour\.\n/);
  expect(with2.html).toMatch(
    /<p [^>]*>Two &#60;Zoë Müller&#62;<br>\nand <a href="https:[^"]+&#38;y=2">https:[^<]+<\/a><\/p>\n<p [^>]*>Three<\/p>/,
  );
  const without = await read(prepared, { attributes: {} });
  expect(without.text).toMatch(/^One\.\n\nFour\.\n/);
  expect(without.html).toMatch(/One\.<\/p>\n<p [^>]*>Four\./);
});

test("attributes are read by their own key only", async () => {
  const { text } = await read(
    await prepare({ greeting: "", body: "[{{ attribute_cost_centre }}][{{ attribute_constructor }}]" }),
    { attributes: { "Cost centre": "42" } },
  );
  expect(text).toMatch(/^\[42\]\[\]/);
});

test("a mail in Arabic is written right to left, with Latin values set apart", async () => {
  const { html } = await read(await prepare({ language: "ar", body: "{{ organisation }}." }));
  expect(html).toContain('<html lang="ar" dir="rtl"');
  expect(html).toContain('<p dir="rtl" style="margin:0 0 16px"><span dir="auto">Example Works</span>.</p>');
  expect(html).not.toContain("direction:ltr");
});

test("the demo texts come out complete and small, with every link in both parts", async () => {
  for (const source of demoTexts) {
    const prepared = await prepare(source);
    const { html, text, subject } = await read(prepared);
    expect(prepared.htmlBytes).toBeGreaterThan(6000);
    expect(prepared.htmlBytes).toBeLessThan(8192);
    expect(html).toContain('href="https://survey.example.com/a/k3j5h2g7?x=1&#38;y=2"');
    expect(html).toContain('href="https://survey.example.com/stop/k3j5h2g7"');
    expect(text.split("\n")).toEqual(expect.arrayContaining([person.surveyLink, person.unsubscribeLink]));
    expect(`${subject}${text}${html}`).not.toMatch(/\{\{|\{%|undefined|xslot/);
  }
});

test("HTML that Gmail would cut off is warned of", async () => {
  const prepared = await prepare({ body: "Ж".repeat(45_000) });
  expect(prepared.warnings).toEqual([expect.stringContaining("Gmail cuts off")]);
});

describe("what is refused, in which field", () => {
  test.each([
    [{ language: "no such" }, "language", /no tag/],
    [{ subject: " " }, "subject", /empty/],
    [{ subject: "a\nb" }, "subject", /one line/],
    [{ subject: "a\u0007b" }, "subject", /cannot be seen/],
    [{ subject: "x".repeat(251) }, "subject", /shorten it to 250/],
    [{ subject: "{{ survey_link }}" }, "subject", /no link can be opened/],
    [{ preview: "{% if name %}{{ unsubscribe_link }}{% endif %}" }, "preview", /no link can be opened/],
    [{ body: "\n" }, "body", /empty/],
    [{ body: "{{ salary }}" }, "body", /no variable “salary”/],
    [{ button: "{{ survey_link }}" }, "button", /no link/],
    [{ layout: "<mjml></mjml>" }, "layout", /no \{\{ body \}\}/],
  ] as const)("%j", async (source, field, text) => {
    const result = await prepareMessage({ ...plain, ...source }, facts);
    expect(result.ok ? "" : result.error[0]?.field).toBe(field);
    expect(result.ok ? "" : result.error[0]?.text).toMatch(text);
  });

  test("a name of an organisation that would break a header", async () => {
    const result = await prepareMessage(plain, { ...facts, organisation: "Example\r\nBcc: spy@example.net" });
    expect(result).toMatchObject({ ok: false, error: [{ field: "facts" }] });
  });
});

test("a name with a line break in it cannot occur, and throws", async () => {
  const prepared = await prepare({});
  expect(() => fillValues(prepared, { ...person, name: "Eve\nBcc: spy@example.net" })).toThrow("refused earlier");
});

test("characters that turn the writing direction do not reach the words after a name", async () => {
  const { text } = await read(await prepare({ greeting: "", body: "{{ name }} works here" }), {
    name: "Eve\u202e\u2066",
  });
  expect(text).toMatch(/^Eve works here/);
});

describe("for any values", () => {
  const nasty = fc.string({
    unit: fc.constantFrom(
      "<",
      ">",
      '"',
      "'",
      "&",
      "&amp;",
      "{{ name }}",
      "{% if name %}",
      "%}",
      "=?utf-8?Q?x?=",
      "</p>",
      "<script>",
      "--",
      ".",
      "=",
      " ",
      "é",
      "💌",
      "ل",
      "a",
      "$&",
      "xslot0x",
    ),
    maxLength: 20,
    size: "max",
  });
  const value = fc
    .oneof(nasty, fc.string({ unit: "grapheme", maxLength: 60, size: "max" }))
    .filter((text) => textProblem(text) === undefined && !/[\u202a-\u202e\u2066-\u2069]/.test(text));

  test("each stays in its place in subject, text and HTML, and adds neither a field nor markup", async () => {
    const prepared = await prepare({
      subject: "S[{{ attribute_team }}]",
      greeting: "",
      body: "T[{{ attribute_team }}] C[{% if attribute_team %}{{ attribute_team }}{% endif %}]",
    });
    const calm = await read(prepared, { attributes: { team: "x" } });
    const tags = (html: string) => html.match(/<[^>]*>/g);
    await fc.assert(
      fc.asyncProperty(value, async (team) => {
        const { subject, text, html, headers } = await read(prepared, { attributes: { team } });
        expect(subject).toBe(`S[${team}]`);
        expect(text.startsWith(`T[${team}] C[${team}]\n`)).toBe(true);
        expect(text.slice(`T[${team}] C[${team}]`.length)).toBe(calm.text.slice("T[x] C[x]".length));
        expect(headers.map(({ key }) => key)).toEqual(calm.headers.map(({ key }) => key));
        expect(tags(html)).toEqual(tags(calm.html));
        expect(unescape(html)).toContain(`T[${team}] C[${team}]</p>`);
      }),
      { numRuns: 300 },
    );
  });

  function unescape(html: string): string {
    return html.replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
  }

  test("HR's own words are text too", async () => {
    await fc.assert(
      fc.asyncProperty(
        value.filter((text) => !/\{[{%]/.test(text) && text.trim() !== ""),
        async (words) => {
          const { subject, html, headers } = await read(
            await prepare({ subject: words, greeting: "", body: words, preview: words }),
          );
          expect(subject).toBe(words.trim());
          expect(headers).toHaveLength(15);
          expect(html.match(/<script|<\/p><\/p>/g)).toBeNull();
          expect(unescape(html)).toContain(`${words.trim()}</p>`);
        },
      ),
      { numRuns: 60 },
    );
  });
});

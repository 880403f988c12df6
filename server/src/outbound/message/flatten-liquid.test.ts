/** The small language that texts may use: what it renders, and the sentence for everything it refuses. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flattenLiquid, renderSegments, type Segment } from "./flatten-liquid.ts";
import { listVariables } from "./variables.ts";

const known = { variables: listVariables(["team", "Cost centre"]), language: "en" };

function segmentsOf(source: string): readonly Segment[] {
  const result = flattenLiquid(source, known);
  if (!result.ok) throw new Error(result.error.map(({ text }) => text).join(" "));
  return result.value;
}

function render(source: string, values: Record<string, string>): string {
  return renderSegments(segmentsOf(source), values, (text) => text);
}

function faultsOf(source: string) {
  const result = flattenLiquid(source, known);
  return result.ok ? [] : result.error;
}

test("static text stays static, and a plain variable becomes a slot", () => {
  expect(segmentsOf("Dear {{ name }},\nwelcome {{attribute_cost_centre}}")).toEqual([
    "Dear ",
    { kind: "variable", name: "name" },
    ",\nwelcome ",
    { kind: "variable", name: "attribute_cost_centre" },
  ]);
});

test("a condition is one slot that knows what it depends on", () => {
  expect(segmentsOf('{% if attribute_team == "Sales" %}Hi {{ first_name | upcase }}{% endif %}')).toMatchObject([
    { kind: "computed", uses: ["attribute_team", "first_name"] },
  ]);
});

test.each([
  ["{% if name %}yes{% else %}no{% endif %}", { name: "Ana" }, "yes"],
  ["{% if name %}yes{% else %}no{% endif %}", { name: "" }, "no"],
  ["{% if name %}yes{% else %}no{% endif %}", {}, "no"],
  ["{% unless name %}no name{% endunless %}", { name: "" }, "no name"],
  [
    '{% if attribute_team == "Sales" %}s{% elsif attribute_team == "Ops" %}o{% else %}x{% endif %}',
    { attribute_team: "Ops" },
    "o",
  ],
  ['{% if attribute_team != "Sales" and name %}a{% endif %}', { attribute_team: "Ops", name: "Ana" }, "a"],
  ['{% if attribute_team == "Sales" or name == "Ana" %}a{% endif %}', { attribute_team: "Ops", name: "Ana" }, "a"],
  ['{% if attribute_team contains "ale" %}a{% endif %}', { attribute_team: "Sales" }, "a"],
  ["{% if not name %}a{% endif %}", { name: "" }, "a"],
  ["{% if attribute_team == 3 %}a{% endif %}", { attribute_team: "3" }, "a"],
  ["{% if attribute_team == blank %}a{% endif %}", { attribute_team: "" }, "a"],
  ["{% if name %}{% if attribute_team %}both{% else %}name{% endif %}{% endif %}", { name: "Ana" }, "name"],
  ['{{ first_name | default: "colleague" }}', {}, "colleague"],
  ['{{ first_name | default: "colleague" | upcase }}', { first_name: "ana" }, "ANA"],
  ["{{ name | capitalize }}", { name: "éVA" }, "Éva"],
  ["a {%- if name -%} b {%- endif -%} c", { name: "x" }, "abc"],
])("%s with %j is %j", (source, values, expected) => {
  expect(render(source, values)).toBe(expected);
});

test("upper case follows the language", () => {
  const turkish = flattenLiquid("{{ name | upcase }}", { ...known, language: "tr" });
  expect(turkish.ok && renderSegments(turkish.value, { name: "izmir" }, (text) => text)).toBe("İZMİR");
});

describe("what is refused, and where", () => {
  test.each([
    ["a\nb {{ frist_name }}", 2, /no variable “frist_name”\. Did you mean first_name\? There are: first_name, name,/],
    ["{{ Attribute-Team }}", 1, /Did you mean attribute_team/],
    ["{{ zzzzzzzz }}", 1, /^There is no variable “zzzzzzzz”\. There are:/],
    ["{{ constructor }}", 1, /no variable “constructor”/],
    ["{{ __proto__ }}", 1, /no variable/],
    ["{{ name.length }}", 1, /property/],
    ["{{ name[0] }}", 1, /property/],
    ["{{ ['name'] }}", 1, /property/],
    ["{{ name | size }}", 1, /no filter size/],
    ["{{ name | constructor }}", 1, /no filter constructor/],
    ["{{ name | default }}", 1, /one text in quotes/],
    ["{{ name | default: organisation }}", 1, /one text in quotes/],
    ['{{ name | default: "a\\nb" }}', 1, /line break/],
    ['{{ name | upcase: "x" }}', 1, /takes nothing/],
    ["{{ survey_link | downcase }}", 1, /would break/],
    ["{{ name | }}", 1, /without a filter/],
    ["{{ 'text' }}", 1, /not a variable/],
    ["{{ (1..3) }}", 1, /not a variable/],
    ["{{ name name }}", 1, /more than one/],
    ["{{ }}", 1, /cannot be read/],
    ["{{{ name }}}", 1, /cannot be read|property/],
    ["a\n\n{{ name", 3, /opened but not closed: end it with }}/],
    ["a\n{% if name", 2, /opened but not closed: end it with %}/],
    ["a\n{% if name %}b", 2, /never ended: add \{% endif %\}/],
    ["a\n{% endif %}", 2, /ends nothing/],
    ["{% else %}", 1, /outside of any/],
    ["{% if name %}{% endunless %}{% endif %}", 1, /does not end \{% if %\} of line 1/],
    ["{% if name %}{% else %}{% else %}{% endif %}", 1, /comes after/],
    ["{% if name == %}a{% endif %}", 1, /nothing on one side/],
    ["{% if name organisation %}a{% endif %}", 1, /not complete/],
    ["{% if name > 3 %}a{% endif %}", 1, /all values here are texts/],
    ["{% if %}a{% endif %}", 1, /condition/],
    ["{% if name | upcase == 'A' %}a{% endif %}", 1, /cannot be read/],
    ["{% if frist_name %}a{% endif %}", 1, /Did you mean first_name/],
    ["{% for x in name %}{% endfor %}", 1, /for %} cannot be used/],
    ["{% include 'secrets' %}", 1, /include %} cannot be used/],
    ["{% render 'a' %}", 1, /render %} cannot be used/],
    ["{% layout 'a' %}", 1, /layout %} cannot be used/],
    ["{% assign x = 1 %}", 1, /assign %} cannot be used/],
    ["{% liquid echo name %}", 1, /liquid %} cannot be used/],
    ["{% raw %}{{ x }}{% endraw %}", 1, /raw %} cannot be used/],
    ["x".repeat(100_001), 1, /longer than/],
    ["{% if name %}".repeat(9) + "{% endif %}".repeat(9), 1, /8 deep/],
  ])("%s", (source, line, text) => {
    expect(faultsOf(source)[0]).toEqual({ line, text: expect.stringMatching(text) as unknown });
  });

  test("all faults are named at once", () => {
    expect(faultsOf("{{ a }}\n{{ b.c }}\n{% for %}").map(({ line }) => line)).toEqual([1, 2, 3]);
  });
});

test("a value that looks like a template stays a value", () => {
  const value = "{{ organisation }}{% if name %}x{% endif %}";
  expect(render('{{ name | default: "x" }} {% if name %}{{ name }}{% endif %}', { name: value })).toBe(
    `${value} ${value}`,
  );
});

test("any text is read or refused, and every fault is one line of words", () => {
  const unit = fc.constantFrom(
    "{{",
    "}}",
    "{%",
    "%}",
    " ",
    "\n",
    "if",
    "endif",
    "else",
    "name",
    "raw",
    "|",
    ":",
    "'",
    '"',
    ".",
    "[",
    "==",
    "not",
    "and",
    "-",
    "é",
    "\0",
    "(",
    ")",
    "default",
    "1",
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit, maxLength: 30, size: "max" }), fc.string({ unit: "binary" })), (source) => {
      const result = flattenLiquid(source, known);
      if (result.ok) renderSegments(result.value, {}, (text) => text);
      const sentences = result.ok ? [] : result.error.map(({ text }) => text);
      expect(sentences.filter((text) => !/^[^\p{Cc}]{10,}\.$/u.test(text))).toEqual([]);
    }),
    { numRuns: 3000 },
  );
});

test("text without markers comes back as it was", () => {
  const plain = fc.string({ unit: "grapheme" }).filter((text) => !/\{[{%]/.test(text));
  fc.assert(
    fc.property(plain, (text) => {
      expect(render(text, {})).toBe(text);
    }),
  );
});

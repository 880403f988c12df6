/** Which words draw a look-alike warning, and which everyday ones must not. */
import { expect, test } from "vitest";
import { looksMixedScript } from "./mixed-script.ts";

test.each([
  "pаypal.example",
  "аррӏе.example",
  "раура.example",
  "xn--pypal-4ve.example",
  "ехо.example",
  "αlpha",
  "gооgle-mail.example",
])("warns about %s", (text) => {
  expect(looksMixedScript(text)).toBe(true);
});

test.each([
  "example.com",
  "bücher.example",
  "xn--bcher-kva.example",
  "josé.müller",
  "почта.example",
  "ελλάδα.example",
  "東京tower.example",
  "ひらがなカタカナ漢字.example",
  "한국.example",
  "user+tag_2",
  "123.example",
  "ivan.петров",
])("stays silent about %s", (text) => {
  expect(looksMixedScript(text)).toBe(false);
});

/** What a person wrote is told from what they quoted. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readVisibleText } from "./visible-text.ts";

test.each([
  ["Yes.\n\nOn Mon, 1 Dec 2026 at 10:00, A <a@example.com> wrote:\n> Do you?", "Yes."],
  ["Ja.\n\nAm 01.12.2026 um 10:00 schrieb A <a@example.com>:\n> Wirklich?", "Ja."],
  ["Oui.\n\nLe lun. 1 déc. 2026 à 10:00, A <a@example.com> a\nécrit :\n> Vraiment ?", "Oui."],
  ["Hello\n\n-----Original Message-----\nFrom: A\nSent: today\nTo: B\nSubject: x\n\nold", "Hello"],
  ["Hallo\n\nVon: A <a@example.com>\nGesendet: heute\nAn: B\nBetreff: x\n\nalt", "Hallo"],
  ["On 04/02/2026 06:26 PM, A wrote:\n> Hi\nHello", "Hello"],
  ["> first?\nyes\n> second?\nno", "yes\nno"],
  ["Fine.\n\nSent from my phone", "Fine."],
  ["Fine.\n-- \nIda", "Fine."],
  ["No quote: from here on I write.\nTo: be honest.", "No quote: from here on I write.\nTo: be honest."],
  ['Hello\n02.04.2026 14:20 "a@example.com" <a@example.com> написал:\n> Hi', "Hello"],
])("%j shows %j", (text, visible) => {
  expect(readVisibleText(text)).toBe(visible);
});

test("any text is read in linear time, and nothing is made up", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(readVisibleText(text).length).toBeLessThanOrEqual(text.length);
    }),
  );
  const start = performance.now();
  readVisibleText("On 1 Jan 2026 A <a@example.com> wrote:\nx\n".repeat(4000));
  readVisibleText("> a\nFrom: b\n".repeat(8000));
  expect(performance.now() - start).toBeLessThan(2000);
});

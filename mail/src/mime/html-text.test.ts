/** HTML becomes the words a person would read, in linear time. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readHtmlText } from "./html-text.ts";

test("blocks become lines, entities characters, and what is not shown is left out", () => {
  const html =
    "<html><head><title>no</title></head><style>p{}</style><p>Tom &amp; J&#x00e9;r&#244;me&nbsp;<br>second</p><!-- > no --><div>third</div>";
  expect(readHtmlText(html)).toBe("Tom & Jérôme\nsecond\n\nthird");
});

test("what is never closed ends the text, not the program", () => {
  expect(readHtmlText("seen<script>never closed <b>x")).toBe("seen");
  expect(readHtmlText("seen <b")).toBe("seen");
});

test("any text is read, in linear time", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (html) => typeof readHtmlText(html) === "string"));
  const start = performance.now();
  readHtmlText("<a ".repeat(300_000));
  readHtmlText("<style>".repeat(100_000));
  expect(performance.now() - start).toBeLessThan(2000);
});

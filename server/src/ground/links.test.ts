/** Personal links name one delivery and cannot be made, changed or put to another purpose. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { readLink, writeLink } from "./links.ts";

const secret = Buffer.alloc(32, 7);
const ending = (link: string) => link.split("/").at(-1) ?? "";

it("reads back what it wrote, for every organisation and delivery", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), fc.integer({ min: 1, max: 2 ** 52 }), (org, delivery) => {
      const link = writeLink("https://survey.example.com", secret, "survey", { org, delivery });
      expect(link.length).toBeLessThan(120);
      expect(readLink(ending(link), secret, "survey")).toEqual({ org, delivery });
    }),
  );
});

it("refuses another purpose, another secret, another delivery and any changed letter", () => {
  const text = ending(writeLink("https://survey.example.com", secret, "survey", { org: 1, delivery: 42 }));
  expect(readLink(text, secret, "unsubscribe")).toBeNull();
  expect(readLink(text, Buffer.alloc(32, 8), "survey")).toBeNull();
  for (let at = 0; at < text.length; at++) {
    const changed = text.slice(0, at) + (text[at] === "a" ? "b" : "a") + text.slice(at + 1);
    expect(readLink(changed, secret, "survey")).toBeNull();
  }
});

it("never throws on any text", () => {
  fc.assert(fc.property(fc.string(), (text) => readLink(text, secret, "survey") === null));
});

/** The compact counter counts like a map, in less memory. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CompactCounter } from "./compact-counter.ts";

test("counts as a Map of texts would", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 }), { maxLength: 3000 }), (texts) => {
      const counter = new CompactCounter();
      const map = new Map<string, number>();
      for (const text of texts) {
        map.set(text, (map.get(text) ?? 0) + 1);
        expect(counter.add(text)).toBe(map.get(text));
      }
      for (const [text, count] of map) expect(counter.of(text)).toBe(count);
      expect(counter.size).toBe(map.size);
      expect(counter.total).toBe(texts.length);
    }),
    { numRuns: 50 },
  );
});

test("a text never seen counts zero", () => {
  expect(new CompactCounter().of("nobody")).toBe(0);
});

test("a hundred thousand texts stay apart while it grows", () => {
  const counter = new CompactCounter();
  for (let number = 0; number < 100_000; number++) counter.add(`<${number}@example.com>`);
  expect(counter.size).toBe(100_000);
  expect(counter.of("<0@example.com>")).toBe(1);
});

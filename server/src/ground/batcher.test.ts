/** Every item is written once, in order, and gets its own answer; a failed batch fails only its own items. */
import { expect, it } from "vitest";
import { createBatcher } from "./batcher.ts";

it("answers each item, in batches that grow while a write is under way", async () => {
  const sizes: number[] = [];
  const batcher = createBatcher<number, number>(100, async (items) => {
    sizes.push(items.length);
    await new Promise((done) => setImmediate(done));
    return items.map((item) => item * 2);
  });
  const first = batcher.add(1);
  const rest = Array.from({ length: 250 }, (_, index) => batcher.add(index));
  expect(await first).toBe(2);
  expect(await Promise.all(rest)).toEqual(Array.from({ length: 250 }, (_, index) => index * 2));
  expect(sizes.length).toBeLessThan(6);
  expect(Math.max(...sizes)).toBe(100);
});

it("fails the items of a failed batch and goes on with the next", async () => {
  const batcher = createBatcher<string, string>(1, async (items) => {
    if (items[0] === "bad") throw new Error("no");
    return items;
  });
  const [bad, good] = [batcher.add("bad"), batcher.add("good")];
  await expect(bad).rejects.toThrow("no");
  expect(await good).toBe("good");
  await batcher.idle();
});

it("lets items gather after each batch, unless a whole one waits already", async () => {
  const sizes: number[] = [];
  const gathers: (() => void)[] = [];
  const batcher = createBatcher<number, number>(
    3,
    async (items) => {
      sizes.push(items.length);
      return items;
    },
    () => new Promise((resume) => gathers.push(resume)),
  );
  await batcher.add(1);
  const others = [2, 3].map((item) => batcher.add(item));
  await expect.poll(() => gathers.length).toBe(1);
  expect(sizes).toEqual([1]);
  gathers[0]!();
  await Promise.all(others);
  const many = [4, 5, 6, 7, 8, 9].map((item) => batcher.add(item));
  await expect.poll(() => gathers.length).toBe(2);
  gathers[1]!();
  await Promise.all(many);
  expect(sizes).toEqual([1, 2, 3, 3]);
});

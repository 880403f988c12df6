/** Answers are kept as long as they hold, and shared by all who ask meanwhile. */
import { expect, it } from "vitest";
import { Remembered } from "./remembered.ts";

function counting(holdsMs: number) {
  const asked = { times: 0 };
  const find = () => Promise.resolve({ value: (asked.times += 1), holdsMs });
  return { asked, find };
}

it("keeps an answer while it holds, and asks again after that", async () => {
  const kept = new Remembered<number>(10);
  const { find } = counting(1000);
  expect(await kept.get("a", 0, find)).toBe(1);
  expect(await kept.get("a", 999, find)).toBe(1);
  expect(await kept.get("a", 1000, find)).toBe(2);
});

it("asks once for all who come before the answer does", async () => {
  const kept = new Remembered<number>(10);
  const { asked, find } = counting(1000);
  expect(await Promise.all([kept.get("a", 0, find), kept.get("a", 5, find), kept.get("b", 5, find)])).toEqual([
    1, 1, 2,
  ]);
  expect(asked.times).toBe(2);
});

it("forgets what has not been used longest, and nothing else", async () => {
  const kept = new Remembered<number>(2);
  const { asked, find } = counting(1000);
  for (const key of ["a", "b", "a", "c", "a"]) await kept.get(key, 0, find);
  expect(asked.times).toBe(3);
  await kept.get("b", 0, find);
  expect(asked.times).toBe(4);
});

it("keeps no failure: whoever asks next asks anew", async () => {
  const kept = new Remembered<number>(2);
  await expect(kept.get("a", 0, () => Promise.reject(new Error("down")))).rejects.toThrow("down");
  expect(await kept.get("a", 0, counting(1).find)).toBe(1);
});

/** Who waits for whom: never more at once than allowed for a key, and no key for another. */
import { expect, it } from "vitest";
import { Turns } from "./turns.ts";

it("lets so many of a key run at once, in order, and others past them", async () => {
  const turns = new Turns({ atOnce: 2, waitingMax: 10 });
  const gate = Promise.withResolvers<void>();
  const begun: string[] = [];
  const work = (name: string) => async () => {
    begun.push(name);
    await gate.promise;
    return name;
  };
  const slow = ["a", "b", "c", "d"].map((name) => turns.take("slow", work(name)));
  const other = turns.take("other", () => Promise.resolve("at once"));
  expect(await other).toBe("at once");
  expect(begun).toEqual(["a", "b"]);
  gate.resolve();
  expect(await Promise.all(slow)).toEqual(["a", "b", "c", "d"]);
  expect(begun).toEqual(["a", "b", "c", "d"]);
});

it("turns away what would wait too long, without beginning it", async () => {
  const turns = new Turns({ atOnce: 1, waitingMax: 1 });
  const gate = Promise.withResolvers<string>();
  const [first, second, third] = [1, 2, 3].map(() => turns.take("key", () => gate.promise));
  expect(await third).toBeNull();
  gate.resolve("done");
  expect(await Promise.all([first, second])).toEqual(["done", "done"]);
});

it("gives the turn on when work throws", async () => {
  const turns = new Turns({ atOnce: 1, waitingMax: 1 });
  await expect(turns.take("key", () => Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  expect(await turns.take("key", () => Promise.resolve("next"))).toBe("next");
});

/** A lane's workers: as many as allowed, and never none while mail waits. */
import { expect, it } from "vitest";
import type { Lane } from "../route/route.ts";
import { LaneRunner } from "./lane-runner.job.ts";

const lane: Lane = { key: "world:2525", provider: "world" };

it("goes on when the limit falls while several workers are about to finish", async () => {
  const seen: number[] = [];
  const finish: (() => void)[] = [];
  const runner = new LaneRunner<number>(lane, 3, {
    see: async (item) => {
      seen.push(item);
      await new Promise<void>((resolve) => finish.push(resolve));
      return null;
    },
    discard: () => undefined,
  });
  runner.put([1, 2, 3, 4, 5]);
  await expect.poll(() => finish.length).toBe(3);
  runner.allow(1);
  for (const end of finish.splice(0)) end();
  await expect.poll(() => seen).toEqual([1, 2, 3, 4]);
  finish.pop()?.();
  await expect.poll(() => seen).toEqual([1, 2, 3, 4, 5]);
  finish.pop()?.();
  await runner.stop();
});

/** The page never waits for a forecast, and never asks for one twice at a time. */
import { describe, expect, it } from "vitest";
import { createForecasts } from "./forecasts.ts";

function asked() {
  const waiting: { roundId: number; answer: (text: string | null) => void; fail: (error: Error) => void }[] = [];
  const find = (roundId: number) =>
    new Promise<string | null>((answer, fail) => void waiting.push({ roundId, answer, fail }));
  return { waiting, find };
}
const settled = () => new Promise<void>((done) => setImmediate(done));

describe("forecasts", () => {
  it("are made behind the page's back, one at a time, and kept for ten seconds", async () => {
    const { waiting, find } = asked();
    const forecasts = createForecasts(find, () => undefined);
    expect([forecasts.get(1, 0), forecasts.get(2, 0), forecasts.get(1, 999_999)]).toEqual([null, null, null]);
    await settled();
    expect(waiting.map(({ roundId }) => roundId)).toEqual([1]);
    waiting[0]!.answer("5 min");
    await settled();
    expect(waiting.map(({ roundId }) => roundId)).toEqual([1, 2]);
    expect([forecasts.get(1, 9999), forecasts.get(1, 10_000), forecasts.get(1, 10_001)]).toEqual([
      "5 min",
      "5 min",
      "5 min",
    ]);
    waiting[1]!.answer(null);
    await settled();
    expect(waiting.map(({ roundId }) => roundId)).toEqual([1, 2, 1]);
  });

  it("stay as they were when one fails, which is told, and are tried again", async () => {
    const { waiting, find } = asked();
    const errors: unknown[] = [];
    const forecasts = createForecasts(find, (error) => void errors.push(error));
    forecasts.get(1, 0);
    await settled();
    waiting[0]!.fail(new Error("no database"));
    await settled();
    expect([forecasts.get(1, 1), errors.length]).toEqual([null, 1]);
    forecasts.get(1, 20_000);
    await settled();
    expect(waiting).toHaveLength(2);
  });
});

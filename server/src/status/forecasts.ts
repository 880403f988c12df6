/**
 * Forecasts for a page that is drawn every second: each round's is made once in a while, behind the page's back, and shown
 * as it was last. Pure but for the promise it holds; time comes in with each question.
 */
export interface Forecasts {
  /** The last sentence known; null: none yet, or nothing is left to forecast. */
  get(roundId: number, nowMs: number): string | null;
}

interface Entry {
  text: string | null;
  untilMs: number;
}

const holdsMs = 10_000;
const roundsMost = 200;

/** `find` is asked for one round at a time; what it rejects with is told to `report` and tried again later. */
export function createForecasts(
  find: (roundId: number) => Promise<string | null>,
  report: (error: unknown) => void,
): Forecasts {
  const known = new Map<number, Entry>();
  let last: Promise<void> = Promise.resolve();
  const renew = async (before: Promise<void>, roundId: number, entry: Entry, untilMs: number): Promise<void> => {
    await before;
    try {
      entry.text = await find(roundId);
    } catch (error) {
      report(error);
    }
    entry.untilMs = untilMs;
  };
  return {
    get: (roundId, nowMs) => {
      const entry = known.get(roundId) ?? { text: null, untilMs: -Infinity };
      if (nowMs < entry.untilMs) return entry.text;
      entry.untilMs = Infinity;
      if (known.size >= roundsMost) known.clear();
      known.set(roundId, entry);
      last = renew(last, roundId, entry, nowMs + holdsMs);
      return entry.text;
    },
  };
}

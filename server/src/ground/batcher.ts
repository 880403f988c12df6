/**
 * Gathers single writes into batches: whatever arrives while one batch is being written makes up the next. Under load
 * batches grow by themselves, and a lone item never waits for company. Does not retry; `write` decides that.
 */
export interface Batcher<Item, Answer> {
  /** Resolves with this item's answer once its batch is written; rejects when the batch could not be. */
  add(item: Item): Promise<Answer>;
  /** Resolves when nothing waits or is being written. */
  idle(): Promise<void>;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * `write` gets at most `largest` items and returns their answers in the same order. Between two batches `gather` may
 * take its time: what a statement and its commit cost is then shared by more items. A full batch does not wait for it.
 */
export function createBatcher<Item, Answer>(
  largest: number,
  write: (items: readonly Item[]) => Promise<readonly Answer[]>,
  gather: () => Promise<void> = () => Promise.resolve(),
): Batcher<Item, Answer> {
  let waiting: Waiting<Item, Answer>[] = [];
  let running: Promise<void> | null = null;

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, largest);
      waiting = waiting.slice(largest);
      try {
        const answers = await write(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      if (waiting.length < largest) await gather();
    }
    running = null;
  };

  return {
    add: (item) =>
      new Promise<Answer>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        // One turn of grace, so that items made in the same turn travel together.
        running ??= Promise.resolve().then(drain);
      }),
    idle: async () => {
      while (running) await running;
    },
  };
}

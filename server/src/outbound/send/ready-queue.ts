/** Claimed mails that wait for a connection: bounded by whoever fills it, drained by many takers. In memory only; the claim itself is in the database. */
export interface ReadyQueue<Item> {
  readonly size: number;
  put(items: readonly Item[]): void;
  /** The next item, or null once the queue is closed and empty. */
  take(): Promise<Item | null>;
  /** Takes everything that nobody has begun. */
  drain(): readonly Item[];
  close(): void;
}

export function createReadyQueue<Item>(): ReadyQueue<Item> {
  let items: Item[] = [];
  let head = 0;
  let closed = false;
  const takers: ((item: Item | null) => void)[] = [];

  const next = (): Item | undefined => {
    const item = items[head];
    if (head < items.length) head += 1;
    if (head > 1000 || head === items.length) {
      items = items.slice(head);
      head = 0;
    }
    return item;
  };

  return {
    get size() {
      return items.length - head;
    },
    put: (more) => {
      items.push(...more);
      while (takers.length > 0 && items.length > head) takers.shift()?.(next() ?? null);
    },
    take: () => {
      const item = next();
      if (item !== undefined || closed) return Promise.resolve(item ?? null);
      return new Promise((resolve) => takers.push(resolve));
    },
    drain: () => {
      const rest = items.slice(head);
      items = [];
      head = 0;
      return rest;
    },
    close: () => {
      closed = true;
      for (const taker of takers.splice(0)) taker(null);
    },
  };
}

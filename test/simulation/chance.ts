/** Chance that repeats itself: the same seed draws the same numbers, on every machine and in every year. Not for secrets. */

export interface Chance {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, count). */
  below(count: number): number;
  /** A whole number, both ends included. */
  between(least: number, most: number): number;
  isLikely(share: number): boolean;
  /** Undefined only for an empty list. */
  pick<Item>(items: readonly Item[]): Item | undefined;
  /** Each item with the same probability, in their order. */
  some<Item>(items: readonly Item[], share: number): readonly Item[];
}

/** A 32-bit Weyl sequence, mixed: enough for choosing, and one multiplication long. */
export function createChance(seed: number): Chance {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    next,
    below,
    between: (least, most) => least + below(most - least + 1),
    isLikely: (share) => next() < share,
    pick: (items) => items[below(items.length)],
    some: (items, share) => items.filter(() => next() < share),
  };
}

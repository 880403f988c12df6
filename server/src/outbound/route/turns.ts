/**
 * At most so many at once for each key, the others wait in line; a line that grows too long turns new ones away. One
 * slow key never holds up another, because nothing is counted across keys. No timers: work must end by itself.
 */
export class Turns {
  readonly #lines = new Map<string, { running: number; readonly waiting: (() => void)[] }>();
  readonly #atOnce: number;
  readonly #waitingMax: number;

  constructor(limits: { readonly atOnce: number; readonly waitingMax: number }) {
    this.#atOnce = limits.atOnce;
    this.#waitingMax = limits.waitingMax;
  }

  /** Null: the line is too long, and `work` was not begun. */
  async take<Value>(key: string, work: () => Promise<Value>): Promise<Value | null> {
    const line = this.#lines.get(key) ?? { running: 0, waiting: [] };
    this.#lines.set(key, line);
    if (line.running < this.#atOnce) line.running += 1;
    else if (line.waiting.length >= this.#waitingMax) return null;
    else await new Promise<void>((resolve) => line.waiting.push(resolve));
    try {
      return await work();
    } finally {
      this.#pass(key, line);
    }
  }

  /** The place goes straight to the next in line, so that nobody slips in between. */
  #pass(key: string, line: { running: number; readonly waiting: (() => void)[] }): void {
    const next = line.waiting.shift();
    if (next) return next();
    line.running -= 1;
    if (line.running === 0) this.#lines.delete(key);
  }
}

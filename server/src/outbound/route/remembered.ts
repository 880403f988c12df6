/**
 * Answers kept for as long as they hold: whoever asks for the same thing meanwhile shares one question. Bounded; what
 * has not been used longest goes first. It keeps no failures that throw. Pure: time comes in with each question.
 */
export class Remembered<Value> {
  readonly #kept = new Map<string, { readonly value: Promise<Value>; untilMs: number }>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** `find` says the value and for how many milliseconds it holds from now on. */
  get(
    key: string,
    nowMs: number,
    find: () => Promise<{ readonly value: Value; readonly holdsMs: number }>,
  ): Promise<Value> {
    const known = this.#kept.get(key);
    if (known && nowMs < known.untilMs) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.value;
    }
    return this.#find(key, nowMs, find);
  }

  #find(
    key: string,
    nowMs: number,
    find: () => Promise<{ readonly value: Value; readonly holdsMs: number }>,
  ): Promise<Value> {
    const found = find();
    const entry = { value: found.then(({ value }) => value), untilMs: Infinity };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#most) break;
      this.#kept.delete(oldest);
    }
    found.then(
      ({ holdsMs }) => (entry.untilMs = nowMs + holdsMs),
      () => this.#kept.get(key) === entry && this.#kept.delete(key),
    );
    return entry.value;
  }
}

/**
 * What strangers may take of the intake: connections, time and memory. When something runs short it is the oldest
 * connection, or the largest unfinished mail, that gives way, never the newcomer: an attacker who sits on everything he
 * can get cannot keep an honest mail out. Pure; the clock comes in with each call.
 */

export interface IntakeLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Of all unfinished mails together. */
  readonly bytes: number;
}

export interface Visitor {
  readonly address: string;
  /** Ends the connection, politely where that is still possible. */
  readonly end: (because: "too-many" | "too-long") => void;
}

/** Who is connected, in the order they came. */
export class Visitors {
  readonly #limits: IntakeLimits;
  readonly #present = new Map<Visitor, number>();

  constructor(limits: IntakeLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#present.size;
  }

  enter(visitor: Visitor, nowMs: number): void {
    const same = [...this.#present.keys()].filter(({ address }) => address === visitor.address);
    if (same.length >= this.#limits.connectionsPerAddress) this.#dismiss(same[0], "too-many");
    if (this.#present.size >= this.#limits.connections) this.#dismiss(this.#present.keys().next().value, "too-many");
    this.#present.set(visitor, nowMs);
  }

  leave(visitor: Visitor): void {
    this.#present.delete(visitor);
  }

  /** However busy they look: bytes that drip for hours are no mail. */
  dismissOlderThan(longestMs: number, nowMs: number): void {
    for (const [visitor, since] of this.#present) {
      if (nowMs - since < longestMs) return;
      this.#dismiss(visitor, "too-long");
    }
  }

  #dismiss(visitor: Visitor | undefined, because: "too-many" | "too-long"): void {
    if (!visitor) return;
    this.#present.delete(visitor);
    visitor.end(because);
  }
}

/** One mail as it comes in; its bytes are let go when the room is needed for smaller ones. */
export interface Unfinished {
  chunks: Buffer[];
  bytes: number;
  gaveWay: boolean;
}

/** The memory that unfinished mails share. */
export class IntakeRoom {
  readonly #most: number;
  readonly #unfinished = new Set<Unfinished>();
  #held = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  get heldBytes(): number {
    return this.#held;
  }

  begin(): Unfinished {
    const mail: Unfinished = { chunks: [], bytes: 0, gaveWay: false };
    this.#unfinished.add(mail);
    return mail;
  }

  add(mail: Unfinished, chunk: Buffer): void {
    if (mail.gaveWay || !this.#unfinished.has(mail)) return;
    mail.chunks.push(chunk);
    mail.bytes += chunk.length;
    this.#held += chunk.length;
    while (this.#held > this.#most) this.#letGo(this.#largest() ?? mail);
  }

  /** The bytes are the caller's from here on, or nobody's. */
  end(mail: Unfinished): void {
    if (this.#unfinished.delete(mail)) this.#held -= mail.bytes;
  }

  #letGo(mail: Unfinished): void {
    mail.gaveWay = true;
    mail.chunks = [];
    this.#held -= mail.bytes;
    mail.bytes = 0;
  }

  #largest(): Unfinished | undefined {
    let largest: Unfinished | undefined;
    for (const mail of this.#unfinished) if (!largest || mail.bytes > largest.bytes) largest = mail;
    return largest;
  }
}

/** Guesses at addresses, by who guesses: each one is answered later than the one before, up to a limit, until the guessing stops. */
export class Guesses {
  readonly #known = new Map<string, { count: number; untilMs: number }>();

  /** Counts one and says how long its answer should wait. */
  delayMs(address: string, nowMs: number): number {
    const known = this.#known.get(address);
    const count = known && known.untilMs > nowMs ? known.count + 1 : 1;
    this.#known.delete(address);
    this.#known.set(address, { count, untilMs: nowMs + remembersMs });
    if (this.#known.size > mostGuessers) this.#known.delete(this.#known.keys().next().value ?? "");
    return count <= freeGuesses ? 0 : Math.min((count - freeGuesses) * stepMs, longestDelayMs);
  }
}

const remembersMs = 10 * 60_000;
const mostGuessers = 10_000;
const freeGuesses = 50;
const stepMs = 50;
const longestDelayMs = 1000;

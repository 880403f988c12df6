/**
 * Measures how long one mail keeps a connection of a lane busy, without timing any mail: the busy connections are counted
 * now and then, and so are the mails that are done. Pure: the instants come in. It says nothing before it knows enough.
 */
export interface LaneSample {
  /** Connections that carry a mail at this instant. */
  readonly busy: number;
  /** Mails done since the start. */
  readonly done: number;
  readonly atMs: number;
}

/** Fewer tell nothing. */
const mailsLeast = 20;
const spanLeastMs = 2000;

export class LaneMeasure {
  #last: LaneSample | null = null;
  #busyMs = 0;
  #mails = 0;
  #spanMs = 0;

  /** Samples may come at any pace; each stands for the time since the one before it. */
  add(sample: LaneSample): void {
    const last = this.#last;
    this.#last = sample;
    if (!last || (sample.busy === 0 && last.busy === 0 && sample.done === last.done)) return;
    const spanMs = sample.atMs - last.atMs;
    this.#busyMs += ((sample.busy + last.busy) / 2) * spanMs;
    this.#mails += sample.done - last.done;
    this.#spanMs += spanMs;
  }

  /** Seconds per mail since the last answer, and begins anew; null: too little was seen, and it goes on. */
  take(): number | null {
    if (this.#mails < mailsLeast || this.#spanMs < spanLeastMs || this.#busyMs === 0) return null;
    const seconds = this.#busyMs / 1000 / this.#mails;
    this.#busyMs = 0;
    this.#mails = 0;
    this.#spanMs = 0;
    return seconds;
  }

  /** Forgets what was seen since the last answer: it was no measure of the connections. */
  drop(): void {
    this.#last = null;
    this.#busyMs = 0;
    this.#mails = 0;
    this.#spanMs = 0;
  }
}

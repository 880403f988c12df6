/**
 * Mails notices and replies of the world back to whoever wrote, over real SMTP: first come, first sent, over a bounded
 * number of connections. Refused with 4xx or with nobody there, it tries again; with 5xx it gives up. As with any mail
 * system, a notice can arrive twice when the line is lost after the final dot. The queue lives in memory only.
 */
import type { Notice } from "./notices/report.ts";
import { type Answer, type Client, openClient } from "./smtp/client.smtp.ts";

export interface SendBackOptions {
  readonly host: string;
  readonly port: number;
  readonly name?: string;
  /** Default 10. */
  readonly connections?: number;
  /** Waits between the tries; the last one repeats. Default 0.2 s, 1 s, 2 s, 5 s. */
  readonly retryDelaysMs?: readonly [number, ...number[]];
  /** Tries of one mail until it is given up. Default 200. */
  readonly mostTries?: number;
}

export interface SendBackCounts {
  readonly sent: number;
  /** 5xx, or tried too often. */
  readonly givenUp: number;
  readonly pending: number;
}

export interface SendBack {
  /** Writes a mail when `afterMs` have passed, and sends it; null is nothing to send. Counts as pending from now on. */
  readonly send: (write: WriteNotice, afterMs: number) => void;
  readonly counts: () => SendBackCounts;
  /** The words of the last servers that made us give up, at most 100. */
  readonly refusals: () => readonly string[];
  /** Resolves when nothing is pending: all is sent or given up. */
  readonly idle: () => Promise<void>;
  /** Drops what is pending. */
  readonly close: () => Promise<void>;
}

export type WriteNotice = () => Notice | null | Promise<Notice | null>;

const MAILS_PER_CONNECTION = 50;
const ANSWER_TIMEOUT_MS = 60_000;

interface Pending {
  readonly write: WriteNotice;
  /** Written once: a second try sends the same bytes. */
  notice: Notice | null;
  tries: number;
}

export function startSendBack(options: SendBackOptions): SendBack {
  const queue = new SendBackQueue(options);
  return {
    send: (write, afterMs) => queue.add({ write, notice: null, tries: 0 }, afterMs),
    counts: () => queue.counts(),
    refusals: () => queue.refusals,
    idle: () => queue.idle(),
    close: () => queue.close(),
  };
}

class SendBackQueue {
  readonly refusals: string[] = [];
  readonly #options: SendBackOptions;
  readonly #mostConnections: number;
  #due: Pending[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #workers = new Set<Promise<void>>();
  /** Ends every connection, those that are just being opened among them. */
  readonly #end = new AbortController();
  #inFlight = 0;
  #sent = 0;
  #givenUp = 0;
  #waiting: (() => void)[] = [];

  constructor(options: SendBackOptions) {
    this.#options = options;
    this.#mostConnections = options.connections ?? 10;
  }

  add(pending: Pending, afterMs: number): void {
    if (this.#end.signal.aborted) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#due.push(pending);
      this.#startWorker();
    }, afterMs);
    this.#timers.add(timer);
  }

  counts(): SendBackCounts {
    return { sent: this.#sent, givenUp: this.#givenUp, pending: this.#pending };
  }

  async idle(): Promise<void> {
    if (this.#pending === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async close(): Promise<void> {
    this.#end.abort();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#due = [];
    await Promise.all(this.#workers);
    this.#tellWaiting();
  }

  get #pending(): number {
    return this.#due.length + this.#timers.size + this.#inFlight;
  }

  #startWorker(): void {
    if (this.#workers.size >= this.#mostConnections) return;
    const worker = this.#work().finally(() => {
      this.#workers.delete(worker);
      if (this.#due.length > 0) this.#startWorker();
    });
    this.#workers.add(worker);
  }

  /** One connection after another, until nothing is due. */
  async #work(): Promise<void> {
    let client: Client | null = null;
    let mails = 0;
    for (let pending = this.#due.shift(); pending; pending = this.#due.shift()) {
      this.#inFlight += 1;
      pending.notice ??= await pending.write();
      if (pending.notice) {
        if (mails >= MAILS_PER_CONNECTION) client = await leave(client);
        mails = client === null ? 1 : mails + 1;
        const [next, answer] = await this.#try(client, pending.notice);
        client = next;
        this.#settle(pending, answer);
      }
      this.#inFlight -= 1;
      if (this.#pending === 0) this.#tellWaiting();
    }
    await leave(client);
  }

  /** The connection that can still be used, and the answer; null when there was none. */
  async #try(open: Client | null, notice: Notice): Promise<readonly [Client | null, Answer | null]> {
    let client = open;
    try {
      client ??= await this.#open();
      const answer = await client.deliver(notice);
      return answer.code === 421 ? [await leave(client), answer] : [client, answer];
    } catch {
      // Whatever broke the line, the mail is tried again; when it was given up, the count tells.
      client?.destroy();
      return [null, null];
    }
  }

  async #open(): Promise<Client> {
    const { host, port, name = "mx.world.example" } = this.#options;
    return openClient({ host, port, name, timeoutMs: ANSWER_TIMEOUT_MS, signal: this.#end.signal });
  }

  #settle(pending: Pending, answer: Answer | null): void {
    if (answer && answer.code < 400) {
      this.#sent += 1;
      return;
    }
    pending.tries += 1;
    const isFinal = (answer !== null && answer.code >= 500) || pending.tries >= (this.#options.mostTries ?? 200);
    if (isFinal) {
      this.#givenUp += 1;
      this.refusals.push(answer ? `${answer.code} ${answer.text}` : "no answer");
      this.refusals.splice(0, this.refusals.length - 100);
      return;
    }
    const delays = this.#options.retryDelaysMs ?? [200, 1000, 2000, 5000];
    this.add(pending, delays[Math.min(pending.tries, delays.length) - 1] ?? delays[0]);
  }

  #tellWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }
}

async function leave(client: Client | null): Promise<null> {
  await client?.quit();
  return null;
}

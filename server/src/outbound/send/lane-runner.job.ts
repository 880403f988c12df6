/**
 * One lane on this node: the mails that wait for it, and the connections that carry them. Opens a connection only when
 * there is work, keeps it for the next mail to the same target, and never more of them than the lane allows.
 */
import type { Lane } from "../route/route.ts";
import { createReadyQueue } from "./ready-queue.ts";
import type { Connection } from "./smtp-connection.smtp.ts";

/** A connection kept between mails, and whom it leads to. */
export interface KeptConnection {
  readonly target: string;
  readonly open: Connection;
}

export interface LaneWork<Item> {
  /** Sees one mail through and returns the connection that may serve the next; never rejects. */
  see(item: Item, kept: KeptConnection | null): Promise<KeptConnection | null>;
  discard(kept: KeptConnection): void;
}

export class LaneRunner<Item> {
  readonly lane: Lane;
  readonly #ready = createReadyQueue<Item>();
  readonly #work: LaneWork<Item>;
  /** Those who carry, and those who are only saying goodbye to their server. */
  readonly #workers = new Set<Promise<void>>();
  #carrying = 0;
  #allowed: number;
  #idle = 0;
  #done = 0;

  constructor(lane: Lane, connections: number, work: LaneWork<Item>) {
    this.lane = lane;
    this.#allowed = connections;
    this.#work = work;
  }

  /** Mails that nobody has begun. */
  get waiting(): number {
    return this.#ready.size;
  }

  /** Connections that carry a mail now, and the mails that were carried so far. */
  get progress(): { readonly busy: number; readonly done: number } {
    return { busy: this.#carrying - this.#idle, done: this.#done };
  }

  get connections(): number {
    return this.#allowed;
  }

  /** More or fewer connections from now on; a worker above the number ends after its mail. */
  allow(connections: number): void {
    this.#allowed = Math.max(1, connections);
  }

  put(items: readonly Item[]): void {
    this.#ready.put(items);
    const wanted = Math.min(this.#allowed, this.#carrying + this.#ready.size - this.#idle);
    while (this.#carrying < wanted && this.#workers.size < this.#allowed) this.#hire();
  }

  drain(): readonly Item[] {
    return this.#ready.drain();
  }

  /** Resolves when every worker has finished its mail. */
  async stop(): Promise<void> {
    this.#ready.close();
    await Promise.all(this.#workers);
  }

  #hire(): void {
    this.#carrying += 1;
    const worker = this.#carry().finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  async #carry(): Promise<void> {
    let kept: KeptConnection | null = null;
    for (;;) {
      this.#idle += 1;
      const item = await this.#ready.take();
      this.#idle -= 1;
      if (item === null) break;
      kept = await this.#work.see(item, kept);
      this.#done += 1;
      if (kept && !kept.open.isUsable) {
        this.#work.discard(kept);
        kept = null;
      }
      if (this.#carrying > this.#allowed) break;
    }
    this.#carrying -= 1;
    if (!kept) return;
    await kept.open.close().catch(() => undefined);
    this.#work.discard(kept);
  }
}

/**
 * Recognises mails in threads of their own, each with a limit of memory and every mail with a deadline. A mail that kills
 * its thread comes back as `unreadable` with how it ended; the others go on in a new thread. It keeps no mail.
 */
import { Worker } from "node:worker_threads";
import type { Recognised } from "./recognised.ts";

export interface Recogniser {
  /** Never rejects while open: what cannot be read is an answer too. */
  recognise(bytes: Buffer): Promise<Recognised>;
  /** Ends the threads; mails that still wait come back as `unreadable`. */
  close(): Promise<void>;
}

export interface RecogniserOptions {
  readonly threads: number;
  readonly deadlineMs: number;
  readonly memoryMb: number;
  /** The thread's program; another one in tests. */
  readonly program: URL;
}

const defaultOptions: RecogniserOptions = {
  threads: 1,
  deadlineMs: 5000,
  memoryMb: 256,
  program: new URL("./recognise.worker.ts", import.meta.url),
};
/** Loading the program is not the mail's fault, and yet it has to end. */
const START_MS = 30_000;

export function startRecogniser(options: Partial<RecogniserOptions> = {}): Recogniser {
  return new ThreadedRecogniser({ ...defaultOptions, ...options });
}

interface Task {
  readonly bytes: Buffer;
  readonly settle: (recognised: Recognised) => void;
}

class ThreadedRecogniser implements Recogniser {
  readonly #options: RecogniserOptions;
  readonly #waiting: Task[] = [];
  readonly #threads = new Set<Thread>();
  #closed = false;

  constructor(options: RecogniserOptions) {
    this.#options = options;
  }

  recognise(bytes: Buffer): Promise<Recognised> {
    if (this.#closed) return Promise.resolve({ kind: "unreadable", reason: "closed" });
    return new Promise((settle) => {
      this.#waiting.push({ bytes, settle });
      this.#assign();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#waiting.splice(0)) task.settle({ kind: "unreadable", reason: "closed" });
    await Promise.all([...this.#threads].map((thread) => thread.end("closed")));
  }

  #assign(): void {
    while (this.#waiting.length > 0) {
      const thread = [...this.#threads].find((candidate) => candidate.isFree) ?? this.#addThread();
      if (!thread) return;
      const task = this.#waiting.shift();
      if (task) thread.work(task);
    }
  }

  #addThread(): Thread | null {
    if (this.#threads.size >= this.#options.threads) return null;
    const thread: Thread = new Thread(this.#options, {
      freed: () => this.#assign(),
      gone: () => {
        this.#threads.delete(thread);
        if (!this.#closed) this.#assign();
      },
    });
    this.#threads.add(thread);
    return thread;
  }
}

interface Notices {
  readonly freed: () => void;
  readonly gone: () => void;
}

/** One thread and the one mail it has. */
class Thread {
  readonly #worker: Worker;
  readonly #options: RecogniserOptions;
  readonly #notices: Notices;
  #task: Task | null = null;
  #isReady = false;
  #isEnded = false;
  #timer: NodeJS.Timeout | undefined;
  #id = 0;

  constructor(options: RecogniserOptions, notices: Notices) {
    this.#options = options;
    this.#notices = notices;
    this.#worker = new Worker(options.program, {
      resourceLimits: { maxOldGenerationSizeMb: options.memoryMb },
      execArgv: [],
    });
    this.#worker.unref();
    this.#worker.on("message", (message: "ready" | { id: number; recognised: Recognised }) => this.#hear(message));
    this.#worker.on("error", (error: NodeJS.ErrnoException) => this.#fall(reasonOf(error)));
    this.#worker.on("exit", () => this.#fall("thread-ended"));
  }

  get isFree(): boolean {
    return this.#task === null && !this.#isEnded;
  }

  work(task: Task): void {
    this.#task = task;
    // Held while there is work, so that a program does not end before its answers.
    this.#worker.ref();
    this.#id += 1;
    // Handed over, not copied a second time.
    const bytes = Uint8Array.from(task.bytes);
    this.#worker.postMessage({ id: this.#id, bytes }, [bytes.buffer]);
    this.#limit();
  }

  async end(reason: string): Promise<void> {
    this.#settle({ kind: "unreadable", reason });
    this.#isEnded = true;
    await this.#worker.terminate();
  }

  #limit(): void {
    clearTimeout(this.#timer);
    const limitMs = this.#isReady ? this.#options.deadlineMs : START_MS;
    this.#timer = setTimeout(() => this.#fall("took-too-long"), limitMs);
  }

  #hear(message: "ready" | { readonly id: number; readonly recognised: Recognised }): void {
    if (message === "ready") {
      this.#isReady = true;
      if (this.#task) this.#limit();
      return;
    }
    if (message.id !== this.#id) return;
    this.#settle(message.recognised);
    this.#notices.freed();
  }

  /** The thread is lost, or is given up: its mail is answered, and its place is free. */
  #fall(reason: string): void {
    const wasEnded = this.#isEnded;
    this.#settle({ kind: "unreadable", reason });
    this.#isEnded = true;
    if (wasEnded) return;
    void this.#worker.terminate();
    this.#notices.gone();
  }

  #settle(recognised: Recognised): void {
    clearTimeout(this.#timer);
    const task = this.#task;
    this.#task = null;
    this.#worker.unref();
    task?.settle(recognised);
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "took-too-much-memory" : `failed: ${error.message.slice(0, 200)}`;
}

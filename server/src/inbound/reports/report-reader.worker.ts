/**
 * Reads reports in a thread of its own with a limit of memory and a deadline for each, one after the other. A report that
 * kills the thread comes back as a problem that says how it ended; the next one has a new thread. It keeps no report.
 */
import { Worker } from "node:worker_threads";
import type { ReportProblem, ReportReading } from "@roundtrip/mail/report/report";

export interface ReportReader {
  /** Never rejects. `bytes` are handed over where they own their memory, and are empty afterwards. */
  read(bytes: Buffer, mostSources?: number): Promise<ReportReading>;
  close(): Promise<void>;
}

export interface ReportReaderOptions {
  readonly deadlineMs: number;
  readonly memoryMb: number;
  /** The thread's program; another one in tests. */
  readonly program: URL;
}

const defaultOptions: ReportReaderOptions = {
  deadlineMs: 20_000,
  memoryMb: 256,
  program: new URL("./read-report.worker.ts", import.meta.url),
};

export function startReportReader(options: Partial<ReportReaderOptions> = {}): ReportReader {
  return new ThreadedReader({ ...defaultOptions, ...options });
}

interface Task {
  readonly id: number;
  readonly settle: (reading: ReportReading) => void;
  readonly timer: NodeJS.Timeout;
}

class ThreadedReader implements ReportReader {
  readonly #options: ReportReaderOptions;
  #worker: Worker | null = null;
  #task: Task | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #id = 0;

  constructor(options: ReportReaderOptions) {
    this.#options = options;
  }

  read(bytes: Buffer, mostSources = Number.MAX_SAFE_INTEGER): Promise<ReportReading> {
    const reading = this.#last.then(() => this.#readOne(bytes, mostSources));
    this.#last = reading;
    return reading;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker) this.#lose(worker, "reader-failed");
    await worker?.terminate();
  }

  #readOne(bytes: Buffer, mostSources: number): Promise<ReportReading> {
    const worker = (this.#worker ??= this.#startThread());
    this.#id += 1;
    const id = this.#id;
    return new Promise((settle) => {
      const timer = setTimeout(() => this.#lose(worker, "took-too-long"), this.#options.deadlineMs);
      this.#task = { id, settle, timer };
      // Held while there is work, so that a program does not end before its answers.
      worker.ref();
      const own = ownBytes(bytes);
      worker.postMessage({ id, bytes: own, mostSources }, [own.buffer]);
    });
  }

  #startThread(): Worker {
    const { program, memoryMb } = this.#options;
    const worker = new Worker(program, {
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 16 },
      execArgv: [],
    });
    worker.on("message", (message: "ready" | { readonly id: number; readonly reading: ReportReading }) => {
      if (message === "ready" || message.id !== this.#task?.id) return;
      worker.unref();
      this.#settle(message.reading);
    });
    worker.on("error", (error: NodeJS.ErrnoException) =>
      this.#lose(worker, error.code === "ERR_WORKER_OUT_OF_MEMORY" ? "took-too-much-memory" : "reader-failed"),
    );
    worker.on("exit", () => this.#lose(worker, "reader-failed"));
    return worker;
  }

  /** The thread is lost or given up: its report is answered, and the next one has a new thread. */
  #lose(worker: Worker, problem: ReportProblem): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    void worker.terminate();
    this.#settle({ reports: [], problems: [problem] });
  }

  #settle(reading: ReportReading): void {
    const task = this.#task;
    this.#task = null;
    clearTimeout(task?.timer);
    task?.settle(reading);
  }
}

/** Memory that can be handed over: a large file's own, a copy of what lies in memory that is shared. */
function ownBytes(bytes: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length;
  return isOwn ? new Uint8Array(buffer) : Uint8Array.from(bytes);
}

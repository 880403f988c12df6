/**
 * Checks replies in a thread of its own, one after the other, each within a deadline, name servers included. A mail that
 * kills or holds up its thread comes back as not checked, and the next one has a new thread. It keeps no mail.
 */
import { Worker } from "node:worker_threads";
import type { ToAuthenticate } from "./authenticate.worker.ts";
import type { Verdict } from "./verdict.ts";

export interface Authenticator {
  /** Never rejects. */
  check(mail: ToAuthenticate): Promise<Verdict>;
  close(): Promise<void>;
}

export interface AuthenticatorOptions {
  /** Name servers, with ports; empty: those of the system. */
  readonly servers: readonly string[];
  /** As we are called. */
  readonly name: string;
  readonly deadlineMs?: number;
  readonly program?: URL;
}

const deadlineMs = 8000;
const memoryMb = 256;
const program = new URL("./authenticate.worker.ts", import.meta.url);

export function startAuthenticator(options: AuthenticatorOptions): Authenticator {
  let worker: Worker | null = null;
  let last: Promise<unknown> = Promise.resolve();
  let count = 0;
  const start = (): Worker => {
    const started = new Worker(options.program ?? program, {
      workerData: { servers: options.servers, name: options.name },
      resourceLimits: { maxOldGenerationSizeMb: memoryMb },
      execArgv: [],
    });
    // A thread that dies while it is idle is replaced by the next mail.
    started.on("error", () => undefined).once("exit", () => (worker = worker === started ? null : worker));
    started.unref();
    return started;
  };
  const checkOne = (mail: ToAuthenticate): Promise<Verdict> => {
    const thread = (worker ??= start());
    count += 1;
    const id = count;
    return new Promise((settle) => {
      const end = (verdict: Verdict, isLost: boolean): void => {
        clearTimeout(timer);
        thread.off("message", hear).off("exit", fall);
        thread.unref();
        if (isLost) {
          if (worker === thread) worker = null;
          void thread.terminate();
        }
        settle(verdict);
      };
      const lose = (because: string): void => end({ kind: "not-checked", because }, true);
      const fall = (): void => lose("the check ended before it was done");
      const hear = (message: "ready" | { readonly id: number; readonly verdict: Verdict }): void => {
        if (message !== "ready" && message.id === id) end(message.verdict, false);
      };
      const timer = setTimeout(
        () => lose("the sender's name servers did not answer in time"),
        options.deadlineMs ?? deadlineMs,
      );
      thread.ref();
      thread.on("message", hear).once("exit", fall);
      thread.postMessage({ id, mail });
    });
  };
  return {
    check: (mail) => {
      const checking = last.then(() => checkOne(mail));
      last = checking;
      return checking;
    },
    close: async () => void (await worker?.terminate()),
  };
}

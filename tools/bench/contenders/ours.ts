/** Roundtrip itself: the command `bench send`, with its embedded PostgreSQL. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { watchMemory } from "../process-tree.ts";
import { connections, mailBytes, type Contender } from "./contender.ts";

const cli = join(import.meta.dirname, "..", "..", "..", "server", "src", "cli.ts");

interface BenchResult {
  readonly sent: number;
  readonly perSecond: number;
  readonly cpuMsPerMessage: { readonly node: number; readonly postgres: number };
  readonly dkim: { readonly name: string; readonly record: string };
}

export function ours(): Contender {
  let dkim = { name: "", record: "" };
  return {
    name: "Roundtrip",
    differs:
      "Each mail personal; claimed, marked and settled in PostgreSQL with fsync; figures include enqueueing and the database.",
    get dkim() {
      return dkim;
    },
    send: async (sink, count) => {
      const options = ["--count", String(count), "--size", String(mailBytes), "--connections", String(connections)];
      const child = spawn(
        process.execPath,
        [cli, "bench", "send", "--to", `127.0.0.1:${String(sink.port)}`, ...options, "--json"],
        { stdio: ["ignore", "pipe", "ignore"] },
      );
      const pids = () => (child.pid === undefined ? [] : [child.pid]);
      const { value: printed, peakMb } = await watchMemory(pids, async () => {
        const ended = once(child, "exit");
        const output = await text(child.stdout);
        await ended;
        return output;
      });
      const result = JSON.parse(printed) as BenchResult;
      if (result.sent !== count) throw new Error(`Roundtrip sent ${String(result.sent)} of ${String(count)} mails.`);
      ({ dkim } = result);
      const { node, postgres } = result.cpuMsPerMessage;
      return { cpuUsPerMail: (node + postgres) * 1000, perSecond: result.perSecond, peakMb };
    },
  };
}

/**
 * Whether cost grows with the size of a round: `roundtrip bench send` with few people and with many, in turns, against
 * Debian's `smtp-sink`. Prints how long enqueueing took, CPU per mail and the most memory, and their ratios.
 *
 *   node tools/run.mjs tools/bench/large-round.ts [--few N] [--many N] [--rounds N]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { findFreePort } from "./contenders/smtp-source.ts";
import { startSmtpSink } from "./sink.ts";

const { values } = parseArgs({
  options: {
    few: { type: "string", default: "10000" },
    many: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "1" },
  },
});

interface Result {
  readonly sent: number;
  readonly unknown: number;
  readonly enqueueSeconds: number;
  readonly perSecond: number;
  readonly cpuMsPerMessage: { readonly node: number; readonly postgres: number };
  readonly rssMb: number;
}

const cli = join(import.meta.dirname, "..", "..", "server", "src", "cli.ts");
const folder = mkdtempSync("/var/tmp/roundtrip-large-");
try {
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    const few = await send(Number(values.few));
    const many = await send(Number(values.many));
    const ratio = (read: (result: Result) => number) => (read(many) / read(few)).toFixed(2);
    console.log(`ratio of many to few: CPU per mail ${ratio(cpuUs)}, memory ${ratio(({ rssMb }) => rssMb)}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function send(count: number): Promise<Result> {
  const sink = await startSmtpSink(folder, await findFreePort());
  try {
    const to = `127.0.0.1:${String(sink.port)}`;
    const child = spawn(process.execPath, [cli, "bench", "send", "--to", to, "--count", String(count), "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    const result = JSON.parse(await text(child.stdout)) as Result;
    await ended;
    const { sent, unknown, enqueueSeconds, perSecond, rssMb } = result;
    console.log(
      `${String(count)} people: ${String(sent)} accepted, ${String(unknown)} unknown; enqueued in ${String(enqueueSeconds)} s, ${String(perSecond)} mails a second, ${cpuUs(result).toFixed(0)} µs CPU a mail, ${String(rssMb)} MB`,
    );
    return result;
  } finally {
    await sink.stop();
  }
}

function cpuUs({ cpuMsPerMessage: { node, postgres } }: Result): number {
  return (node + postgres) * 1000;
}

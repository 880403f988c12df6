/** What takes part in the benchmark: a way of getting many DKIM-signed mails to a sink. */
import { setTimeout as wait } from "node:timers/promises";
import { readCpuMs, watchMemory } from "../process-tree.ts";
import type { Sink } from "../sink.ts";

export interface Figures {
  /** Everything of the contender: database and milter too, the sink and the source of mails not. */
  readonly cpuUsPerMail: number;
  readonly perSecond: number;
  readonly peakMb: number;
}

export interface Contender {
  readonly name: string;
  /** One sentence: what it does that others do not, or the other way round. */
  readonly differs: string;
  /** Sends this many mails into the sink and returns what that took; leaves no process behind. */
  send(sink: Sink, count: number): Promise<Figures>;
  /** Where the public half of its DKIM key would stand in DNS, once it has sent something. */
  readonly dkim: { readonly name: string; readonly record: string };
}

export interface Keys {
  /** PKCS #8. */
  readonly privateKeyPem: string;
  readonly record: string;
}

export const dkimDomain = "bench.example.com";
export const dkimSelector = "bench";
export const dkimName = `${dkimSelector}._domainkey.${dkimDomain}`;
/** The same for all: more make none of them faster on two cores. */
export const connections = 100;
/** What a survey mail in our own layout has with one paragraph of text; the others send about as much. */
export const mailBytes = 10_000;

/** A mail server with a queue of its own is done when the sink has everything: measured from the first mail to then. */
export async function measureRelay(
  sink: Sink,
  count: number,
  { pids, feed }: { pids: () => readonly number[]; feed: () => Promise<void> },
): Promise<Figures> {
  const before = { taken: await sink.count(), cpuMs: readCpuMs(pids()), at: performance.now() };
  const { peakMb } = await watchMemory(pids, async () => {
    await Promise.all([feed(), untilTaken(sink, before.taken + count)]);
  });
  const seconds = (performance.now() - before.at) / 1000;
  const cpuMs = readCpuMs(pids()) - before.cpuMs;
  return { cpuUsPerMail: (cpuMs * 1000) / count, perSecond: count / seconds, peakMb };
}

const stallMs = 30_000;

async function untilTaken(sink: Sink, wanted: number): Promise<void> {
  let last = { taken: -1, at: performance.now() };
  for (;;) {
    const taken = await sink.count();
    if (taken >= wanted) return;
    if (taken !== last.taken) last = { taken, at: performance.now() };
    if (performance.now() - last.at > stallMs)
      throw new Error(`The sink has ${String(taken)} of ${String(wanted)} mails and no more come.`);
    await wait(50);
  }
}

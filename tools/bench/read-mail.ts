/**
 * `npm run bench:read`: what recognition costs on one core. The notices of the corpus where one lies beside the repository,
 * else our own samples, again and again; then mails of ten megabytes; then memory over a hundred thousand. It fails where
 * a promise is broken: two thousand notices a CPU second by the median, 20 ms at the 99th percentile, a second for ten
 * megabytes, memory that stays the same.
 *
 *   node tools/run.mjs tools/bench/read-mail.ts [--mails N]
 */
import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { recogniseMail } from "../../server/src/inbound/recognise/recognise.ts";
import { hasCorpus, readCorpus } from "../corpus/labelled-mail.ts";

const { values } = parseArgs({ options: { mails: { type: "string", default: "100000" } } });
const count = Number(values.mails);
const samples = new URL("../../server/src/inbound/recognise/samples/", import.meta.url);

const notices = readNotices();
// Compiled code is what a running receiver has.
for (let round = 0; round < 3; round += 1) for (const mail of notices) recogniseMail(mail);

const tellings = [...measureEach(notices), ...measureLarge(), ...measureMemory(notices)];
for (const { says, holds } of tellings) console.log(`${holds ? "holds " : "BROKEN"}  ${says}`);
process.exitCode = tellings.every(({ holds }) => holds) ? 0 : 1;

interface Telling {
  readonly says: string;
  readonly holds: boolean;
}

function readNotices(): Buffer[] {
  if (hasCorpus) return readCorpus().flatMap(({ file, bytes }) => (file.startsWith("dsn/") ? [bytes] : []));
  const files = readdirSync(samples).filter((name) => name.endsWith(".eml"));
  return files.map((name) => readFileSync(new URL(name, samples)));
}

/** Each mail by itself, five times; of the five the middle one, so that a pause of the machine is no mail's fault. */
function measureEach(mails: readonly Buffer[]): Telling[] {
  const costsMs = mails.map((mail) => median(Array.from({ length: 5 }, () => cpuMs(() => recogniseMail(mail)))));
  const sorted = costsMs.toSorted((one, other) => one - other);
  const middleMs = median(costsMs);
  const meanMs = costsMs.reduce((sum, cost) => sum + cost, 0) / costsMs.length;
  const slowMs = sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  return [
    {
      says: `${(1000 / middleMs).toFixed(0)} notices a CPU second by the median, ${(1000 / meanMs).toFixed(0)} by the mean, of ${String(mails.length)}`,
      holds: 1000 / middleMs >= 2000,
    },
    {
      says: `${slowMs.toFixed(2)} ms at the 99th percentile, ${(sorted.at(-1) ?? 0).toFixed(2)} ms at most`,
      holds: slowMs < 20,
    },
  ];
}

/** Ten megabytes of what costs most: text, HTML, an attachment, boundaries. */
function measureLarge(): Telling[] {
  const megabytes = 10 * 1024 * 1024;
  const bodies: readonly (readonly [string, string, string])[] = [
    ["text", "text/plain", "550 5.1.1 <a@example.com>: user unknown, mailbox full over quota\n"],
    ["HTML", "text/html", "<p>delivery to <b>a@example.com</b> failed &amp; more</p>\n"],
    ["attachment", "application/octet-stream", `${"QUJD".repeat(19)}\n`],
    ["report", "message/delivery-status", "Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n\n"],
  ];
  return bodies.map(([name, type, line]) => {
    const head = `From: MAILER-DAEMON@example.org\nSubject: Undelivered\nMIME-Version: 1.0\nContent-Type: ${type}\n\n`;
    const mail = Buffer.from(head + line.repeat(megabytes / line.length));
    const ms = cpuMs(() => recogniseMail(mail));
    return { says: `${ms.toFixed(0)} ms for ten megabytes of ${name}`, holds: ms < 1000 };
  });
}

function measureMemory(mails: readonly Buffer[]): Telling[] {
  const tenth = Math.max(1, Math.floor(count / 10));
  let afterFirst = 0;
  const start = process.cpuUsage();
  for (let read = 0; read < count; read += 1) {
    const mail = mails[read % mails.length];
    if (mail) recogniseMail(mail);
    if (read === tenth) afterFirst = process.memoryUsage.rss();
  }
  const seconds = (process.cpuUsage(start).user + process.cpuUsage(start).system) / 1e6;
  const grownMb = (process.memoryUsage.rss() - afterFirst) / 1024 / 1024;
  return [
    {
      says: `${grownMb.toFixed(0)} MiB more after ${String(count)} mails than after ${String(tenth)}; ${(count / seconds).toFixed(0)} a CPU second`,
      holds: grownMb < 50,
    },
  ];
}

function cpuMs(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

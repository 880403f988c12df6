/**
 * `npm run bench`: Roundtrip and what people use today, in turns on this machine, against the same sink, once in clear and
 * once over TLS; with the bare RSA signature, the floor under all of them, measured in the same run. Installs the others
 * itself, in a folder of their own (Debian, as root). Writes the tables into docs/performance.md.
 *
 *   npm run bench [-- --rounds N --ours N --others N --only NAME --dry]
 */
import { spawnSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeDkimRecord } from "@roundtrip/mail/dkim/dkim-record";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import type { Contender, Figures, Keys } from "./contenders/contender.ts";
import { haraka } from "./contenders/haraka.ts";
import { nodemailer } from "./contenders/nodemailer.ts";
import { ours } from "./contenders/ours.ts";
import { postfixOpenDkim } from "./contenders/postfix-opendkim.ts";
import { findFreePort } from "./contenders/smtp-source.ts";
import { type Sink, startSmtpSink, startTlsSink } from "./sink.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    ours: { type: "string", default: "50000" },
    others: { type: "string", default: "5000" },
    only: { type: "string", default: "" },
    dry: { type: "boolean", default: false },
  },
});

const packages = ["Haraka@3.3.4", "haraka-plugin-dkim@1.3.1", "nodemailer@10.6.0"];
const programs = { postfix: "/usr/sbin/postfix", opendkim: "/usr/sbin/opendkim" };
const report = join(import.meta.dirname, "..", "..", "docs", "performance.md");
const signaturesForFloor = 3000;
const floorName = "RSA-2048 signature alone";
const marks = { begin: "<!-- bench:begin -->", end: "<!-- bench:end -->" };

const folder = mkdtempSync("/var/tmp/roundtrip-bench-");
try {
  await bench();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  installPeers();
  const keys = makeKeys();
  const all = [
    ours(),
    nodemailer(folder, keys, "key-object"),
    nodemailer(folder, keys, "pem"),
    postfixOpenDkim(keys),
    haraka(folder, keys),
  ];
  const contenders = all.filter(({ name }) => name.toLowerCase().includes(values.only.toLowerCase()));
  for (const contender of contenders) await checkSignature(contender);
  const tables = [];
  for (const kind of ["in clear", "over TLS"] as const)
    tables.push(writeTable(kind, await runRounds(contenders, kind)));
  const text = `${writeConditions()}\n\n${tables.join("\n\n")}`;
  console.log(text);
  if (!values.dry) putIntoReport(text);
}

function installPeers(): void {
  const missing = Object.entries(programs).filter(([, file]) => !existsSync(file));
  if (missing.length > 0)
    run("apt-get", ["install", "--yes", "--no-install-recommends", ...missing.map(([name]) => name)]);
  console.error(`installing ${packages.join(", ")} …`);
  run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", ...packages]);
}

function run(program: string, options: readonly string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const done = spawnSync(program, options, { stdio: ["ignore", 2, 2], env: environment });
  if (done.status !== 0) throw new Error(`${program} ${options.join(" ")} failed; its own words are above.`);
}

function makeKeys(): Keys {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" });
  return { privateKeyPem, record: writeDkimRecord(createPublicKey(privateKey)) };
}

/** A contender that does not sign, or not validly, would win for nothing. */
async function checkSignature(contender: Contender): Promise<void> {
  const sink = await startTlsSink();
  try {
    await contender.send(sink, 1);
    const mail = await sink.firstMail();
    if (mail === null) throw new Error(`${contender.name} sent nothing.`);
    const { name, record } = contender.dkim;
    const resolver = (asked: string) => Promise.resolve(asked === name ? [[record]] : []);
    const { results } = await dkimVerify(mail, { resolver, strict: true });
    const verdicts = results.map(({ status }) => status.result);
    if (!verdicts.includes("pass")) throw new Error(`${contender.name} does not sign as it should: ${verdicts.join()}`);
    console.error(`${contender.name}: ${String(mail.length)} bytes, DKIM ${verdicts.join()}`);
  } finally {
    await sink.stop();
  }
}

type Rounds = ReadonlyMap<string, readonly Figures[]>;

async function runRounds(contenders: readonly Contender[], kind: "in clear" | "over TLS"): Promise<Rounds> {
  const rounds = new Map<string, Figures[]>([[floorName, []]]);
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    rounds.get(floorName)?.push(measureFloor());
    for (const contender of contenders) {
      const sink = kind === "in clear" ? await startSmtpSink(folder, await findFreePort()) : await startTlsSink();
      const figures = await sendTo(sink, contender);
      rounds.set(contender.name, [...(rounds.get(contender.name) ?? []), figures]);
      const { cpuUsPerMail, perSecond, peakMb } = figures;
      console.error(
        `${kind}, round ${String(round)}: ${contender.name}: ${cpuUsPerMail.toFixed(0)} µs, ${perSecond.toFixed(0)}/s, ${peakMb.toFixed(0)} MB`,
      );
    }
  }
  return rounds;
}

async function sendTo(sink: Sink, contender: Contender): Promise<Figures> {
  try {
    const isOurs = contender.name === "Roundtrip";
    return await contender.send(sink, Number(isOurs ? values.ours : values.others));
  } finally {
    await sink.stop();
  }
}

function measureFloor(): Figures {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const header = Buffer.alloc(1200, "x");
  const before = { cpu: process.cpuUsage(), at: performance.now() };
  for (let count = 0; count < signaturesForFloor; count += 1) sign("sha256", header, privateKey);
  const { user, system } = process.cpuUsage(before.cpu);
  const seconds = (performance.now() - before.at) / 1000;
  return { cpuUsPerMail: (user + system) / signaturesForFloor, perSecond: signaturesForFloor / seconds, peakMb: 0 };
}

// ---- the report -----------------------------------------------------------------------------------------------

function writeConditions(): string {
  const [cpu] = cpus();
  return `Measured on ${new Date().toISOString().slice(0, 10)} with \`npm run bench\`: ${String(cpus().length)} cores (${cpu?.model.trim() ?? "unknown"}), Node ${process.versions.node}, everything (sink, database, milter) on this one machine. Median of ${values.rounds} rounds in turns, lowest and highest in brackets; ${values.ours} mails a round of ours, ${values.others} of each other one. CPU per mail counts every process of a contender and leaves out the sink and what feeds mail servers. *Ratio* is the median of the rounds' own ratios to Roundtrip.`;
}

function writeTable(kind: string, rounds: Rounds): string {
  const base = rounds.get("Roundtrip") ?? [];
  const rows = [...rounds].map(([name, figures]) => {
    const ratios = figures.map((one, index) => one.cpuUsPerMail / (base[index]?.cpuUsPerMail ?? Number.NaN));
    const rate = figures.map(({ perSecond }) => perSecond);
    const cells = [
      name,
      spread(figures.map(({ cpuUsPerMail }) => cpuUsPerMail)),
      name === "Roundtrip" ? "1" : median(ratios).toFixed(2),
      spread(rate),
      name === floorName ? "" : median(figures.map(({ peakMb }) => peakMb)).toFixed(0),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head = ["| | CPU µs per mail | ratio | mails per second | peak memory MB |", "|---|---|---|---|---|"];
  return `**Mail ${kind}**\n\n${[...head, ...rows].join("\n")}`;
}

function spread(figures: readonly number[]): string {
  return `${median(figures).toFixed(0)} [${Math.min(...figures).toFixed(0)}–${Math.max(...figures).toFixed(0)}]`;
}

function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function putIntoReport(text: string): void {
  const page = readFileSync(report, "utf8");
  const [begin, end] = [page.indexOf(marks.begin), page.indexOf(marks.end)];
  if (begin === -1 || end < begin) throw new Error(`${report} has no place for the tables.`);
  writeFileSync(report, `${page.slice(0, begin)}${marks.begin}\n\n${text}\n\n${page.slice(end)}`);
}

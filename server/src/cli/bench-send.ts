/**
 * `roundtrip bench send`: the real send path at full speed into an SMTP sink on this machine: PostgreSQL with fsync, a
 * submitting mark before each final dot, an outcome after it, every mail personalised and DKIM-signed (RSA-2048).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { readConfig } from "../ground/config.ts";
import { inOrganisation } from "../ground/database.store.ts";
import { createLog } from "../ground/log.process.ts";
import { systemClock } from "../ground/system-clock.process.ts";
import { type Running, startRoundtrip } from "../main.ts";
import { countLedger } from "../outcome/ledger.store.ts";
import { explainLedger } from "../outcome/ledger.ts";
import { addRound, launchRound } from "../outbound/round/round.store.ts";

export interface BenchOptions {
  readonly to: { readonly host: string; readonly port: number };
  readonly count: number;
  readonly size: number;
  readonly connections: number;
}

export interface BenchResult {
  readonly sent: number;
  /** Mails whose answer was lost: a bench does not wait for their resend. */
  readonly unknown: number;
  /** From the launch until the last outcome was committed: enqueueing included. */
  readonly seconds: number;
  /** Of these, from the launch until everybody was enqueued. */
  readonly enqueueSeconds: number;
  readonly perSecond: number;
  /** User and system time of this process and of PostgreSQL's (null where /proc does not tell). */
  readonly cpuMsPerMessage: { readonly node: number; readonly postgres: number | null };
  /** The most this process held at any time. */
  readonly rssMb: number;
  /** The TXT record by which the signatures can be checked. */
  readonly dkim: { readonly name: string; readonly record: string };
}

export async function benchSend(options: BenchOptions, say: (line: string) => void): Promise<BenchResult> {
  const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-bench-"));
  const config = readConfig({
    ROUNDTRIP_DATA_DIR: dataDir,
    ROUNDTRIP_ROLES: "sender,worker",
    ROUNDTRIP_CHANNEL: "relay",
    ROUNDTRIP_RELAY_URL: `smtp://${options.to.host}:${String(options.to.port)}`,
    ROUNDTRIP_RELAY_TLS: "opportunistic",
    ROUNDTRIP_CONNECTIONS: String(options.connections),
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_LOG_LEVEL: "error",
  });
  const running = await startRoundtrip(config, { clock: systemClock, log: createLog(config.logLevel) });
  try {
    say(`Making ${String(options.count)} people …`);
    await addPeople(running, options.count);
    return await measure(running, options, say);
  } finally {
    await running.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function addPeople(running: Running, count: number): Promise<void> {
  await running.database.owner.query(
    `insert into employee (org_id, email, email_key, name, attributes) select $1, 'person' || n || '@example.test', 'person' || n || '@example.test', 'Person ' || n, jsonb_build_object('department', 'Dept ' || n % 50)
     from generate_series(1, $2::integer) n`,
    [running.orgId, count],
  );
}

async function measure(running: Running, options: BenchOptions, say: (line: string) => void): Promise<BenchResult> {
  const { database, orgId } = running;
  const roundId = await inOrganisation(database, orgId, (client) =>
    addRound(client, orgId, {
      name: "Bench",
      kind: "live",
      senderName: "Bench",
      closesAt: new Date(Date.now() + 48 * 3_600_000),
      neverSendTwice: false,
      texts: [
        {
          language: "en",
          subject: "{{ first_name }}, a question",
          preview: "Seven questions",
          body: bodyOf(options.size),
          button: "Answer",
        },
      ],
      testers: [],
    }),
  );
  const before = { cpu: process.cpuUsage(), postgresMs: readPostgresCpuMs(running.postgresPid), at: performance.now() };
  await inOrganisation(database, orgId, (client) => launchRound(client, orgId, roundId, new Date()));
  await until(database, "select from round where org_id = $1 and id = $2 and state <> 'launching'", [orgId, roundId]);
  const enqueueSeconds = (performance.now() - before.at) / 1000;
  say(`Everybody was enqueued after ${enqueueSeconds.toFixed(1)} s.`);
  await until(database, nothingOpen, [orgId, roundId]);
  const seconds = (performance.now() - before.at) / 1000;
  const cpu = process.cpuUsage(before.cpu);
  const postgresMs = readPostgresCpuMs(running.postgresPid);
  const { ledger } = await countLedger(database.owner, orgId, roundId);
  say(explainLedger(ledger));
  const per = (ms: number) => Math.round((ms / options.count) * 1000) / 1000;
  return {
    sent: ledger.accepted,
    unknown: ledger.unknown,
    enqueueSeconds: Math.round(enqueueSeconds * 100) / 100,
    seconds: Math.round(seconds * 100) / 100,
    perSecond: Math.round(ledger.accepted / seconds),
    cpuMsPerMessage: {
      node: per((cpu.user + cpu.system) / 1000),
      postgres: postgresMs === null || before.postgresMs === null ? null : per(postgresMs - before.postgresMs),
    },
    rssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    dkim: await findDkimRecord(running),
  };
}

/** Nothing is left to do now: what is unknown waits for evidence. The index of what waits makes this cheap however large the round is. */
const nothingOpen = `
  select where not exists (
    select from round_domain w cross join lateral (
      select from delivery d where d.org_id = w.org_id and d.round_id = w.round_id and d.domain = w.domain
        and d.settled_at is null and d.state <> 'unknown' limit 1) open
    where w.org_id = $1 and w.round_id = $2)`;

async function until({ owner }: Running["database"], question: string, values: unknown[]): Promise<void> {
  while ((await owner.query(question, values)).rowCount === 0) await wait(100);
}

async function findDkimRecord({ database, orgId }: Running): Promise<BenchResult["dkim"]> {
  const found = await database.owner.query<{ name: string; record: string }>(
    "select selector || '._domainkey.' || domain as name, public_record as record from sending_domain where org_id = $1",
    [orgId],
  );
  return found.rows[0] ?? { name: "", record: "" };
}

/** Paragraphs that bring a mail to about `size` bytes; the layout and header are almost 10 KB of it, so none has less. */
function bodyOf(size: number): string {
  const paragraph =
    "We ask everyone at {{ organisation }} how work is going, {{ name }}. It takes about three minutes, and your answers are kept apart from your name.";
  // Each paragraph appears in the text and the HTML part.
  const paragraphs = Math.max(1, Math.round((size - 9800) / (paragraph.length * 2.4)));
  return Array.from({ length: paragraphs }, () => paragraph).join("\n\n");
}

/** User and system time of the postmaster, its living children and its ended ones, from /proc (Linux). */
function readPostgresCpuMs(postmaster: number | null): number | null {
  if (postmaster === null || process.platform !== "linux") return null;
  let ticks = 0;
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const fields = readStat(entry);
    if (!fields) continue;
    if (Number(entry) === postmaster)
      ticks += Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
    else if (Number(fields[1]) === postmaster) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

/** The fields of /proc/<pid>/stat behind the command name; null for a process that has just ended. */
function readStat(pid: string): readonly string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}

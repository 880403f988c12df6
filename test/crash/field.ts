/**
 * What crash tests play on: an independent sink that writes every mail down before it answers, senders as processes of
 * their own, one launched round, and the count at the end, which believes the sink and not the product.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import type { ArrivalLine } from "@roundtrip/world/arrival-log.files";
import { ensureOrganisation } from "../../server/src/accounts/organisation.store.ts";
import { type Database, inOrganisation } from "../../server/src/ground/database.store.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import type { Ledger } from "../../server/src/outcome/ledger.ts";
import { demoTexts } from "../../server/src/outbound/message/demo-texts.ts";
import { addRound, launchRound } from "../../server/src/outbound/round/round.store.ts";

export interface Tally {
  readonly ledger: Ledger;
  readonly sums: boolean;
  /** Recipients who never got their mail and are not known as unknown. */
  readonly lost: readonly string[];
  /** Copies beyond the first, over all recipients. */
  readonly duplicates: number;
  /** Recipients with a copy too many whose delivery does not say that it may be a duplicate. */
  readonly unmarkedDuplicates: readonly string[];
  /** Recipients whose copies did not all carry the same Message-ID. */
  readonly differingCopies: readonly string[];
  /** Unknown after a second lost answer: left to a person. */
  readonly leftUnknown: number;
  /** Deliveries whose answer was lost at least once. */
  readonly everUnknown: number;
}

export interface SendingProcess {
  readonly child: ChildProcess;
  /** As its node rows are called. */
  readonly name: string;
  /** As its connections are called. */
  readonly application: string;
}

export interface Field {
  readonly round: { readonly orgId: number; readonly roundId: number };
  startSender(): SendingProcess;
  /** Whether the database still works for this process: statements of a dead or stopped one may yet be carried out. */
  isBusy(sender: SendingProcess): Promise<boolean>;
  /** Mails that this process has marked and not concluded. */
  countInFlight(sender: SendingProcess): Promise<number>;
  countSettled(): Promise<number>;
  /** Resolves when nothing is left to do but what a person must decide. */
  settled(): Promise<void>;
  tally(): Promise<Tally>;
}

export interface Conditions {
  readonly mails: number;
  /** So many of them go to a server that lets the final dot wait for its answer. */
  readonly slow?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Sets the field up on a migrated database that nothing else uses, and clears it away after `play`. */
export async function onField<Value>(
  database: Database,
  databaseUrl: string,
  { mails, slow = 0, environment = {} }: Conditions,
  play: (field: Field) => Promise<Value>,
): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-crash-"));
  const logFile = join(folder, "arrivals.jsonl");
  const sink = await startSink(logFile);
  const senders: SendingProcess[] = [];
  try {
    const round = await launch(database, mails, slow);
    const settings = {
      DATABASE_URL: databaseUrl,
      ROUNDTRIP_DATA_DIR: folder,
      ROUNDTRIP_ROLES: "sender,worker",
      ROUNDTRIP_CHANNEL: "world",
      ROUNDTRIP_WORLD_PORT: String(sink.port),
      ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
      ROUNDTRIP_UNKNOWN_RESEND_SECONDS: "1",
      ROUNDTRIP_LOG_LEVEL: "fatal",
      ...environment,
    };
    return await play({
      round,
      startSender: () => {
        const sender = startSender(settings, `sender ${String(senders.length)}`);
        senders.push(sender);
        return sender;
      },
      isBusy: ({ application }) => isBusy(database, application),
      countInFlight: ({ name }) => countInFlight(database, name),
      countSettled: () => countSettled(database, round.orgId),
      settled: () => waitUntilSettled(database, round),
      tally: () => tally(database, round, readArrivals(logFile)),
    });
  } finally {
    await Promise.all(senders.map(({ child }) => end(child, "SIGKILL")));
    await end(sink.child, "SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startSink(logFile: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../world/src/main.ts"), "--log", logFile], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  show(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: (JSON.parse(line.toString()) as { port: number }).port };
}

function startSender(environment: Readonly<Record<string, string>>, application: string): SendingProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../server/src/cli.ts"), "start"], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...environment, PGAPPNAME: application },
  });
  show(child);
  return { child, name: `${hostname()}:${String(child.pid)}`, application };
}

/** What it says goes through us: a process that outlived its test must not hold the terminal of whoever ran it. */
function show({ stderr }: { readonly stderr: Readable | null }): void {
  stderr?.on("data", (chunk: Buffer) => void process.stderr.write(chunk));
}

interface Round {
  readonly orgId: number;
  readonly roundId: number;
}

async function launch(database: Database, mails: number, slow: number): Promise<Round> {
  const orgId = await ensureOrganisation(database, { name: "Example Works", fromLocal: "survey", replyLocal: "reply" });
  await database.owner.query(
    `insert into employee (org_id, email, email_key, name)
     select $1, address, address, 'Person ' || n
     from generate_series(1, $2::integer) n, lateral (select 'p' || n || case when n <= $3::integer then '+slow' else '' end || '@example.test' as address) a`,
    [orgId, mails, slow],
  );
  const roundId = await inOrganisation(database, orgId, async (client) => {
    const closesAt = new Date(Date.now() + 48 * 3_600_000);
    const id = await addRound(client, orgId, {
      name: "Crash",
      kind: "live",
      senderName: "HR",
      closesAt,
      neverSendTwice: false,
      texts: demoTexts.slice(0, 1),
      testers: [],
    });
    await launchRound(client, orgId, id, new Date());
    return id;
  });
  return { orgId, roundId };
}

async function isBusy(database: Database, application: string): Promise<boolean> {
  const found = await database.owner.query(
    "select from pg_stat_activity where application_name = $1 and state = 'active' limit 1",
    [application],
  );
  return found.rowCount === 1;
}

async function countInFlight(database: Database, name: string): Promise<number> {
  const counted = await database.owner.query<{ count: number }>(
    "select count(*) from delivery where state = 'submitting' and node_id in (select id from node where name = $1)",
    [name],
  );
  return counted.rows[0]?.count ?? 0;
}

async function countSettled(database: Database, orgId: number): Promise<number> {
  const counted = await database.owner.query<{ count: number }>(
    "select count(*) from delivery where org_id = $1 and settled_at is not null",
    [orgId],
  );
  return counted.rows[0]?.count ?? 0;
}

async function waitUntilSettled(database: Database, round: Round): Promise<void> {
  await until("everything to be settled or left to a person", async () => {
    const open = await database.owner.query(
      "select from delivery where org_id = $1 and settled_at is null and not (state = 'unknown' and due_at is null) limit 1",
      [round.orgId],
    );
    const isOpen = await database.owner.query("select from round where id = $1 and state = 'open'", [round.roundId]);
    return open.rowCount === 0 && isOpen.rowCount === 1;
  });
}

async function tally(
  database: Database,
  round: Round,
  arrivals: ReadonlyMap<string, readonly string[]>,
): Promise<Tally> {
  const { ledger, sums } = await countLedger(database.owner, round.orgId, round.roundId);
  const deliveries = await database.owner.query<{ address: string; state: string; possible_duplicate: boolean }>(
    "select address, state, possible_duplicate from delivery where org_id = $1",
    [round.orgId],
  );
  const copiesOf = (address: string) => arrivals.get(address) ?? [];
  const addresses = (isSo: (row: (typeof deliveries.rows)[number], copies: readonly string[]) => boolean) =>
    deliveries.rows.filter((row) => isSo(row, copiesOf(row.address))).map(({ address }) => address);
  return {
    ledger,
    sums,
    lost: addresses(({ state }, copies) => copies.length === 0 && state !== "unknown"),
    duplicates: deliveries.rows.reduce((sum, { address }) => sum + Math.max(0, copiesOf(address).length - 1), 0),
    unmarkedDuplicates: addresses((row, copies) => copies.length > 1 && !row.possible_duplicate),
    differingCopies: addresses((_, copies) => new Set(copies).size > 1),
    leftUnknown: ledger.unknown,
    everUnknown: addresses((row) => row.possible_duplicate || row.state === "unknown").length,
  };
}

/** Message-IDs of every copy, by recipient. */
function readArrivals(logFile: string): ReadonlyMap<string, readonly string[]> {
  const arrivals = new Map<string, string[]>();
  for (const line of readFileSync(logFile, "utf8")
    .split("\n")
    .filter((text) => text !== "")) {
    const { messageId, recipient } = JSON.parse(line) as ArrivalLine;
    const standing = arrivals.get(recipient.toLowerCase());
    if (standing) standing.push(messageId);
    else arrivals.set(recipient.toLowerCase(), [messageId]);
  }
  return arrivals;
}

/** Rejects when the process has not ended a minute later; then it is killed, so that nothing outlives its test. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit", { signal: AbortSignal.timeout(60_000) });
  child.kill(signal);
  await exited.catch((cause: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`Process ${String(child.pid)} had not ended a minute after ${signal}`, { cause });
  });
}

/** Asks again until it is so; a database that is away just now has not said no. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (!(await isSo().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`Waited three minutes in vain for ${what}`);
    await wait(10);
  }
}

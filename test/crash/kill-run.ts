/**
 * Kills a sending node again and again while it sends, and counts with an independent sink what arrived. Used by the
 * short test and by the long soak. The sink is a process of its own that writes every mail down before it answers.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ArrivalLine } from "@roundtrip/world/arrival-log.files";
import { ensureOrganisation } from "../../server/src/accounts/organisation.store.ts";
import { type Database, inOrganisation } from "../../server/src/ground/database.store.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import type { Ledger } from "../../server/src/outcome/ledger.ts";
import { demoTexts } from "../../server/src/outbound/message/demo-texts.ts";
import { addRound, launchRound } from "../../server/src/outbound/round/round.store.ts";

export interface KillPlan {
  readonly mails: number;
  readonly kills: number;
  readonly signal: "SIGKILL" | "SIGTERM";
  readonly log: (line: string) => void;
}

export interface KillReport {
  readonly ledger: Ledger;
  readonly sums: boolean;
  /** Mails that were between mark and outcome when their node was killed, over all kills. */
  readonly inFlightAtKills: number;
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
  readonly unknownAttempts: number;
}

/** Runs the plan on a migrated database that nothing else uses. */
export async function runKills(database: Database, databaseUrl: string, plan: KillPlan): Promise<KillReport> {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-kill-"));
  const logFile = join(folder, "arrivals.jsonl");
  const sink = await startSink(logFile);
  try {
    const { orgId, roundId } = await launch(database, plan.mails);
    const inFlightAtKills = await killWhileSending(database, { orgId, roundId }, plan, () =>
      startNode(databaseUrl, folder, sink.port),
    );
    return await judge(database, { orgId, roundId }, readArrivals(logFile), inFlightAtKills);
  } finally {
    await end(sink.child, "SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startSink(logFile: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../world/src/main.ts"), "--log", logFile], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: (JSON.parse(line.toString()) as { port: number }).port };
}

function startNode(databaseUrl: string, folder: string, worldPort: number): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, "../../server/src/cli.ts"), "start"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      DATABASE_URL: databaseUrl,
      ROUNDTRIP_DATA_DIR: folder,
      ROUNDTRIP_ROLES: "sender,worker",
      ROUNDTRIP_CHANNEL: "world",
      ROUNDTRIP_WORLD_PORT: String(worldPort),
      ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
      ROUNDTRIP_UNKNOWN_RESEND_SECONDS: "1",
      ROUNDTRIP_LOG_LEVEL: "fatal",
    },
  });
}

interface Round {
  readonly orgId: number;
  readonly roundId: number;
}

async function launch(database: Database, mails: number): Promise<Round> {
  const orgId = await ensureOrganisation(database, { name: "Example Works", fromLocal: "survey", replyLocal: "reply" });
  await database.owner.query(
    `insert into employee (org_id, email, email_key, name) select $1, 'p' || n || '@example.test', 'p' || n || '@example.test', 'Person ' || n from generate_series(1, $2::integer) n`,
    [orgId, mails],
  );
  const roundId = await inOrganisation(database, orgId, async (client) => {
    const closesAt = new Date(Date.now() + 48 * 3_600_000);
    const id = await addRound(client, orgId, {
      name: "Kill",
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

/** Kills at moments that progress chooses, spread over the whole round; the last node is left to finish. */
async function killWhileSending(
  database: Database,
  round: Round,
  plan: KillPlan,
  start: () => ChildProcess,
): Promise<number> {
  const settled = async () =>
    (
      await database.owner.query<{ count: number }>(
        "select count(*) from delivery where org_id = $1 and settled_at is not null",
        [round.orgId],
      )
    ).rows[0]?.count ?? 0;
  let inFlight = 0;
  let node = start();
  for (let kill = 1; kill <= plan.kills; kill++) {
    const target = Math.round(((kill - 0.5 + Math.random()) * plan.mails) / (plan.kills + 1.5));
    await until(
      `${String(target)} mails to be settled`,
      async () => (await settled()) >= Math.min(target, plan.mails - 1),
    );
    await wait(Math.random() * 20);
    await end(node, plan.signal);
    const cut = await database.owner.query<{ count: number }>(
      "select count(*) from delivery where org_id = $1 and state = 'submitting'",
      [round.orgId],
    );
    inFlight += cut.rows[0]?.count ?? 0;
    plan.log(
      `${plan.signal} ${String(kill)} at ${String(await settled())} settled: ${String(cut.rows[0]?.count ?? 0)} were in flight`,
    );
    node = start();
  }
  await until("everything to be settled or left to a person", async () => {
    const open = await database.owner.query(
      "select from delivery where org_id = $1 and settled_at is null and not (state = 'unknown' and due_at is null) limit 1",
      [round.orgId],
    );
    const isOpen = await database.owner.query("select from round where id = $1 and state = 'open'", [round.roundId]);
    return open.rowCount === 0 && isOpen.rowCount === 1;
  });
  await end(node, "SIGTERM");
  return inFlight;
}

async function judge(
  database: Database,
  round: Round,
  arrivals: ReadonlyMap<string, readonly string[]>,
  inFlightAtKills: number,
): Promise<KillReport> {
  const { ledger, sums } = await countLedger(database.owner, round.orgId, round.roundId);
  const deliveries = await database.owner.query<{ address: string; state: string; possible_duplicate: boolean }>(
    "select address, state, possible_duplicate from delivery where org_id = $1",
    [round.orgId],
  );
  const unknownAttempts = await database.owner.query(
    "select from delivery where org_id = $1 and (possible_duplicate or state = 'unknown')",
    [round.orgId],
  );
  const copiesOf = (address: string) => arrivals.get(address) ?? [];
  return {
    ledger,
    sums,
    inFlightAtKills,
    lost: deliveries.rows
      .filter(({ address, state }) => copiesOf(address).length === 0 && state !== "unknown")
      .map(({ address }) => address),
    duplicates: deliveries.rows.reduce((sum, { address }) => sum + Math.max(0, copiesOf(address).length - 1), 0),
    unmarkedDuplicates: deliveries.rows
      .filter(({ address, possible_duplicate }) => copiesOf(address).length > 1 && !possible_duplicate)
      .map(({ address }) => address),
    differingCopies: deliveries.rows
      .filter(({ address }) => new Set(copiesOf(address)).size > 1)
      .map(({ address }) => address),
    leftUnknown: deliveries.rows.filter(({ state }) => state === "unknown").length,
    unknownAttempts: unknownAttempts.rowCount ?? 0,
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

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Waited three minutes in vain for ${what}`);
    await wait(10);
  }
}

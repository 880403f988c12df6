/** A backup taken in the middle of a round, restored beside its original: it sends nothing until somebody has looked, while the original goes on as ever. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { confirmRestore } from "../../server/src/cli/confirm-restore.ts";
import { readConfig } from "../../server/src/ground/config.ts";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { createLog } from "../../server/src/ground/log.process.ts";
import { systemClock } from "../../server/src/ground/system-clock.process.ts";
import { type Running, startRoundtrip } from "../../server/src/main.ts";
import { demoTexts } from "../../server/src/outbound/message/demo-texts.ts";
import { addRound, launchRound } from "../../server/src/outbound/round/round.store.ts";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { end } from "../crash/field.ts";
import { until } from "./harness.ts";

const test = useTestDatabase();
const people = 40;
const started: Running[] = [];
let original: Installation;
let copy: Installation;

/** One database with a data directory, and the mail system its mail goes to. */
interface Installation {
  readonly settings: Readonly<Record<string, string>>;
  readonly world: ReceivingServer;
}

beforeAll(async () => {
  original = await makeInstallation(test.url);
  // As it was before the round: it has sent for this database before.
  await run(original, "sender").then(stop);
  const running = await run(original, "worker");
  await launch(running, "p");
  await stop(running);
  copy = await makeInstallation(await restoreBackup());
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((running) => running.stop()));
});

afterAll(async () => {
  await Promise.all([original, copy].map(({ world }) => world.close()));
  for (const { settings } of [original, copy]) rmSync(settings["ROUNDTRIP_DATA_DIR"]!, { recursive: true });
  await asAdmin(`drop database ${test.settings.database!}_restored with (force)`);
});

async function makeInstallation(url: string): Promise<Installation> {
  const world = await startReceivingServer({ host: "127.0.0.1", port: 0, tls: false });
  const settings = {
    DATABASE_URL: url,
    ROUNDTRIP_DATA_DIR: mkdtempSync(join(tmpdir(), "roundtrip-restored-")),
    ROUNDTRIP_MASTER_KEY: "07".repeat(32),
    ROUNDTRIP_WEB_PORT: "0",
    ROUNDTRIP_INBOUND_PORT: "0",
    ROUNDTRIP_WORLD_PORT: String(world.port),
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_LOG_LEVEL: "silent",
  };
  return { settings, world };
}

async function run({ settings }: Installation, roles = "web,sender,receiver,worker"): Promise<Running> {
  const config = readConfig({ ...settings, ROUNDTRIP_ROLES: roles });
  const running = await startRoundtrip(config, { clock: systemClock, log: createLog(config.logLevel) });
  started.push(running);
  return running;
}

async function stop(running: Running): Promise<void> {
  started.splice(started.indexOf(running), 1);
  await running.stop();
}

async function launch({ database, orgId }: Running, prefix: string): Promise<void> {
  await database.owner.query(
    `insert into employee (org_id, email, email_key, name) select $1, address, address, 'Person ' || n
     from generate_series(1, $2::integer) n, lateral (select $3 || n || '@acme.test' as address) a`,
    [orgId, people, prefix],
  );
  const roundId = await inOrganisation(database, orgId, async (client) => {
    const id = await addRound(client, orgId, {
      name: "Restored",
      kind: "live",
      senderName: "Ana Silva",
      closesAt: new Date(Date.now() + 12 * 3_600_000),
      neverSendTwice: false,
      texts: demoTexts.slice(0, 1),
      testers: [],
    });
    await launchRound(client, orgId, id, new Date());
    return id;
  });
  const isOpen = "select from round where id = $1 and state = 'open'";
  await until("the round to be open", async () => (await database.owner.query(isOpen, [roundId])).rowCount === 1);
}

async function asAdmin(statement: string): Promise<void> {
  const admin = new pg.Client({ ...inject("postgres"), database: "postgres" });
  await admin.connect();
  await admin.query(statement);
  await admin.end();
}

async function restoreBackup(): Promise<string> {
  const name = test.settings.database!;
  await asAdmin(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
  await asAdmin(`create database ${name}_restored template ${name}`);
  return test.url.replace(`/${name}`, `/${name}_restored`);
}

async function count({ database }: Running, statement: string): Promise<number> {
  return (await database.owner.query<{ count: number }>(`select count(*) from ${statement}`)).rows[0]!.count;
}

const accepted = (running: Running) => count(running, "delivery where state = 'accepted'");

describe("the original", () => {
  it("goes on sending when it is started again, and asks nobody", async () => {
    const running = await run(original);
    expect(running.sender!.latched).toEqual([]);
    await until("its mail to be sent", async () => (await accepted(running)) === people);
    expect(original.world.counts().kept).toBe(people);
  });
});

describe("the restored copy", () => {
  it("sends nothing and says so, while everything else works", async () => {
    const running = await run(copy);
    expect(running.sender!.latched).toEqual(["another-database"]);
    const nodes = await count(running, "node");
    const page = await (await fetch(running.statusUrl!)).text();
    expect(page).toContain("Nothing is sent");
    expect(page).toContain("roundtrip confirm-restore");
    await launch(running, "late");
    // A sender shows itself in `node` before it claims anything.
    expect(await count(running, "node")).toBe(nodes);
    expect(await count(running, "delivery where state <> 'queued' or fence > 0")).toBe(0);
    expect(copy.world.counts().kept).toBe(0);
  });

  it("waits as well when it is started again, and stops at once on a signal", async () => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "../../server/src/cli.ts"), "start"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...copy.settings, ROUNDTRIP_ROLES: "sender,worker" },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await until("a word about it", async () => said.includes("Ctrl-C stops it."));
    expect(said).toContain("Nothing is sent, because this database was restored or copied");
    await end(child, "SIGTERM");
    expect(child.exitCode).toBe(0);
    expect(copy.world.counts().kept).toBe(0);
  });

  it("sends within seconds once it is confirmed, and needs no second word at the next start", async () => {
    const running = await run(copy);
    expect(running.sender!.latched).toEqual(["another-database"]);
    const due = await count(running, "delivery where settled_at is null");
    expect(due).toBe(3 * people);
    expect(await confirmRestore({ ...copy.settings }, new Date())).toBe(
      `Confirmed: mail is sent from this database; ${String(due)} mails in 2 open rounds will go out.`,
    );
    await until("its mail to be sent", async () => (await accepted(running)) === due);
    expect(copy.world.counts().kept).toBe(due);
    expect(await (await fetch(running.statusUrl!)).text()).not.toContain("Nothing is sent");
    await stop(running);
    expect((await run(copy)).sender!.latched).toEqual([]);
  });

  it("has latched nobody but itself", async () => {
    expect((await run(original)).sender!.latched).toEqual([]);
    expect(original.world.counts().kept).toBe(people);
  });
});

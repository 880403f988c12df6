/** A database that was restored, copied or taken back in time sends nothing until it is confirmed; one that stayed where it was is never in the way. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, describe, expect, inject, it } from "vitest";
import { confirmRestore } from "../cli/confirm-restore.ts";
import { useTestDatabase } from "../testing/test-database.ts";
import { openDatabase } from "./database.store.ts";
import { explainLatch, type InstanceView } from "./instance.ts";
import { readInstanceMarker, writeInstanceMarker } from "./instance-marker.files.ts";
import { checkInstance, confirmInstance, previewInstance, readLatch } from "./instance.store.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T08:00:00Z");
const fresh: InstanceView = { name: null, marker: null, isRunning: false };
const check = (view: Partial<InstanceView> = {}) => checkInstance(test.database, { ...fresh, ...view }, now);
const restored = () => readLatch(test.database.engine);

afterEach(async () => {
  await test.database.owner.query("delete from instance");
});

describe("a database that stayed where it was", () => {
  it("is let through at the first start, at every later one, and on every node", async () => {
    const first = await check();
    expect(first.latched).toEqual([]);
    const later = await Promise.all([check({ marker: first.marker }), check(), check({ isRunning: true })]);
    expect(later.map(({ latched }) => latched)).toEqual([[], [], []]);
    expect(new Set(later.map(({ marker }) => marker.instance))).toEqual(new Set([first.marker.instance]));
    expect(await restored()).toBeNull();
  });

  it("tells where it is to a role without special rights", async () => {
    await check();
    const stored = await test.database.owner.query("select system_identifier, timeline from instance");
    expect(stored.rows).toEqual([{ system_identifier: expect.stringMatching(/^\d+$/), timeline: 1 }]);
  });

  it("is not stopped by a standby that took over while senders were running", async () => {
    const { marker } = await check();
    await test.database.owner.query("update instance set timeline = timeline - 1");
    expect((await check({ marker, isRunning: true })).latched).toEqual([]);
    expect((await check({ marker })).latched).toEqual([]);
  });

  it("is not stopped by a strange node: only that node keeps still", async () => {
    const { marker } = await check({ name: "production" });
    const stranger = { instance: "00000000-0000-4000-8000-000000000000", beat: 999 };
    expect((await check({ name: "staging", marker })).latched).toEqual(["another-name"]);
    expect((await check({ marker: stranger })).latched).toEqual(["another-instance"]);
    expect((await check({ name: "production", marker })).latched).toEqual([]);
  });
});

describe("a database that is not where it was", () => {
  it("keeps still as a copy on the same server, until it is confirmed there", async () => {
    await check();
    const server = inject("postgres");
    const admin = new pg.Client({ ...server, database: "postgres" });
    await admin.connect();
    const original = (await test.database.owner.query<{ name: string }>("select current_database() as name")).rows[0]!
      .name;
    const copy = `${original}_copy`;
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${original}'`);
    await admin.query(`create database ${copy} template ${original}`);
    const copied = openDatabase({ ...server, database: copy }, () => undefined);
    try {
      const look = () => checkInstance(copied, fresh, now);
      expect((await look()).latched).toEqual(["another-database"]);
      expect((await look()).latched).toEqual(["another-database"]);
      expect(await readLatch(copied.engine)).toEqual(["another-database"]);
      await confirmInstance(copied, null, now);
      expect((await look()).latched).toEqual([]);
      expect(await readLatch(copied.engine)).toBeNull();
    } finally {
      await copied.close();
      await admin.query(`drop database ${copy}`);
      await admin.end();
    }
    expect((await check()).latched).toEqual([]);
  });

  it.each([
    ["another-cluster", "update instance set system_identifier = '7000000000000000001'"],
    ["recovered", "update instance set timeline = timeline + 1"],
  ])("keeps still as %s", async (reason, change) => {
    await check();
    await test.database.owner.query(change);
    expect((await check()).latched).toEqual([reason]);
    expect(await restored()).toEqual([reason]);
  });

  it("keeps still when a machine remembers more than it knows, even at the same place", async () => {
    await check();
    const { marker } = await check();
    await test.database.owner.query("update instance set beat = beat - 1");
    expect((await check({ marker, isRunning: true })).latched).toEqual(["went-back"]);
    expect((await check()).latched).toEqual(["went-back"]);
  });

  it("becomes an instance of its own when it is confirmed: what a node remembers of it latches no other", async () => {
    const { marker: original } = await check();
    await test.database.owner.query("update instance set timeline = timeline - 1");
    expect((await check()).latched).toEqual(["recovered"]);
    const confirmed = await confirmInstance(test.database, null, now);
    expect(confirmed.instance).not.toBe(original.instance);
    const ahead = { instance: confirmed.instance, beat: 1_000_000 };
    await test.database.owner.query("update instance set id = $1, formerly = null", [original.instance]);
    expect((await check({ marker: ahead })).latched).toEqual(["another-instance"]);
    expect((await check({ marker: original })).latched).toEqual([]);
  });

  it("is confirmed once for all nodes, whatever each of them remembers", async () => {
    const { marker } = await check();
    const nodes = [marker, { ...marker, beat: 500 }, { ...marker, beat: 1000 }];
    expect((await check({ marker: nodes[1]! })).latched).toEqual(["went-back"]);
    await confirmInstance(test.database, null, now);
    const after = await Promise.all(nodes.map((each) => check({ marker: each })));
    expect(after.map(({ latched }) => latched)).toEqual([[], [], []]);
  });

  it("is found out by doctor before any sender was started, and nothing is written down", async () => {
    const preview = (view: Partial<InstanceView> = {}) => previewInstance(test.database, { ...fresh, ...view });
    expect(await preview()).toEqual([]);
    const { marker } = await check({ name: "production" });
    expect(await preview({ marker, name: "production" })).toEqual([]);
    expect(await preview({ marker, name: "trial" })).toEqual(["another-name"]);
    await test.database.owner.query("update instance set database_oid = 1");
    expect(await preview({ marker })).toEqual(["another-database"]);
    expect(await restored()).toBeNull();
  });

  it("touches no round", async () => {
    const orgId = await test.addOrganisation();
    await test.database.owner.query(
      "insert into round (org_id, name, kind, state, sender_name, closes_at) values ($1, 'Open', 'live', 'open', 'HR', '2030-01-01')",
      [orgId],
    );
    await check();
    await test.database.owner.query("update instance set timeline = timeline + 1");
    await check();
    const rounds = await test.database.owner.query("select state from round where org_id = $1", [orgId]);
    expect(rounds.rows).toEqual([{ state: "open" }]);
  });
});

describe("roundtrip confirm-restore", () => {
  it("lifts the latch, tells what follows, and leaves the marker in the data directory", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-confirm-"));
    try {
      await check();
      await test.database.owner.query("update instance set timeline = timeline + 1");
      expect((await check()).latched).toEqual(["recovered"]);
      const environment = {
        DATABASE_URL: test.url,
        ROUNDTRIP_DATA_DIR: dataDir,
        ROUNDTRIP_INSTANCE: "production",
      };
      expect(await confirmRestore(environment, now)).toBe(
        "Confirmed: mail is sent from this database; no mail is waiting to go out.",
      );
      const marker = readInstanceMarker(dataDir);
      expect(marker).not.toBeNull();
      expect((await check({ name: "production", marker })).latched).toEqual([]);
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

describe("the marker in the data directory", () => {
  it("comes back as it was written, and damage to it is no evidence", () => {
    const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-marker-"));
    const marker = { instance: "1b4e28ba-2fa1-41d2-883f-0016d3cca427", beat: 12 };
    expect(readInstanceMarker(dataDir)).toBeNull();
    writeInstanceMarker(dataDir, marker);
    expect(readInstanceMarker(dataDir)).toEqual(marker);
    writeFileSync(join(dataDir, "instance.json"), '{"instance":');
    expect(readInstanceMarker(dataDir)).toBeNull();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

it("one that stayed where it was keeps its id when it is confirmed", async () => {
  const { marker } = await check();
  expect(await confirmInstance(test.database, "production", now)).toEqual(marker);
  expect((await check({ name: "production", marker })).latched).toEqual([]);
});

it("a row that somebody keeps locked holds nobody up for long", async () => {
  await check();
  const client = await test.database.owner.connect();
  await client.query("begin");
  await client.query("select from instance for update");
  await expect(check()).rejects.toThrow("lock timeout");
  await client.query("rollback");
  client.release();
  expect((await check()).latched).toEqual([]);
});

it("a strange node is told that it alone waits", () => {
  expect(explainLatch(["another-name"])).toMatch(/^This node sends nothing, because .*Correct .*ROUNDTRIP_INSTANCE/);
});

it("every reason is a sentence that says what to do", () => {
  expect(explainLatch(["another-database", "another-name"])).toMatch(
    /^Nothing is sent, because this database was restored .*; the database belongs .*roundtrip confirm-restore$/,
  );
});

/** A migrated database of its own for each test file, cloned from one template on a PostgreSQL that the whole test run shares. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, inject } from "vitest";
import { type ConnectionSettings, type Database, openDatabase } from "../ground/database.store.ts";

export interface TestDatabase {
  readonly database: Database;
  readonly settings: ConnectionSettings;
  /** The same as a postgres:// address, for a child process. */
  readonly url: string;
  /** A new organisation to work in; tests of one file never see one another's rows. */
  addOrganisation(name?: string): Promise<number>;
}

/** Registers set-up and tear-down with vitest; the returned object is usable from the first test on. */
export function useTestDatabase(): TestDatabase {
  const held: { current?: TestDatabase } = {};
  beforeAll(async () => {
    held.current = await cloneTemplate();
  });
  afterAll(async () => {
    const database = held.current?.database;
    if (!database) return;
    const leaked = await findOpenTransactions(database);
    await database.close();
    if (leaked.length > 0) throw new Error(`Transactions left open: ${leaked.join("; ")}`);
  });
  return new Proxy({} as TestDatabase, { get: (_, key) => held.current?.[key as keyof TestDatabase] });
}

async function cloneTemplate(): Promise<TestDatabase> {
  const server = inject("postgres");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const admin = new pg.Client({ ...server, database: "postgres" });
  await admin.connect();
  await admin.query(`create database ${name} template roundtrip_template`);
  await admin.end();
  const settings = { ...server, database: name };
  // Tests kill connections on purpose; whoever used one hears of it there.
  const database = openDatabase(settings, () => undefined);
  const url = `postgres://${server.user}${server.password ? `:${encodeURIComponent(server.password)}` : ""}@${server.host.startsWith("/") ? "" : `${server.host}:${String(server.port)}`}/${name}${server.host.startsWith("/") ? `?host=${encodeURIComponent(server.host)}&port=${String(server.port)}` : ""}`;
  return { database, settings, url, addOrganisation: (orgName = "Example") => addOrganisation(database, orgName) };
}

async function addOrganisation(database: Database, name: string): Promise<number> {
  const added = await database.owner.query<{ org_id: number }>(
    "insert into organisation (name, from_local, reply_local) values ($1, 'survey', 'reply') returning org_id",
    [name],
  );
  return added.rows[0]?.org_id ?? 0;
}

async function findOpenTransactions(database: Database): Promise<string[]> {
  const open = await database.owner.query<{ query: string }>(
    "select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'",
  );
  return open.rows.map((row) => row.query);
}

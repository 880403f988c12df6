/**
 * The database: pools for the two roles, transactions bound to one organisation, and the migrations.
 * `app` sees one organisation at a time and nothing when none is set; `engine` moves mail for all of them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { Refusal } from "./refusal.ts";

export type Client = pg.PoolClient | pg.Client;
/** What a store needs: anything that runs a statement. */
export interface Queryable {
  query<Row extends pg.QueryResultRow>(
    statement: pg.QueryConfig | string,
    values?: unknown[],
  ): Promise<pg.QueryResult<Row>>;
}

export interface Database {
  readonly app: pg.Pool;
  readonly engine: pg.Pool;
  /** The owner's pool, for migrations and the job library. */
  readonly owner: pg.Pool;
  close(): Promise<void>;
}

export type ConnectionSettings = pg.ClientConfig;

const migrationsDir = join(import.meta.dirname, "migrations");
const migrationLock = 7_768_422;

/** Opens the pools; connects lazily. A connection lost while idle is reported to `onError` and replaced by the pool. */
export function openDatabase(settings: ConnectionSettings, onError: (error: Error) => void): Database {
  const pools = {
    owner: new pg.Pool({ ...settings, types, max: 6 }),
    app: new pg.Pool({ ...settings, types, max: 10, options: "-c role=roundtrip_app" }),
    engine: new pg.Pool({
      ...settings,
      types,
      max: 8,
      options: "-c role=roundtrip_engine -c idle_in_transaction_session_timeout=60000",
    }),
  };
  for (const pool of Object.values(pools))
    pool.on("error", onError).on("connect", (client) => client.on("error", onError));
  return { ...pools, close: async () => void (await Promise.all(Object.values(pools).map((pool) => pool.end()))) };
}

/** int8 as number: our ids stay far below 2^53, and one that does not must fail loudly. Dates as Date, json parsed. */
const types = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === 20 ? readSafeInteger : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

function readSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`The database returned ${text}, which is no safe integer`);
  return value;
}

/** Runs `work` in one transaction; commits when it returns, rolls back when it throws. */
export async function inTransaction<Value>(pool: pg.Pool, work: (client: Client) => Promise<Value>): Promise<Value> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const value = await work(client);
    await client.query("commit");
    client.release();
    return value;
  } catch (error) {
    const broken = await client.query("rollback").then(
      () => false,
      () => true,
    );
    client.release(broken);
    throw error;
  }
}

/** The same, seeing only the rows of one organisation. */
export async function inOrganisation<Value>(
  database: Database,
  orgId: number,
  work: (client: Client) => Promise<Value>,
): Promise<Value> {
  return inTransaction(database.app, async (client) => {
    await client.query("select set_config('roundtrip.org_id', $1, true)", [String(orgId)]);
    return work(client);
  });
}

/**
 * Brings the schema to this version. Each migration runs in one transaction together with the note that it ran,
 * so a kill leaves it either done or not begun; a lock lets any number of nodes start at once.
 */
export async function migrate(database: Database): Promise<void> {
  const client = await database.owner.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [migrationLock]);
    await client.query(
      "create table if not exists migration (name text primary key, applied_at timestamptz not null default now())",
    );
    const done = new Set(
      (await client.query<{ name: string }>("select name from migration")).rows.map((row) => row.name),
    );
    const files = readdirSync(migrationsDir)
      .filter((file) => file.endsWith(".sql"))
      .sort();
    refuseNewerSchema(done, files);
    for (const file of files.filter((name) => !done.has(name))) await applyMigration(client, file);
  } finally {
    await client.query("select pg_advisory_unlock($1)", [migrationLock]).catch(() => undefined);
    client.release();
  }
}

async function applyMigration(client: Client, file: string): Promise<void> {
  await client.query("begin");
  try {
    await client.query(readFileSync(join(migrationsDir, file), "utf8"));
    await client.query("insert into migration (name) values ($1)", [file]);
    await client.query("commit");
  } catch (cause) {
    await client.query("rollback");
    throw new Error(`Migration ${file} failed and was rolled back`, { cause });
  }
}

function refuseNewerSchema(done: ReadonlySet<string>, files: readonly string[]): void {
  const unknown = [...done].filter((name) => !files.includes(name));
  if (unknown.length === 0) return;
  throw new Refusal(
    "schema-is-newer",
    `The database was made by a newer version of Roundtrip (${unknown.join(", ")}). Start that version, or restore a backup from before the upgrade.`,
  );
}

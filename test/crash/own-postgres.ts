/** A migrated PostgreSQL that one run has to itself, so that it can be killed and started again under everybody. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ConnectionSettings,
  type Database,
  migrate,
  openDatabase,
} from "../../server/src/ground/database.store.ts";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../../server/src/ground/embedded-postgres.process.ts";
import { migrateJobs } from "../../server/src/ground/jobs.job.ts";
import { until } from "./field.ts";

export interface OwnPostgres {
  readonly database: Database;
  readonly settings: ConnectionSettings;
  readonly url: string;
  /** As a power cut does it: no checkpoint, no farewell to anyone, and recovery at the start. */
  crashAndRestart(): Promise<void>;
  /** Removes everything. */
  end(): Promise<void>;
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-own-"));
  let postgres = await startEmbeddedPostgres(folder);
  const { host, port, user } = postgres.connection;
  const settings = { ...postgres.connection, database: "postgres" };
  // Connections break on purpose here; whoever used one hears of it there.
  const database = openDatabase(settings, () => undefined);
  await migrate(database);
  await migrateJobs(database);
  return {
    database,
    settings,
    url: `postgres://${user}@/postgres?host=${encodeURIComponent(host)}&port=${String(port)}`,
    crashAndRestart: async () => {
      const { pid } = postgres;
      process.kill(pid, "SIGQUIT");
      await until("the server to be gone", async () => !isAlive(pid));
      postgres = await startEmbeddedPostgres(folder);
    },
    end: async () => {
      await database.close();
      await postgres.stop();
      removeEmbeddedPostgres(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

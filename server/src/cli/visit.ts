/** What a command that needs the database, but not the whole program, works with: configuration, database, organisation. */
import { resolve } from "node:path";
import { ensureOrganisation } from "../accounts/organisation.store.ts";
import { type Config, readConfig } from "../ground/config.ts";
import { type Database, migrate, openDatabase } from "../ground/database.store.ts";
import { visitEmbeddedPostgres } from "../ground/embedded-postgres.process.ts";
import { migrateJobs } from "../ground/jobs.job.ts";

export interface Visit {
  readonly config: Config;
  readonly database: Database;
  readonly orgId: number;
}

/** Opens the configured database, joining a running Roundtrip's where there is one, and closes it afterwards. */
export async function visitDatabase<Value>(
  environment: NodeJS.ProcessEnv,
  work: (visit: Visit) => Promise<Value>,
): Promise<Value> {
  const config = readConfig(environment);
  const embedded = config.databaseUrl === null ? await visitEmbeddedPostgres(resolve(config.dataDir)) : null;
  const settings = embedded
    ? { ...embedded.connection, database: "postgres" }
    : { connectionString: config.databaseUrl ?? "" };
  const database = openDatabase(settings, () => undefined);
  try {
    await migrate(database);
    await migrateJobs(database);
    const orgId = await ensureOrganisation(database, {
      name: "Example Works",
      fromLocal: config.fromLocal,
      replyLocal: config.replyLocal,
    });
    return await work({ config, database, orgId });
  } finally {
    await database.close();
    await embedded?.stop();
  }
}

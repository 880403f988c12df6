/** `npm run crash:soak`: the long form of the kill test, on a database of its own. `-- [mails] [kills]`, 20,000 and 500 if not given. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrate, openDatabase } from "../../server/src/ground/database.store.ts";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../../server/src/ground/embedded-postgres.process.ts";
import { migrateJobs } from "../../server/src/ground/jobs.job.ts";
import { runKills } from "./kill-run.ts";

const [mails = 20_000, kills = 500] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "roundtrip-soak-"));
const postgres = await startEmbeddedPostgres(folder);
const { host, port, user } = postgres.connection;
const database = openDatabase({ ...postgres.connection, database: "postgres" }, (error) =>
  console.error(error.message),
);
try {
  await migrate(database);
  await migrateJobs(database);
  const url = `postgres://${user}@/postgres?host=${encodeURIComponent(host)}&port=${String(port)}`;
  const report = await runKills(database, url, { mails, kills, signal: "SIGKILL", log: (line) => console.error(line) });
  console.log(JSON.stringify(report));
  const isKept =
    report.sums &&
    report.lost.length === 0 &&
    report.duplicates <= report.inFlightAtKills &&
    report.unmarkedDuplicates.length === 0;
  process.exitCode = isKept ? 0 : 1;
} finally {
  await database.close();
  await postgres.stop();
  removeEmbeddedPostgres(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** `npm run simulate -- [seeds] [first]`: the long form of the simulation, on a PostgreSQL of its own; 20,000 from 1 if not said otherwise. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { migrate, openDatabase } from "../../server/src/ground/database.store.ts";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../../server/src/ground/embedded-postgres.process.ts";
import { migrateJobs } from "../../server/src/ground/jobs.job.ts";
import { explainFailure, runSeeds } from "./run-seeds.ts";
import type { SimulationReport } from "./simulation.ts";

const [count = 20_000, first = 1] = process.argv.slice(2).map(Number);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const template = "simulation_template";
const folder = mkdtempSync(join(tmpdir(), "roundtrip-simulation-"));
const postgres = await startEmbeddedPostgres(folder);
try {
  const admin = new pg.Client({ ...postgres.connection, database: "postgres" });
  await admin.connect();
  await admin.query(`create database ${template}`);
  await admin.end();
  const database = openDatabase({ ...postgres.connection, database: template }, (error) => print(error.message));
  await migrate(database);
  await migrateJobs(database);
  await database.close();
  const began = Date.now();
  const seeds = Array.from({ length: count }, (_, index) => first + index);
  const tell = (report: SimulationReport): void => print(explainFailure(report));
  const { failed, ...run } = await runSeeds(postgres.connection, template, seeds, { tell });
  print(JSON.stringify({ ...run, failed: failed.map(({ seed }) => seed), seconds: (Date.now() - began) / 1000 }));
  process.exitCode = failed.length > 0 ? 1 : 0;
} finally {
  await postgres.stop();
  removeEmbeddedPostgres(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Starts one PostgreSQL for the whole test run (or uses the one DATABASE_URL names) and makes the migrated template database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { migrate, openDatabase } from "../../server/src/ground/database.store.ts";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../../server/src/ground/embedded-postgres.process.ts";
import { migrateJobs } from "../../server/src/ground/jobs.job.ts";

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
}

declare module "vitest" {
  interface ProvidedContext {
    postgres: PostgresServer;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { server, stop } = await findServer();
  await makeTemplate(server).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  project.provide("postgres", server);
  return stop;
}

async function findServer(): Promise<{ server: PostgresServer; stop: () => Promise<void> }> {
  const external = process.env["DATABASE_URL"];
  if (external) {
    const url = new URL(external);
    const server = {
      host: url.hostname,
      port: Number(url.port || 5432),
      user: url.username,
      password: decodeURIComponent(url.password),
    };
    return { server, stop: async () => undefined };
  }
  const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-test-"));
  const embedded = await startEmbeddedPostgres(dataDir);
  const stop = async () => {
    await embedded.stop();
    removeEmbeddedPostgres(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { server: embedded.connection, stop };
}

async function makeTemplate(server: PostgresServer): Promise<void> {
  const admin = new pg.Client({ ...server, database: "postgres" });
  await admin.connect();
  await admin.query("drop database if exists roundtrip_template");
  await admin.query("create database roundtrip_template");
  await admin.end();
  const database = openDatabase({ ...server, database: "roundtrip_template" }, (error) => {
    throw error;
  });
  await migrate(database);
  await migrateJobs(database);
  await database.close();
}

/** Plays many seeds on a few stages at once, each stage a database of its own on one PostgreSQL. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { simulate, type SimulationReport } from "./simulation.ts";
import { openStage, type Stage } from "./stage.ts";

export interface SeedRun {
  readonly played: number;
  readonly steps: number;
  readonly copies: number;
  readonly failed: readonly SimulationReport[];
}

export interface RunOptions {
  readonly stages?: number;
  readonly failuresMost?: number;
  /** Hears of every failed seed at once. */
  readonly tell?: (failed: SimulationReport) => void;
}

/** `template` is a migrated database on that server; nothing of the run is kept. Stops early once `failuresMost` seeds have failed. */
export async function runSeeds(
  server: pg.ClientConfig,
  template: string,
  seeds: readonly number[],
  { stages = 4, failuresMost = 5, tell = () => undefined }: RunOptions = {},
): Promise<SeedRun> {
  const admin = new pg.Client({ ...server, database: "postgres" });
  await admin.connect();
  const waiting = [...seeds];
  const reports: SimulationReport[] = [];
  const failed: SimulationReport[] = [];
  const perform = async (stage: Stage): Promise<void> => {
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      const report = await simulate(stage, seed);
      reports.push(report);
      if (report.breaches.length > 0) {
        failed.push(report);
        tell(report);
      }
      if (failed.length >= failuresMost) break;
    }
  };
  const names = Array.from({ length: stages }, () => `simulation_${randomBytes(6).toString("hex")}`);
  try {
    const opened = await openStages(admin, { server, template, names });
    try {
      await Promise.all(opened.map(perform));
    } finally {
      await Promise.all(opened.map((stage) => stage.close()));
    }
  } finally {
    for (const name of names) await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  }
  const sum = (read: (report: SimulationReport) => number) =>
    reports.reduce((total, report) => total + read(report), 0);
  return {
    played: reports.length,
    steps: sum((report) => report.steps),
    copies: sum((report) => report.copies),
    failed,
  };
}

/** One after another, because a template can be copied by one at a time. */
async function openStages(
  admin: pg.Client,
  { server, template, names }: { server: pg.ClientConfig; template: string; names: readonly string[] },
): Promise<readonly Stage[]> {
  const stages: Stage[] = [];
  for (const name of names) {
    await admin.query(`create database ${name} template ${template}`);
    // What a crash of the server could lose is not the question here, and waiting for the disk would be most of the time.
    await admin.query(`alter database ${name} set synchronous_commit = off`);
    stages.push(await openStage({ ...server, database: name }));
  }
  return stages;
}

/** A failed seed with its whole trace, to be read by a person. */
export function explainFailure({ seed, breaches, trace }: SimulationReport): string {
  return [`seed ${String(seed)}:`, ...trace.map((line) => `  ${line}`), ...breaches.map((text) => `  ✗ ${text}`)].join(
    "\n",
  );
}

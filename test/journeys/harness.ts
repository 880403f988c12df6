/** A whole Roundtrip for one test file: its own database, its own miniature world, its own moving clock. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type JumpingClock, jumpingClock } from "../../server/src/ground/clock.ts";
import { readConfig } from "../../server/src/ground/config.ts";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { createLog } from "../../server/src/ground/log.process.ts";
import { systemClock } from "../../server/src/ground/system-clock.process.ts";
import { type Running, startRoundtrip } from "../../server/src/main.ts";
import { addRound, launchRound } from "../../server/src/outbound/round/round.store.ts";
import type { MessageSource } from "../../server/src/outbound/message/prepare-message.ts";
import { applyImport, checkImport } from "../../server/src/people/import.store.ts";
import { type TestDatabase, useTestDatabase } from "../../server/src/testing/test-database.ts";

export interface Journey {
  readonly running: Running;
  readonly clock: JumpingClock;
  readonly test: TestDatabase;
  /** Imports a CSV file through the real import. */
  importPeople(csv: string): Promise<void>;
  /** Launches a live round to everybody; returns its id. */
  launch(options?: { closesAt?: Date; neverSendTwice?: boolean; texts?: readonly MessageSource[] }): Promise<number>;
}

const plainText: MessageSource = {
  language: "en",
  subject: "Hello {{ first_name }}",
  preview: "",
  body: "Please answer until {{ closes_on }}.",
  button: "Answer",
};

/** Starts before the first test and stops after the last; `environment` is added to the configuration. */
export function useRoundtrip(environment: Record<string, string> = {}): Journey {
  const test = useTestDatabase();
  const clock = jumpingClock(systemClock);
  const held: { running?: Running; dataDir?: string } = {};
  const running = (): Running => {
    if (!held.running) throw new Error("Roundtrip is not running yet");
    return held.running;
  };
  beforeAll(async () => {
    held.dataDir = mkdtempSync(join(tmpdir(), "roundtrip-journey-"));
    const config = readConfig({
      DATABASE_URL: test.url,
      ROUNDTRIP_DATA_DIR: held.dataDir,
      ROUNDTRIP_WEB_PORT: "0",
      ROUNDTRIP_INBOUND_PORT: "0",
      ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
      ROUNDTRIP_LOG_LEVEL: "silent",
      ...environment,
    });
    held.running = await startRoundtrip(config, { clock, log: createLog(config.logLevel) });
  });
  afterAll(async () => {
    await held.running?.stop();
    if (held.dataDir) rmSync(held.dataDir, { recursive: true, force: true });
  });
  return {
    get running() {
      return running();
    },
    clock,
    test,
    importPeople: async (csv) => {
      const { database, orgId } = running();
      const source = {
        fileName: "people.csv",
        open: async function* () {
          yield Buffer.from(csv);
        },
      };
      const { id } = await checkImport(database, orgId, source, clock.now());
      await applyImport(database, orgId, id, clock.now());
    },
    launch: async (options = {}) => {
      const { database, orgId } = running();
      return inOrganisation(database, orgId, async (client) => {
        const closesAt = options.closesAt ?? new Date(clock.now().getTime() + 12 * 3_600_000);
        const round = {
          name: "Journey",
          kind: "live",
          senderName: "Ana Silva",
          closesAt,
          neverSendTwice: options.neverSendTwice ?? false,
          texts: options.texts ?? [plainText],
          testers: [],
        } as const;
        const roundId = await addRound(client, orgId, round);
        await launchRound(client, orgId, roundId, clock.now());
        return roundId;
      });
    },
  };
}

/** Asks again until `isSo`, or fails with what was missing. */
export async function until(what: string, isSo: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Waited ${String(deadlineMs / 1000)} s in vain for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

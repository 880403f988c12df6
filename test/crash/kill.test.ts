/** Senders and databases that are killed at any moment lose nothing, and send twice only what was in flight, marked as such; a stopped sender does neither. */
import { expect, it } from "vitest";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { type KillReport, runKills } from "./kill-run.ts";
import { startOwnPostgres } from "./own-postgres.ts";

const killed = useTestDatabase();
const stopped = useTestDatabase();
const log = (line: string): void => void process.stderr.write(`  ${line}\n`);

/** Whatever happened, and however often. */
const kept = { sums: true, lost: [], unmarkedDuplicates: [], differingCopies: [] };
const reached = ({ ledger, leftUnknown }: KillReport): number => ledger.accepted + leftUnknown;

it(
  "20 kills during 5,000 mails: nothing lost, duplicates no more than what was in flight, each marked",
  { timeout: 400_000 },
  async () => {
    const plan = { mails: 5000, kills: 20, nodes: 1, restarts: 0, signal: "SIGKILL", log } as const;
    const report = await runKills(killed.database, killed.url, plan);
    log(JSON.stringify(report));
    expect(report).toMatchObject(kept);
    expect(reached(report)).toBe(5000);
    expect(report.duplicates).toBeLessThanOrEqual(report.inFlightAtKills);
    expect(report.inFlightAtKills).toBeGreaterThan(0);
  },
);

it(
  "9 kills among three nodes and 2 crashes of the database during 2,000 mails: the same",
  { timeout: 400_000 },
  async () => {
    const own = await startOwnPostgres();
    try {
      const report = await runKills(own.database, own.url, {
        mails: 2000,
        kills: 9,
        nodes: 3,
        restarts: 2,
        restartDatabase: () => own.crashAndRestart(),
        signal: "SIGKILL",
        log,
      });
      log(JSON.stringify(report));
      expect(report).toMatchObject(kept);
      expect(reached(report)).toBe(2000);
      expect(report.duplicates).toBeLessThanOrEqual(report.inFlightAtKills);
    } finally {
      await own.end();
    }
  },
);

it("5 stops during 5,000 mails: no duplicate, nothing unknown", { timeout: 400_000 }, async () => {
  const plan = { mails: 5000, kills: 5, nodes: 1, restarts: 0, signal: "SIGTERM", log } as const;
  const report = await runKills(stopped.database, stopped.url, plan);
  log(JSON.stringify(report));
  expect(report.ledger.accepted).toBe(5000);
  expect(report).toMatchObject({
    sums: true,
    lost: [],
    duplicates: 0,
    inFlightAtKills: 0,
    leftUnknown: 0,
    everUnknown: 0,
  });
});

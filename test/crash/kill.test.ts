/** A sender that is killed at any moment loses nothing, and sends twice only what was in flight, marked as such; a stopped one does neither. */
import { expect, it } from "vitest";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { runKills } from "./kill-run.ts";

const killed = useTestDatabase();
const stopped = useTestDatabase();
const log = (line: string): void => void process.stderr.write(`  ${line}\n`);

it(
  "20 kills during 5,000 mails: nothing lost, duplicates no more than what was in flight, each marked",
  { timeout: 400_000 },
  async () => {
    const report = await runKills(killed.database, killed.url, { mails: 5000, kills: 20, signal: "SIGKILL", log });
    log(JSON.stringify(report));
    expect(report.sums).toBe(true);
    expect(report.ledger.accepted + report.leftUnknown).toBe(5000);
    expect(report.lost).toEqual([]);
    expect(report.duplicates).toBeLessThanOrEqual(report.inFlightAtKills);
    expect(report.unmarkedDuplicates).toEqual([]);
    expect(report.differingCopies).toEqual([]);
    expect(report.inFlightAtKills).toBeGreaterThan(0);
  },
);

it("5 stops during 5,000 mails: no duplicate, nothing unknown", { timeout: 400_000 }, async () => {
  const report = await runKills(stopped.database, stopped.url, { mails: 5000, kills: 5, signal: "SIGTERM", log });
  log(JSON.stringify(report));
  expect(report.ledger.accepted).toBe(5000);
  expect(report).toMatchObject({
    sums: true,
    lost: [],
    duplicates: 0,
    inFlightAtKills: 0,
    leftUnknown: 0,
    unknownAttempts: 0,
  });
});

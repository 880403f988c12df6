/** `roundtrip demo`: the main job without a browser, in a fresh data directory that is removed afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jumpingClock } from "../ground/clock.ts";
import { readConfig } from "../ground/config.ts";
import { removeEmbeddedPostgres } from "../ground/embedded-postgres.process.ts";
import { createLog } from "../ground/log.process.ts";
import { systemClock } from "../ground/system-clock.process.ts";
import { type Running, startRoundtrip } from "../main.ts";
import { explainLedger, type Ledger, sumLedger } from "../outcome/ledger.ts";
import { followRound, launchDemoRound } from "./demo-round.ts";

export interface DemoResult {
  readonly people: number;
  readonly ledger: Ledger;
  readonly flagged: number;
  /** Written by people; automatic ones are counted apart. */
  readonly replies: number;
  readonly automaticReplies: number;
  readonly possibleDuplicates: number;
  /** From the launch until everything was settled. */
  readonly seconds: number;
  /** Everyone's first try, divided by the time from the launch until the last of them. */
  readonly messagesPerSecond: number;
}

/** Runs the demo; `say` gets progress lines. Rejects when the ledger does not sum. */
export async function runDemo(people: number, say: (line: string) => void): Promise<DemoResult> {
  const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-demo-"));
  const config = readConfig({
    ROUNDTRIP_DATA_DIR: dataDir,
    ROUNDTRIP_WEB_PORT: "0",
    ROUNDTRIP_INBOUND_PORT: "0",
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_LOG_LEVEL: "error",
  });
  const clock = jumpingClock(systemClock);
  const running = await startRoundtrip(config, { clock, log: createLog(config.logLevel) });
  try {
    return await runRound(running, clock, people, say);
  } finally {
    await running.stop();
    removeEmbeddedPostgres(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function runRound(
  running: Running,
  clock: ReturnType<typeof jumpingClock>,
  people: number,
  say: (line: string) => void,
): Promise<DemoResult> {
  say(`Importing ${String(people)} people of the demo company and launching a round into the miniature world …`);
  const roundId = await launchDemoRound(running, clock, people);
  const startedAt = performance.now();
  let triedAt = 0;
  let said = "";
  const end = await followRound(running, clock, roundId, {
    show: (moment) => {
      if (triedAt === 0 && moment.everyoneTried) triedAt = performance.now();
      const line = explainLedger(moment.ledger);
      if (line !== said) say(line);
      said = line;
    },
  });
  const seconds = (performance.now() - startedAt) / 1000;
  if (sumLedger(end.ledger) !== people || !end.sums)
    throw new Error(`The ledger does not sum: ${explainLedger(end.ledger)} for ${String(people)} people`);
  const counted = await running.database.owner.query<{
    flagged: number;
    replies: number;
    automatic: number;
    duplicates: number;
  }>(
    `select (select count(*) from employee where org_id = $1 and flag is not null) as flagged,
            (select count(*) from reply where org_id = $1 and not automatic) as replies,
            (select count(*) from reply where org_id = $1 and automatic) as automatic,
            (select count(*) from delivery where org_id = $1 and round_id = $2 and possible_duplicate) as duplicates`,
    [running.orgId, roundId],
  );
  const row = counted.rows[0];
  return {
    people,
    ledger: end.ledger,
    flagged: row?.flagged ?? 0,
    replies: row?.replies ?? 0,
    automaticReplies: row?.automatic ?? 0,
    possibleDuplicates: row?.duplicates ?? 0,
    seconds: round(seconds),
    messagesPerSecond: round(people / ((triedAt - startedAt) / 1000)),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

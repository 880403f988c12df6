/** `npm run crash:soak`: the long form of the kill test, on a database of its own. `-- [mails] [kills] [nodes] [restarts]`, 20,000, 200, 3 and 20 if not given. */
import { runKills } from "./kill-run.ts";
import { startOwnPostgres } from "./own-postgres.ts";

const [mails = 20_000, kills = 200, nodes = 3, restarts = 20] = process.argv.slice(2).map(Number);
const postgres = await startOwnPostgres();
try {
  const began = Date.now();
  const report = await runKills(postgres.database, postgres.url, {
    mails,
    kills,
    nodes,
    restarts,
    restartDatabase: () => postgres.crashAndRestart(),
    signal: "SIGKILL",
    log: (line) => console.error(line),
  });
  console.log(JSON.stringify({ ...report, seconds: Math.round((Date.now() - began) / 1000) }));
  const isKept =
    report.sums &&
    report.ledger.accepted + report.leftUnknown === mails &&
    report.lost.length === 0 &&
    report.duplicates <= report.inFlightAtKills &&
    report.unmarkedDuplicates.length === 0 &&
    report.differingCopies.length === 0;
  process.exitCode = isKept ? 0 : 1;
} finally {
  await postgres.end();
}

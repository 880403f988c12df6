/** `roundtrip start`: starts everything, shows the demo the first time, and stops gracefully on a signal. */
import { jumpingClock } from "../ground/clock.ts";
import { readConfig } from "../ground/config.ts";
import { explainLatch } from "../ground/instance.ts";
import { createLog } from "../ground/log.process.ts";
import { systemClock } from "../ground/system-clock.process.ts";
import { type Running, startRoundtrip } from "../main.ts";
import { explainLedger } from "../outcome/ledger.ts";
import { followRound, launchDemoRound, type Moment } from "./demo-round.ts";

const demoPeople = 1000;

/** Runs until SIGINT or SIGTERM. */
export async function runStart(environment: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  const config = readConfig(environment);
  const clock = jumpingClock(systemClock);
  const running = await startRoundtrip(config, { clock, log: createLog(config.logLevel) });
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const stopped = new Promise<void>((done) => stopping.signal.addEventListener("abort", () => done(), { once: true }));
  introduce(running, say);
  if (running.world && config.roles.length === 4) await showDemo(running, clock, say, stopping.signal);
  await stopped;
  say("Stopping: finishing what is under way …");
  await running.stop();
}

function introduce(running: Running, say: (line: string) => void): void {
  say("");
  say("Roundtrip is running.");
  if (running.statusUrl) say(`  Status page      ${running.statusUrl}`);
  if (running.mailboxUrl) say(`  Mailbox          ${running.mailboxUrl}   (the miniature world: no real mail is sent)`);
  if (running.inboundPort !== null) say(`  Incoming mail    port ${String(running.inboundPort)}`);
  if (running.sender && running.sender.latched.length > 0) say(`  ${explainLatch(running.sender.latched)}`);
  say("  Ctrl-C stops it.");
  say("");
}

/** The first start makes a demo company and a round; a later one goes on with what that round still has to do. */
async function showDemo(
  running: Running,
  clock: ReturnType<typeof jumpingClock>,
  say: (line: string) => void,
  stopping: AbortSignal,
): Promise<void> {
  const rounds = await running.database.owner.query<{ id: number; name: string }>(
    "select id, name from round where org_id = $1 order by id limit 1",
    [running.orgId],
  );
  const standing = rounds.rows[0];
  if (standing && standing.name !== "Demo round") return;
  if (!standing)
    say(
      `First start: importing ${String(demoPeople)} people of a demo company and sending them a round. Between two tries the world's time jumps ahead.`,
    );
  const roundId = standing?.id ?? (await launchDemoRound(running, clock, demoPeople));
  const end = await followRound(running, clock, roundId, { show: sayNowAndThen(say), until: stopping });
  if (end.settled) say("The demo round is settled. Everything stays on the status page; the program keeps running.");
}

/** A line when something has changed, but not more than two a second: the terminal tells the story, the page shows it live. */
function sayNowAndThen(say: (line: string) => void): (moment: Moment) => void {
  let said = "";
  let saidAt = 0;
  return ({ ledger, enqueued, settled }) => {
    const line = `  ${explainLedger(ledger)}`;
    if (enqueued === 0 || line === said || (!settled && Date.now() - saidAt < 500)) return;
    say(line);
    said = line;
    saidAt = Date.now();
  };
}

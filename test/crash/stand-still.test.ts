/** A node that stands still for longer than its lease and then goes on (a stopped process, a paused machine) has lost its work, notices, and starts anew. */
import { describe, expect, it } from "vitest";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { onField, type Tally, until } from "./field.ts";

const mails = 300;
/** Tried first, so that many mails are between their last byte and its answer. */
const slow = 80;
const hasty = useTestDatabase();
const patient = useTestDatabase();

interface StandStill {
  readonly tally: Tally;
  readonly inFlight: number;
}

/** Two nodes; one is stopped with mails in flight until the other has declared it dead, and then goes on. */
async function standStill(
  test: typeof hasty,
  { resendSeconds, untilResent }: { resendSeconds: number; untilResent: boolean },
): Promise<StandStill> {
  const { owner } = test.database;
  const environment = { ROUNDTRIP_LEASE_SECONDS: "2", ROUNDTRIP_UNKNOWN_RESEND_SECONDS: String(resendSeconds) };
  return onField(test.database, test.url, { mails, slow, environment }, async (field) => {
    const victim = field.startSender();
    await until("mails to flow", async () => (await field.countSettled()) > 0);
    field.startSender();
    const nodesOf = (condition: string) =>
      owner.query(`select from node where name = $1 and ${condition}`, [victim.name]);
    await until("mails to be in flight", async () => (await field.countInFlight(victim)) > 5);
    victim.child.kill("SIGSTOP");
    await until("its statements to end", async () => !(await field.isBusy(victim)));
    const inFlight = await field.countInFlight(victim);
    await until("it to be declared dead", async () => (await nodesOf("ended_at is not null")).rowCount === 1);
    expect((await nodesOf("ended_at is null")).rowCount).toBe(0);
    const resent = async () =>
      (await owner.query("select from delivery where possible_duplicate limit 1")).rowCount === 1;
    if (untilResent) await until("mails of it to be sent again", resent);
    victim.child.kill("SIGCONT");
    await until("it to start anew", async () => (await nodesOf("ended_at is null")).rowCount === 1);
    await field.settled();
    return { tally: await field.tally(), inFlight };
  });
}

function expectKept({ tally, inFlight }: StandStill): void {
  process.stderr.write(`  ${JSON.stringify({ ...tally, inFlight })}\n`);
  expect(tally).toMatchObject({ sums: true, lost: [], unmarkedDuplicates: [], differingCopies: [] });
  expect(tally.ledger.accepted + tally.leftUnknown).toBe(mails);
  expect(tally.everUnknown).toBeLessThanOrEqual(inFlight);
}

describe("a node that stood still", { timeout: 200_000 }, () => {
  it("sends nothing twice but what had left before, and that is marked", async () => {
    const stood = await standStill(hasty, { resendSeconds: 1, untilResent: true });
    expectKept(stood);
    expect(stood.tally.everUnknown).toBeGreaterThan(0);
  });

  it("brings the answers it had missed, and what they settle is not sent again", async () => {
    const stood = await standStill(patient, { resendSeconds: 60, untilResent: false });
    expectKept(stood);
    expect(stood.tally.duplicates).toBe(0);
  });
});

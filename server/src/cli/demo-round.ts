/**
 * The demo round: imports the demo company through the real import, launches a round into the miniature world, and moves
 * time forward when nothing else is left to do, until every delivery is settled. Used by `npm run demo` and the first start.
 */
import { setTimeout as wait } from "node:timers/promises";
import { demoEmployees, writeEmployeeCsv } from "@roundtrip/world/demo-company";
import type { JumpingClock } from "../ground/clock.ts";
import { inOrganisation } from "../ground/database.store.ts";
import type { Running } from "../main.ts";
import { type CountedLedger, countLedger } from "../outcome/ledger.store.ts";
import { demoTexts } from "../outbound/message/demo-texts.ts";
import { addRound, launchRound } from "../outbound/round/round.store.ts";
import { applyImport, checkImport } from "../people/import.store.ts";

const openForMs = 12 * 3_600_000;
const lookEveryMs = 50;

/** Imports `people` employees of the demo company; returns the round's id, launched. */
export async function launchDemoRound(running: Running, clock: JumpingClock, people: number): Promise<number> {
  const { database, orgId } = running;
  const source = { fileName: "demo-company.csv", open: () => writeCsv(people) };
  const { id } = await checkImport(database, orgId, source, clock.now());
  await applyImport(database, orgId, id, clock.now());
  return inOrganisation(database, orgId, async (client) => {
    const roundId = await addRound(client, orgId, {
      name: "Demo round",
      kind: "live",
      senderName: "Maja Lindqvist",
      closesAt: new Date(clock.now().getTime() + openForMs),
      neverSendTwice: false,
      texts: demoTexts,
      testers: [],
    });
    await launchRound(client, orgId, roundId, clock.now());
    return roundId;
  });
}

async function* writeCsv(people: number): AsyncGenerator<Uint8Array> {
  for (const line of writeEmployeeCsv(demoEmployees(people))) yield Buffer.from(line);
}

export interface Moment extends CountedLedger {
  /** Nobody is left whom no mail was tried for. */
  readonly everyoneTried: boolean;
  readonly settled: boolean;
}

/**
 * Reports each look at the ledger to `show` until everything is settled. While mail is due, in flight or coming back,
 * time is left alone; when only later tries are left, the clock jumps to the next one.
 */
export async function followRound(
  running: Running,
  clock: JumpingClock,
  roundId: number,
  { show, until }: { show?: (moment: Moment) => void; until?: AbortSignal } = {},
): Promise<Moment> {
  for (;;) {
    const moment = await look(running, clock, roundId);
    show?.(moment);
    if (moment.settled || until?.aborted) return moment;
    await wait(lookEveryMs, undefined, until ? { signal: until } : {}).catch(() => undefined);
  }
}

async function look(running: Running, clock: JumpingClock, roundId: number): Promise<Moment> {
  const { database, orgId, world } = running;
  const counted = await countLedger(database.owner, orgId, roundId);
  const facts = await database.owner.query<{
    launching: boolean;
    busy: boolean;
    untried: boolean;
    next_due: Date | null;
    coming: boolean;
  }>(
    `select exists (select from round where org_id = $1 and id = $2 and state in ('draft', 'launching')) as launching,
            exists (select from delivery where org_id = $1 and round_id = $2 and settled_at is null and (state in ('claimed', 'submitting') or due_at <= $3)) as busy,
            exists (select from delivery where org_id = $1 and round_id = $2 and settled_at is null and first_tried_at is null) as untried,
            (select min(due_at) from delivery where org_id = $1 and round_id = $2 and settled_at is null) as next_due,
            exists (select from inbound_mail where state = 'received') as coming`,
    [orgId, roundId, clock.now()],
  );
  const now = facts.rows[0];
  const quiet =
    now !== undefined && !now.launching && !now.busy && !now.coming && (world?.sendBack?.counts().pending ?? 0) === 0;
  if (quiet && now.next_due) clock.jumpTo(now.next_due);
  return {
    ...counted,
    everyoneTried: now !== undefined && !now.launching && !now.untried,
    settled: quiet && now.next_due === null,
  };
}

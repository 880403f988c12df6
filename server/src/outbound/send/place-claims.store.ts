/**
 * Puts claimed mails on the addresses they leave by, and puts those off that must wait for one, together with the mails
 * behind them that would only be claimed to be told the same. Gives nothing back itself: when it fails, the claims are
 * still held.
 */
import type { Database } from "../../ground/database.store.ts";
import {
  type AddressPool,
  type LaneRoute,
  type MailOnItsWay,
  type Placement,
  waitUntil,
} from "../shape/address-pool.store.ts";
import { type Claimed, type OpenRound, putOffClaims, putOffDue } from "./queue.store.ts";

export interface PlaceParts {
  readonly database: Database;
  readonly pool: AddressPool;
  readonly nodeId: number;
  readonly now: Date;
  readonly isResting: (laneKey: string) => boolean;
}

const putOffMost = 5000;

/** Those that go, and by which route; all others have been put off. */
export async function placeClaims(
  { database, pool, nodeId, now, isResting }: PlaceParts,
  round: OpenRound,
  mails: readonly MailOnItsWay<Claimed>[],
): Promise<ReadonlyMap<Claimed, LaneRoute>> {
  const placements = await pool.place(mails, isResting);
  const waits = placements.filter((placement) => placement.kind === "wait");
  await putOffClaims(
    database.engine,
    nodeId,
    waits.map(({ mail, until, because }) => ({ orgId: mail.orgId, id: mail.id, fence: mail.fence, until, because })),
  );
  for (const [domain, wait] of firstTriesThatWait(waits)) {
    const { until, because } = wait;
    await putOffDue(database.engine, round, [domain], { now, until, because, what: "untried", most: putOffMost });
  }
  return new Map(placements.flatMap((each) => (each.kind === "go" ? [[each.mail, each.route]] : [])));
}

/** Mail to domains that none of our addresses may write to waits until the operator has given it one. */
export async function putOffHomeless(
  database: Database,
  round: OpenRound,
  domains: readonly string[],
  now: Date,
): Promise<void> {
  if (domains.length === 0) return;
  const because = "no-address";
  const wait = { now, until: waitUntil(because, now), because, what: "all", most: putOffMost } as const;
  await putOffDue(database.engine, round, domains, wait);
}

/** Where one first try has to wait, all of the organisation's to that domain have to. */
function firstTriesThatWait(waits: readonly Extract<Placement<Claimed>, { kind: "wait" }>[]) {
  const byDomain = new Map<string, { until: Date; because: "warming-up" | "no-address" }>();
  for (const { mail, until, because } of waits)
    if (because !== null && mail.firstTriedAt === null) byDomain.set(mail.domain, { until, because });
  return byDomain;
}

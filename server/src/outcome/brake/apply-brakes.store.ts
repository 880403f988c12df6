/**
 * Applies the brakes after a batch of failures has been committed: counts, lets decide-brake.ts decide, opens incidents.
 * Called by any number of nodes at once, one incident comes of it. Costs nothing while nothing failed for good.
 */
import type { Database } from "../../ground/database.store.ts";
import type { CauseVerdict } from "../cause/cause.ts";
import {
  arrivedThatMatter,
  type BrakeLimits,
  decideDomainBrake,
  decideRoundBrake,
  defaultBrakes,
  type IncidentKind,
} from "./decide-brake.ts";
import { countFailures, countWhole, type FailureRow, type RoundKey } from "./failure-counts.store.ts";
import { type Evidence, pickTexts } from "./incident.ts";
import { type Braked, groupPeople, openIncident } from "./open-incident.store.ts";
import { sortFailure } from "./sort-failure.ts";
import { type FailureGroup, groupsBehind, type Tally, tallyFailures } from "./tally-failures.ts";

export interface FailedDelivery extends RoundKey {
  readonly domain: string;
  readonly verdict: CauseVerdict;
  readonly text: string;
  readonly at: Date;
}

/**
 * `failed`: the failed deliveries of one written batch, live refusals and late notices, after their transaction.
 * Returns what was held or stopped by this very call. `refused-because-of-us` is the operator's to hear of.
 */
export async function applyBrakes(
  database: Database,
  failed: readonly FailedDelivery[],
  now: Date,
  limits: BrakeLimits = defaultBrakes,
): Promise<readonly Braked[]> {
  const suspects = groupByRound(failed);
  if (suspects.length === 0) return [];
  const since = new Date(now.getTime() - limits.windowMs);
  const rows = await countFailures(database.engine, suspects, since);
  const braked: Braked[] = [];
  for (const { domains, ...round } of suspects) {
    const look: Look = { ...round, since, now, limits };
    const ofRound = rows.filter((row) => row.orgId === round.orgId && row.roundId === round.roundId);
    const heldNow = new Set<string>();
    for (const domain of domains) {
      const ofDomain = ofRound.filter((row) => row.domain === domain);
      const one = await brakeDomain(database, { ...look, domain }, ofDomain);
      if (one) braked.push(one);
      if (one) heldNow.add(domain);
    }
    const contained = (row: FailureRow): boolean => row.held || heldNow.has(row.domain);
    const whole = await brakeRound(
      database,
      look,
      ofRound.map((row) => toRoundGroup(row, contained(row))),
    );
    if (whole) braked.push(whole);
    await groupPeople(database.engine, round, [...domains]);
  }
  return braked;
}

interface Suspects extends RoundKey {
  readonly domains: ReadonlySet<string>;
}

/** Only failures that stop a mail for good can put a brake on. */
function groupByRound(failed: readonly FailedDelivery[]): readonly Suspects[] {
  const rounds = new Map<string, RoundKey & { domains: Set<string> }>();
  for (const { orgId, roundId, domain, verdict } of failed) {
    if (sortFailure(verdict.cause, verdict.permanent) === null) continue;
    const key = `${String(orgId)}:${String(roundId)}`;
    const round = rounds.get(key) ?? { orgId, roundId, domains: new Set<string>() };
    round.domains.add(domain);
    rounds.set(key, round);
  }
  return [...rounds.values()];
}

interface Look extends RoundKey {
  readonly since: Date;
  readonly now: Date;
  readonly limits: BrakeLimits;
}

async function brakeDomain(
  database: Database,
  look: Look & { domain: string },
  rows: readonly FailureRow[],
): Promise<Braked | null> {
  const groups = rows.map((row) => toGroup(row, row.ofDomain));
  const tally = tallyFailures(groups);
  const { unknown, refused } = tally;
  const isWorthALook =
    unknown.live + unknown.late > look.limits.unknown.most ||
    (refused.live + refused.late > 0 && unknown.live + refused.live + refused.late > 1);
  if (!isWorthALook) return null;
  const whole = await compare(database, look, tally);
  if (whole.standsStill) return null;
  const kind = decideDomainBrake({ ...tally, ...whole }, look.limits, whole.wasContinued);
  return kind && openIncident(database, toOpening(look, kind, { ...whole, groups }));
}

async function brakeRound(database: Database, look: Look, groups: readonly FailureGroup[]): Promise<Braked | null> {
  const tally = tallyFailures(groups);
  const { unknown, domainsBlamingUs } = tally;
  const isWorthALook =
    unknown.live + unknown.late > look.limits.roundUnknown.most || domainsBlamingUs >= look.limits.blamingUs.domains;
  if (!isWorthALook) return null;
  const whole = await compare(database, { ...look, domain: null }, tally);
  if (whole.standsStill) return null;
  const kind = decideRoundBrake({ ...tally, ...whole }, look.limits, whole.wasContinued);
  return kind && openIncident(database, toOpening({ ...look, domain: null }, kind, { ...whole, groups }));
}

function compare(database: Database, look: Look & { domain: string | null }, tally: Tally) {
  return countWhole(database.engine, look, { since: look.since, atMost: arrivedThatMatter(tally, look.limits) });
}

function toGroup(row: FailureRow, count: number): FailureGroup {
  return { domain: row.domain, cause: row.cause, rule: row.rule, late: row.late, texts: row.texts, count };
}

/** Unknown people of a domain that is on hold, or was continued by a person, are dealt with; what is said about us counts from everywhere. */
function toRoundGroup(row: FailureRow, isContained: boolean): FailureGroup {
  if (sortFailure(row.cause, true) === "refused") return toGroup(row, row.ofRound);
  return toGroup(row, isContained ? 0 : Math.min(row.ofDomain, row.ofRound));
}

function toOpening(
  { orgId, roundId, domain, since, now, limits }: Look & { domain: string | null },
  kind: IncidentKind,
  { people, arrived, groups }: { people: number; arrived: number; groups: readonly FailureGroup[] },
) {
  const behind = groupsBehind(kind, groups);
  const evidence: Evidence = {
    people,
    arrived,
    failed: behind.reduce((total, group) => total + group.count, 0),
    windowMs: limits.windowMs,
    cause: behind[0]?.cause ?? "unclassified",
    texts: pickTexts(behind.flatMap((group) => group.texts)),
  };
  // A filter of theirs has been refusing since before it was noticed; unknown people of last week are another matter.
  const countedFrom = kind === "refused-by-their-system" ? new Date(0) : since;
  return { orgId, roundId, domain, kind, evidence, countedFrom, now };
}

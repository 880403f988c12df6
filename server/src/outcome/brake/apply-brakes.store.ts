/**
 * Applies the brakes after a batch of failures has been committed: counts, lets decide-brake.ts decide, opens incidents.
 * Called by any number of nodes at once, one incident comes of it. Costs nothing while nothing failed for good; where
 * much fails, a node does best to collect what fails during one call for the next.
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
  type RoundCounts,
} from "./decide-brake.ts";
import { countFailures, countWhole, type FailureRow, type RoundKey } from "./failure-counts.store.ts";
import { type Evidence, pickTexts } from "./incident.ts";
import { type Braked, groupPeople, openIncident, type Opening } from "./open-incident.store.ts";
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
  const rows = await countFailures(database.engine, suspects, { since, latest: limits.latest });
  const braked: Braked[] = [];
  for (const { domains, ...round } of suspects) {
    const look: Look = { ...round, since, now, limits };
    const ofRound = rows.filter((row) => row.orgId === round.orgId && row.roundId === round.roundId);
    const heldNow = new Set<string>();
    for (const domain of domains) {
      const ofDomain = ofRound.filter((row) => row.domain === domain).map(toDomainGroup);
      const one = await brakeDomain(database, { ...look, domain }, ofDomain);
      if (!one) continue;
      braked.push(one);
      heldNow.add(domain);
    }
    const whole = await brakeRound(
      database,
      { ...look, domain: null },
      ofRound.map((row) => toRoundGroup(row, heldNow)),
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

/** What is looked at: one domain of a round, or all of it when `domain` is null. */
interface Place extends Look {
  readonly domain: string | null;
}

interface TimedGroup extends FailureGroup {
  /** When the first of its live failures happened. */
  readonly since: Date | null;
}

async function brakeDomain(database: Database, place: Place, groups: readonly TimedGroup[]): Promise<Braked | null> {
  const tally = tallyFailures(groups);
  const unknown = tally.unknown.live + tally.unknown.late;
  const refused = tally.refused.live + tally.refused.late;
  const isWorthALook = unknown > place.limits.unknown.most || (refused > 0 && unknown + refused > 1);
  return isWorthALook ? compareAndBrake(database, place, { groups, tally, decide: decideDomainBrake }) : null;
}

async function brakeRound(database: Database, place: Place, groups: readonly TimedGroup[]): Promise<Braked | null> {
  const tally = tallyFailures(groups);
  const { roundUnknown, blamingUs } = place.limits;
  const isWorthALook =
    tally.unknown.live + tally.unknown.late > roundUnknown.most || tally.domainsBlamingUs >= blamingUs.domains;
  return isWorthALook ? compareAndBrake(database, place, { groups, tally, decide: decideRoundBrake }) : null;
}

interface Suspicion {
  readonly groups: readonly TimedGroup[];
  readonly tally: Tally;
  readonly decide: (counts: RoundCounts, limits: BrakeLimits, wasContinued: boolean) => IncidentKind | null;
}

async function compareAndBrake(
  database: Database,
  place: Place,
  { groups, tally, decide }: Suspicion,
): Promise<Braked | null> {
  const since = sinceOf(groups, place);
  const whole = await countWhole(database.engine, place, { since, atMost: arrivedThatMatter(tally, place.limits) });
  if (whole.standsStill) return null;
  const kind = decide({ ...tally, ...whole }, place.limits, whole.wasContinued);
  return kind && openIncident(database, toOpening(place, kind, { ...whole, groups }));
}

/** Where the failures looked at are only the latest, arrivals are counted from the first of them on. */
function sinceOf(groups: readonly TimedGroup[], { since, limits }: Look): Date {
  const live = groups.filter((group) => !group.late && group.count > 0);
  if (live.reduce((total, group) => total + group.count, 0) < limits.latest) return since;
  return new Date(Math.min(...live.map((group) => (group.since ?? since).getTime())));
}

function toDomainGroup({ ofDomain, ofDomainSince, ...row }: FailureRow): TimedGroup {
  return { ...row, count: ofDomain, since: ofDomainSince };
}

/** Unknown people of a domain that was held this moment are dealt with; what is said about us counts from everywhere. */
function toRoundGroup({ ofRound, ofRoundSince, ...row }: FailureRow, heldNow: ReadonlySet<string>): TimedGroup {
  const isDealtWith = heldNow.has(row.domain) && sortFailure(row.cause, true) === "unknown";
  return { ...row, count: isDealtWith ? 0 : ofRound, since: ofRoundSince };
}

function toOpening(
  { orgId, roundId, domain, since, now, limits }: Place,
  kind: IncidentKind,
  { people, arrived, groups }: { people: number; arrived: number; groups: readonly FailureGroup[] },
): Opening {
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

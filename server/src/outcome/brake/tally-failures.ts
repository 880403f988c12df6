/** Adds up counted failures for the brakes, of one domain or of a whole round. Pure. */
import type { Cause } from "../cause/cause.ts";
import type { Failures, IncidentKind, RoundCounts } from "./decide-brake.ts";
import { blamesUs, sortFailure } from "./sort-failure.ts";

export interface FailureGroup {
  readonly domain: string;
  readonly cause: Cause;
  readonly rule: string | null;
  readonly late: boolean;
  readonly count: number;
  readonly texts: readonly string[];
}

export type Tally = Omit<RoundCounts, "people" | "arrived">;

export function tallyFailures(groups: readonly FailureGroup[]): Tally {
  const blaming = groups.filter(isBlamingUs);
  return {
    unknown: addUp(groups.filter((group) => sortOf(group) === "unknown")),
    refused: addUp(groups.filter((group) => sortOf(group) === "refused")),
    blamingUs: sum(blaming),
    domainsBlamingUs: new Set(blaming.map((group) => group.domain)).size,
  };
}

/** The groups that speak for an incident of this kind, the most frequent first. */
export function groupsBehind(kind: IncidentKind, groups: readonly FailureGroup[]): readonly FailureGroup[] {
  const speaks = (group: FailureGroup): boolean =>
    kind === "refused-because-of-us"
      ? isBlamingUs(group)
      : sortOf(group) === (kind === "many-unknown" ? "unknown" : "refused");
  return groups.filter((group) => group.count > 0 && speaks(group)).toSorted((one, other) => other.count - one.count);
}

/** Only failures for good are counted, so the remote's word on permanence is known: what bounced had been refused for good. */
function sortOf(group: FailureGroup): "unknown" | "refused" | null {
  return sortFailure(group.cause, true);
}

function isBlamingUs(group: FailureGroup): boolean {
  return group.count > 0 && sortOf(group) === "refused" && blamesUs(group.cause, group.rule);
}

function addUp(groups: readonly FailureGroup[]): Failures {
  const late = sum(groups.filter((group) => group.late));
  return { live: sum(groups) - late, late };
}

function sum(groups: readonly FailureGroup[]): number {
  return groups.reduce((total, group) => total + group.count, 0);
}

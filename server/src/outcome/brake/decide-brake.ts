/**
 * Decides when so much fails that going on does harm: a domain is held, or a whole round stops. Pure: counts come in,
 * a kind of incident or null comes out. All counts are of one window of time; what a person has already looked at and
 * continued is not in them.
 */

/**
 * `many-unknown`: a domain says of too many people that they do not exist. `refused-by-their-system`: a filter or rule
 * of theirs is in the way. `refused-because-of-us`: several domains name us as the reason.
 */
export type IncidentKind = "many-unknown" | "refused-by-their-system" | "refused-because-of-us";

/** Failures for good: `live` in answer to our try, `late` by a notice after a mail had been accepted. */
export interface Failures {
  readonly live: number;
  readonly late: number;
}

export interface DomainCounts {
  /** Recipients of the round at this domain. */
  readonly people: number;
  /** Mails that the domain took in the window; may be counted no further than `arrivedThatMatter`. */
  readonly arrived: number;
  /** The address is to blame. */
  readonly unknown: Failures;
  /** Their system, or what it thinks of us, is to blame. */
  readonly refused: Failures;
}

export interface RoundCounts extends DomainCounts {
  /** Refusals that name us as the reason, and how many domains said so. */
  readonly blamingUs: number;
  readonly domainsBlamingUs: number;
}

/** A brake takes hold above `most` failures **and** above `share` of the whole, once the whole is at least `of`. */
export interface Limit {
  readonly most: number;
  readonly share: number;
  readonly of: number;
}

export interface BrakeLimits {
  readonly windowMs: number;
  /** No more than so many of the latest failures are looked at: where more failed, the window is that much shorter. */
  readonly latest: number;
  readonly unknown: Limit;
  readonly refused: Limit;
  /** Nobody of the domain got through, this many failed, and one of them by their system: no need to wait for more. */
  readonly nobodyGotThrough: number;
  readonly roundUnknown: Limit;
  readonly blamingUs: { readonly domains: number; readonly share: number };
  /** After a person continued, so many times as much must fail before the brake takes hold again. */
  readonly timesAfterContinue: number;
}

export const defaultBrakes = {
  windowMs: 10 * 60_000,
  latest: 100,
  unknown: { most: 5, share: 0.05, of: 0 },
  refused: { most: 2, share: 0.05, of: 0 },
  nobodyGotThrough: 3,
  roundUnknown: { most: 5, share: 0.1, of: 50 },
  blamingUs: { domains: 2, share: 0.01 },
  timesAfterContinue: 5,
} satisfies BrakeLimits;

/** A domain of one person never brakes: there is nobody else to protect. */
export function decideDomainBrake(
  counts: DomainCounts,
  limits: BrakeLimits,
  wasContinued: boolean,
): IncidentKind | null {
  if (counts.people < 2) return null;
  const times = wasContinued ? limits.timesAfterContinue : 1;
  if (isTooMany(counts.refused, counts, loosen(limits.refused, times))) return "refused-by-their-system";
  if (!wasContinued && hasNobodyGotThrough(counts, limits.nobodyGotThrough)) return "refused-by-their-system";
  return isTooMany(counts.unknown, counts, loosen(limits.unknown, times)) ? "many-unknown" : null;
}

/** Test rounds have too few people for the share of unknown ones; several domains that blame us stop them too. */
export function decideRoundBrake(counts: RoundCounts, limits: BrakeLimits, wasContinued: boolean): IncidentKind | null {
  const times = wasContinued ? limits.timesAfterContinue : 1;
  const { domains, share } = limits.blamingUs;
  const isBlamed = counts.domainsBlamingUs >= domains && counts.blamingUs >= domains * times;
  if (isBlamed && counts.blamingUs >= share * triedOf(counts)) return "refused-because-of-us";
  return isTooMany(counts.unknown, counts, loosen(limits.roundUnknown, times)) ? "many-unknown" : null;
}

/** Arrivals beyond this number acquit whatever failed, so nobody need count further. */
export function arrivedThatMatter(counts: Omit<RoundCounts, "arrived" | "people">, limits: BrakeLimits): number {
  const { unknown, refused, roundUnknown, blamingUs } = limits;
  return Math.ceil(
    Math.max(
      counts.unknown.live / Math.min(unknown.share, roundUnknown.share),
      counts.refused.live / refused.share,
      counts.blamingUs / blamingUs.share,
      roundUnknown.of * limits.timesAfterContinue,
    ),
  );
}

/**
 * Two wholes, because two things can go wrong. What fails live is compared with what was tried in the same window, so
 * that a domain that breaks while mail goes out slowly is noticed. Late notices speak of mail that was accepted long
 * before; with them, all people of the domain are the whole.
 */
function isTooMany({ live, late }: Failures, counts: DomainCounts, { most, share, of }: Limit): boolean {
  const isAbove = (failed: number, whole: number): boolean => whole >= of && failed > Math.max(most, share * whole);
  return isAbove(live, triedOf(counts)) || isAbove(live + late, counts.people);
}

/** A pair of people is nobody only when both were refused; from three on one refusal among the failures is enough. */
function hasNobodyGotThrough({ people, arrived, unknown, refused }: DomainCounts, enough: number): boolean {
  const failed = unknown.live + refused.live;
  if (arrived > 0 || refused.live === 0) return false;
  return failed >= enough || (refused.live === failed && failed >= people);
}

function triedOf({ arrived, unknown, refused }: DomainCounts): number {
  return arrived + unknown.live + refused.live;
}

function loosen({ most, share, of }: Limit, times: number): Limit {
  return { most: most * times, share, of: of * times };
}

/**
 * How many mails a day a new address of ours may send to one provider: little at first, more after each day on which it
 * was really used, without end after thirty such days, and less again when it has lain idle. Pure: the history of use in,
 * a number out. Which address a mail takes is decided in choose-address.ts.
 */

/** Mails that went by one address to one provider on one day. */
export interface DayOfUse {
  /** A day of UTC, as `2026-11-24`. */
  readonly day: string;
  readonly sent: number;
}

/** One address towards one provider: what a ceiling is about. */
export interface UseKey {
  readonly address: string;
  readonly provider: string;
}

export function useKey({ address, provider }: UseKey): string {
  return `${address} ${provider}`;
}

interface WarmUpPlan {
  readonly provider: string;
  readonly firstDay: number;
  /** What the best day so far is multiplied by: up to `steepUntil` mails a day, and beyond. */
  readonly steepFactor: number;
  readonly steepUntil: number;
  readonly factor: number;
  readonly source: string;
}

const plans: readonly WarmUpPlan[] = [
  {
    provider: "default",
    firstDay: 50,
    steepFactor: 2,
    steepUntil: 1000,
    factor: 1.5,
    source: "Amazon SES, dedicated addresses: full use within about 45 days; 1.5 times the peak of the last days",
  },
  {
    provider: "yahoo",
    firstDay: 50,
    steepFactor: 1.5,
    steepUntil: Infinity,
    factor: 1.5,
    source: "SendGrid support: Yahoo defers new addresses from about 100 mails an hour, 50 advised",
  },
  {
    provider: "own",
    firstDay: 200,
    steepFactor: 2,
    steepUntil: 1000,
    factor: 1.5,
    source: "own start figure: one company's own server keeps no score of the whole world's senders",
  },
];

/** Nothing of ours arrives there with an address that anybody judges. */
const unjudged: ReadonlySet<string> = new Set(["relay", "world"]);
const practisedDays = 30;
const halfLifeDays = 30;
/** More practice than this is not remembered, so that any address has a ceiling again after thirty idle days. */
const mostPractice = 60;
const dayMs = 86_400_000;

/**
 * Mails that may go by the address to the provider on the day of `now`, those sent already included; null: no ceiling.
 * Use of that day itself does not count yet, and the order of the history does not matter.
 */
export function ceilingToday(history: readonly DayOfUse[], provider: string, now: Date): number | null {
  if (unjudged.has(provider)) return null;
  const plan = planOf(provider);
  const today = dayNumber(now.toISOString());
  const days = history
    .map(({ day, sent }) => ({ day: dayNumber(day), sent }))
    .filter(({ day, sent }) => day < today && sent > 0)
    .toSorted((left, right) => left.day - right.day);
  let warmth: Warmth = { best: 0, practice: 0 };
  let last = days[0]?.day ?? today;
  for (const { day, sent } of days) {
    warmth = afterUse(plan, afterIdle(warmth, day - last - 1), sent);
    last = day;
  }
  return ceilingAt(plan, afterIdle(warmth, today - last - 1));
}

/** The ceilings of today and the days after it, where every day is used to the full; `days` at least 1. */
export function plannedCeilings(
  history: readonly DayOfUse[],
  provider: string,
  now: Date,
  days: number,
): readonly (number | null)[] {
  const today = now.toISOString().slice(0, 10);
  let known = history.filter(({ day }) => day < today);
  return Array.from({ length: days }, (_, index) => {
    const at = new Date(now.getTime() + index * dayMs);
    const ceiling = ceilingToday(known, provider, at);
    known = [...known, { day: at.toISOString().slice(0, 10), sent: ceiling ?? Infinity }];
    return ceiling;
  });
}

/** Where an address stands today with one provider. */
export interface UseToday {
  readonly provider: string;
  readonly sent: number;
  readonly ceiling: number | null;
}

/** By provider, for those it was ever used for; `use` as keyed by `useKey`. Only a warming address has ceilings. */
export function useToday(
  use: ReadonlyMap<string, readonly DayOfUse[]>,
  { address, state }: { readonly address: string; readonly state: string },
  now: Date,
): readonly UseToday[] {
  const today = now.toISOString().slice(0, 10);
  return [...use]
    .filter(([key]) => key.startsWith(`${address} `))
    .map(([key, history]) => {
      const provider = key.slice(address.length + 1);
      const sent = history.find(({ day }) => day === today)?.sent ?? 0;
      return { provider, sent, ceiling: state === "warming" ? ceilingToday(history, provider, now) : null };
    })
    .toSorted((left, right) => right.sent - left.sent || left.provider.localeCompare(right.provider));
}

/** What an address has shown so far. */
interface Warmth {
  /** Mails on its best day, faded by idle days. */
  readonly best: number;
  /** Days of real use, faded likewise. */
  readonly practice: number;
}

/** A day counts as practice in full when half of what was allowed was used: one mail a day proves nothing. */
function afterUse(plan: WarmUpPlan, { best, practice }: Warmth, sent: number): Warmth {
  const ceiling = ceilingAt(plan, { best, practice });
  const counted = Math.min(sent, ceiling ?? sent);
  const share = Math.min(1, (2 * counted) / (ceiling ?? plan.firstDay));
  return { best: Math.max(best, counted), practice: Math.min(mostPractice, practice + share) };
}

function afterIdle({ best, practice }: Warmth, days: number): Warmth {
  const fade = 0.5 ** (Math.max(0, days) / halfLifeDays);
  return { best: best * fade, practice: practice * fade };
}

function ceilingAt(plan: WarmUpPlan, { best, practice }: Warmth): number | null {
  if (practice >= practisedDays) return null;
  const steep = Math.min(best, plan.steepUntil) * plan.steepFactor;
  const grown = best < plan.steepUntil ? steep : Math.max(steep, best * plan.factor);
  return Math.max(plan.firstDay, Math.floor(grown));
}

function planOf(provider: string): WarmUpPlan {
  const word = provider.startsWith("own:") ? "own" : provider;
  return plans.find((plan) => plan.provider === word) ?? (plans[0] as WarmUpPlan);
}

function dayNumber(day: string): number {
  return Math.floor(Date.parse(`${day.slice(0, 10)}T00:00:00Z`) / dayMs);
}

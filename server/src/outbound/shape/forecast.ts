/**
 * When a round will be out, and what it waits for: people per provider, poured through the lanes as they are now, within
 * the hours in which mail may leave. Pure. It knows nothing of refusals and retries: it says when the first tries are done.
 */

/** People of a round whose mail goes to one provider. */
export interface Demand {
  readonly provider: string;
  readonly people: number;
}

/** What is known of a lane that leads there. */
export interface ForecastLane {
  readonly provider: string;
  /** Mails a second; null is no limit. */
  readonly perSecond: number | null;
  /** 1 at least. */
  readonly connections: number;
  /** How long one mail keeps a connection busy, as measured; more than 0. */
  readonly secondsPerMail: number;
  readonly pausedUntil: Date | null;
  /** Mails that may still go on the day of the start, on the next day of UTC …; the last one holds on; null: no ceiling. */
  readonly ceilings: readonly (number | null)[];
}

/** The hours of each day in which mail may leave, in minutes since midnight: `from` < `to` ≤ 1440. */
export interface DeliveryWindow {
  readonly timeZone: string;
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly weekdaysOnly: boolean;
}

export type HeldBy = "pace" | "connections" | "warm-up" | "pause" | "no-lane";

export interface ProviderForecast extends Demand {
  /** Null: not within a year. */
  readonly finishesAt: Date | null;
  readonly heldBy: HeldBy;
  /** All lanes to the provider together. */
  readonly perSecond: number;
  /** Mails that may go on the day of the start; null: no ceiling. */
  readonly firstDay: number | null;
}

export interface Forecast {
  readonly startsAt: Date;
  /** Null: not within a year. */
  readonly finishesAt: Date | null;
  /** The provider that finishes last; null when there is nobody to write to. */
  readonly bottleneck: ProviderForecast | null;
  /** In the order in which they finish. */
  readonly providers: readonly ProviderForecast[];
}

export interface RoundPlan {
  readonly demands: readonly Demand[];
  readonly lanes: readonly ForecastLane[];
  /** Null: at any hour. */
  readonly window: DeliveryWindow | null;
  readonly startsAt: Date;
}

export function forecastRound({ demands, lanes, window, startsAt }: RoundPlan): Forecast {
  const stretches = openStretches(startsAt, window);
  const providers = demands
    .filter(({ people }) => people > 0)
    .map((demand) => {
      const its = lanes.filter(({ provider }) => provider === demand.provider);
      return forecastProvider(demand, its, stretches);
    })
    .toSorted((left, right) => endOf(left) - endOf(right));
  const bottleneck = providers.at(-1) ?? null;
  return { startsAt, finishesAt: bottleneck ? bottleneck.finishesAt : startsAt, bottleneck, providers };
}

/** Adds up people per domain to people per provider; `providerOf` says whose servers a domain's mail goes to. */
export function sumDemand(
  domains: readonly { readonly domain: string; readonly people: number }[],
  providerOf: (domain: string) => string,
): readonly Demand[] {
  const sums = new Map<string, number>();
  for (const { domain, people } of domains) {
    const provider = providerOf(domain);
    sums.set(provider, (sums.get(provider) ?? 0) + people);
  }
  return [...sums].map(([provider, people]) => ({ provider, people }));
}

/** One sentence, such as `3 h 20 min; the Google lane is the bottleneck: 4,100 mails at 20 a minute`. */
export function explainForecast({ startsAt, finishesAt, bottleneck }: Forecast): string {
  if (!bottleneck) return "There is nobody to write to.";
  const { provider, people, heldBy } = bottleneck;
  const lane = `the ${explainProvider(provider)} lane is the bottleneck`;
  const mails = people === 1 ? "1 mail" : `${write(people)} mails`;
  if (heldBy === "no-lane") return `Never; there is no way to ${explainProvider(provider)} for ${mails}.`;
  const span = finishesAt ? explainSpan(finishesAt.getTime() - startsAt.getTime()) : "More than a year";
  return `${span}; ${lane}: ${mails} ${explainHold(bottleneck)}`;
}

/** The same with those who are not counted; null when there is nothing left to say. */
export function summariseForecast(
  forecast: Forecast,
  unreachable: readonly { readonly domain: string; readonly people: number }[],
): string | null {
  if (!forecast.bottleneck && unreachable.length === 0) return null;
  const sentence = forecast.bottleneck ? [explainForecast(forecast).replace(/\.?$/, ".")] : [];
  return [...sentence, explainUnreachable(unreachable) ?? ""].join(" ").trim();
}

/** Who is not counted, because no mail server takes their mail for now; null where there is nobody. */
export function explainUnreachable(
  domains: readonly { readonly domain: string; readonly people: number }[],
): string | null {
  if (domains.length === 0) return null;
  const people = domains.reduce((sum, each) => sum + each.people, 0);
  const shown = domains.slice(0, 5).map(({ domain }) => domain);
  const more = domains.length > shown.length ? ` and ${write(domains.length - shown.length)} more` : "";
  const [who, are] = people === 1 ? ["1 person", "is"] : [`${write(people)} people`, "are"];
  return `${who} cannot be reached as things are and ${are} not counted: ${shown.join(", ")}${more}.`;
}

// ---- one provider ------------------------------------------------------------------------------------------------

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  /** Days of UTC since the day of the start. */
  readonly day: number;
}

/** A lane in one stretch: from when, how fast, how many. */
interface Flow {
  readonly fromMs: number;
  readonly perMs: number;
  readonly room: number;
}

function forecastProvider(
  demand: Demand,
  lanes: readonly ForecastLane[],
  stretches: readonly Stretch[],
): ProviderForecast {
  const perSecond = lanes.reduce((sum, lane) => sum + paceOf(lane), 0);
  const poured = pour(demand.people, lanes, stretches);
  const firstDay = lanes.reduce<number | null>((sum, lane) => {
    const ceiling = ceilingOn(lane, 0);
    return sum === null || ceiling === Infinity ? null : sum + ceiling;
  }, 0);
  const heldBy = lanes.length === 0 ? "no-lane" : explainLimit(lanes, poured, stretches[0]?.fromMs ?? 0);
  return { ...demand, finishesAt: poured.endMs === null ? null : new Date(poured.endMs), heldBy, perSecond, firstDay };
}

interface Poured {
  readonly endMs: number | null;
  /** A day's ceiling was used up before the end. */
  readonly hitCeiling: boolean;
}

function pour(people: number, lanes: readonly ForecastLane[], stretches: readonly Stretch[]): Poured {
  let left = people;
  let day = -1;
  let rooms: number[] = [];
  let hitCeiling = false;
  for (const stretch of stretches) {
    if (stretch.day !== day) rooms = lanes.map((lane) => ceilingOn(lane, stretch.day));
    day = stretch.day;
    const flows = lanes.map((lane, index) => flowIn(stretch, lane, rooms[index] ?? 0));
    const possible = sentBy(flows, stretch.toMs);
    if (possible >= left) return { endMs: whenSent(flows, left, stretch), hitCeiling };
    left -= possible;
    rooms = flows.map((flow) => flow.room - sentBy([flow], stretch.toMs));
    hitCeiling ||= rooms.some((room) => room < 1);
  }
  return { endMs: null, hitCeiling };
}

function flowIn(stretch: Stretch, lane: ForecastLane, room: number): Flow {
  const fromMs = Math.max(stretch.fromMs, lane.pausedUntil?.getTime() ?? 0);
  return { fromMs, perMs: paceOf(lane) / 1000, room };
}

/** Mails out by then; the first one leaves at once. */
function sentBy(flows: readonly Flow[], atMs: number): number {
  return flows.reduce((sum, { fromMs, perMs, room }) => sum + Math.min(room, Math.max(0, atMs - fromMs) * perMs), 0);
}

function whenSent(flows: readonly Flow[], mails: number, { fromMs, toMs }: Stretch): number {
  let [before, after] = [fromMs, toMs];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (sentBy(flows, middle) >= mails) after = middle;
    else before = middle;
  }
  return after;
}

function explainLimit(lanes: readonly ForecastLane[], { endMs, hitCeiling }: Poured, startMs: number): HeldBy {
  if (hitCeiling) return "warm-up";
  const pauseEndMs = Math.max(...lanes.map(({ pausedUntil }) => pausedUntil?.getTime() ?? 0));
  if (endMs !== null && pauseEndMs - startMs > endMs - pauseEndMs) return "pause";
  const isPaced = lanes.some(({ perSecond, ...lane }) => perSecond !== null && perSecond < connectionPace(lane));
  return isPaced ? "pace" : "connections";
}

function paceOf(lane: ForecastLane): number {
  return Math.min(lane.perSecond ?? Infinity, connectionPace(lane));
}

function connectionPace({ connections, secondsPerMail }: Pick<ForecastLane, "connections" | "secondsPerMail">): number {
  return connections / secondsPerMail;
}

function ceilingOn({ ceilings }: ForecastLane, day: number): number {
  const ceiling = day < ceilings.length ? ceilings[day] : ceilings.at(-1);
  return ceiling ?? Infinity;
}

function endOf({ finishesAt }: ProviderForecast): number {
  return finishesAt?.getTime() ?? Infinity;
}

// ---- open hours --------------------------------------------------------------------------------------------------

const longestDays = 366;

/** The stretches of time in which mail may leave, cut at each midnight of UTC, for a year. */
function openStretches(startsAt: Date, window: DeliveryWindow | null): readonly Stretch[] {
  const startMs = startsAt.getTime();
  const startDay = Math.floor(startMs / dayMs);
  const hours =
    window === null ? [{ fromMs: startMs, toMs: startMs + longestDays * dayMs }] : openHours(startMs, window);
  return hours.flatMap(({ fromMs, toMs }) => {
    const cuts: Stretch[] = [];
    for (let at = Math.max(fromMs, startMs); at < toMs;) {
      const day = Math.floor(at / dayMs);
      const end = Math.min(toMs, (day + 1) * dayMs);
      cuts.push({ fromMs: at, toMs: end, day: day - startDay });
      at = end;
    }
    return cuts;
  });
}

const dayMs = 86_400_000;

function openHours(startMs: number, window: DeliveryWindow): readonly { fromMs: number; toMs: number }[] {
  const first = Temporal.Instant.fromEpochMilliseconds(startMs).toZonedDateTimeISO(window.timeZone).toPlainDate();
  const days = Array.from({ length: longestDays }, (_, index) => first.add({ days: index }));
  return days
    .filter(({ dayOfWeek }) => !window.weekdaysOnly || dayOfWeek <= 5)
    .map((day) => ({ fromMs: minuteOf(day, window.fromMinute, window), toMs: minuteOf(day, window.toMinute, window) }));
}

/** By the clock on the wall: nine is nine on the day the clocks change, too. */
function minuteOf(day: Temporal.PlainDate, minute: number, { timeZone }: DeliveryWindow): number {
  const midnight = day.toPlainDateTime();
  return midnight.add({ minutes: minute }).toZonedDateTime(timeZone).epochMilliseconds;
}

// ---- words -------------------------------------------------------------------------------------------------------

/** How fast the mails to a provider go, or why they do not: the end of a sentence. */
export function explainHold({ heldBy, perSecond, firstDay }: ProviderForecast): string {
  switch (heldBy) {
    case "warm-up":
      return firstDay === 0
        ? "while our address is new there; today's share has left already"
        : `while our address is new there, at most ${write(firstDay ?? 0)} of them on the first day`;
    case "pause":
      return "that wait for the end of a pause which their servers asked for";
    case "pace":
    case "connections":
    case "no-lane":
      return `at ${explainPace(perSecond)}`;
  }
}

function explainPace(perSecond: number): string {
  if (perSecond >= 1) return `${write(Math.round(perSecond))} a second`;
  const perMinute = perSecond * 60;
  return perMinute >= 1 ? `${write(Math.round(perMinute))} a minute` : `${write(Math.round(perMinute * 60))} an hour`;
}

function explainSpan(spanMs: number): string {
  const minutes = Math.ceil(spanMs / 60_000);
  if (minutes <= 1) return "Less than a minute";
  if (minutes < 60) return `${String(minutes)} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${String(hours)} h` : `${String(hours)} h ${String(minutes % 60)} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${String(days)} days` : `${String(days)} days ${String(hours % 24)} h`;
}

const names: Readonly<Record<string, string>> = { gmx: "GMX", ses: "Amazon SES", ovh: "OVH", ionos: "IONOS" };

/** As people know it: `Google`, or the domain of somebody's own server. */
export function explainProvider(provider: string): string {
  if (provider.startsWith("own:")) return provider.slice(4);
  return names[provider] ?? provider.replace(/^./, (letter) => letter.toUpperCase());
}

function write(count: number): string {
  return count.toLocaleString("en-GB");
}

/**
 * Gathers what the forecast of a round is made from: people by domain, where their mail goes, the lanes as they are now,
 * and the ceilings of the addresses that may carry it. It counts one round alone, as if no other were sending; and it
 * changes nothing.
 */
import type { Queryable } from "../../ground/database.store.ts";
import { laneFrom } from "../route/lane-from.ts";
import type { Lane, Route } from "../route/route.ts";
import { Turns } from "../route/turns.ts";
import { type AddressPool, type LaneRoute, rememberedMs } from "./address-pool.store.ts";
import { countByDomain, type DomainCount } from "./audience.store.ts";
import type { SendingAddress } from "./choose-address.ts";
import { type Forecast, type ForecastLane, forecastRound, sumDemand } from "./forecast.ts";
import { type SeenLane, seeLanes } from "./lane.store.ts";
import { isChosenHost, profileOf } from "./profiles.ts";
import { loadUse } from "./sending-address.store.ts";
import { type DayOfUse, plannedCeilings, useKey } from "./warm-up.ts";

export interface ForecastParts {
  readonly engine: Queryable;
  readonly channel: { route(domain: string): Promise<Route> };
  readonly pool?: AddressPool;
  /** Of each sender, to a host of our own choosing (relay, world). */
  readonly connections: number;
}

export interface RoundForecast extends Forecast {
  /** Left out of the forecast: nothing can be handed to these domains as things are. */
  readonly unreachable: readonly (DomainCount & { readonly why: string })[];
}

const lookUpsAtOnce = 20;
/** The last of them holds on. */
const ceilingDays = 60;

/** For a round that starts, or goes on, now. */
export async function findForecast(
  parts: ForecastParts,
  { orgId, roundId }: { readonly orgId: number; readonly roundId: number },
  now: Date,
): Promise<RoundForecast> {
  await parts.pool?.refresh();
  const counts = await countByDomain(parts.engine, orgId, roundId, now);
  const routes = await lookUp(parts, counts);
  const unreachable: (DomainCount & { why: string })[] = [];
  const reached: { domain: string; people: number; route: LaneRoute }[] = [];
  for (const [index, count] of counts.entries()) {
    const route = routes[index];
    if (route?.kind === "lane") reached.push({ ...count, route });
    else unreachable.push({ ...count, why: route?.word.text ?? "" });
  }
  const providerOf = new Map(reached.map(({ domain, route }) => [domain, route.lane.provider]));
  const demands = sumDemand(reached, (domain) => providerOf.get(domain) ?? "");
  const ways = listWays(
    parts,
    orgId,
    reached.map(({ route }) => route),
  );
  const lanes = await describeLanes(parts, ways, now);
  return { ...forecastRound({ demands, lanes, window: null, startsAt: now }), unreachable };
}

async function lookUp({ channel }: ForecastParts, counts: readonly DomainCount[]): Promise<readonly (Route | null)[]> {
  const turns = new Turns({ atOnce: lookUpsAtOnce, waitingMax: Infinity });
  return Promise.all(counts.map(({ domain }) => turns.take("look-up", () => channel.route(domain))));
}

/** A lane that the round may take, and our address on it where that has ceilings. */
interface Way {
  readonly lane: Lane;
  readonly warming: SendingAddress | null;
}

function listWays({ pool }: ForecastParts, orgId: number, routes: readonly LaneRoute[]): readonly Way[] {
  const ways = new Map<string, Way>();
  for (const route of routes) {
    if (!pool) ways.set(route.lane.key, { lane: route.lane, warming: null });
    for (const own of pool?.listBeginning(orgId, route) ?? []) {
      const lane = laneFrom(own, route.lane.provider);
      ways.set(lane.key, { lane, warming: own.state === "warming" ? own : null });
    }
  }
  return [...ways.values()];
}

async function describeLanes(
  { engine, connections }: ForecastParts,
  ways: readonly Way[],
  now: Date,
): Promise<readonly ForecastLane[]> {
  const seen = await seeLanes(
    engine,
    ways.map(({ lane }) => lane),
  );
  const nodes = await countSenders(engine);
  const warming = ways.flatMap((way) => (way.warming ? [way.warming.address] : []));
  const providers = [...new Set(ways.map(({ lane }) => lane.provider))];
  const since = new Date(now.getTime() - rememberedMs);
  const use = warming.length === 0 ? new Map() : await loadUse(engine, [...new Set(warming)], since, providers);
  return ways.flatMap(({ lane, warming: own }) => {
    const state = seen.get(lane.key);
    if (!state) return [];
    const key = own && useKey({ address: own.address, provider: lane.provider });
    const ceilings = key === null ? [null] : ceilingsLeft(use.get(key) ?? [], lane.provider, now);
    return [{ ...describeLane(lane, state, connections * nodes), ceilings }];
  });
}

function describeLane(
  { provider }: Lane,
  { state, secondsPerMail }: SeenLane,
  ownConnections: number,
): Omit<ForecastLane, "ceilings"> {
  const profile = profileOf(provider);
  const share = state.connections / profile.connections;
  return {
    provider,
    perSecond: state.perSecond,
    connections: Math.max(
      1,
      isChosenHost(provider) ? Math.round(ownConnections * Math.min(1, share)) : state.connections,
    ),
    secondsPerMail: secondsPerMail ?? profile.secondsPerMail,
    pausedUntil: state.pausedUntil,
  };
}

/** What has gone today is no longer free today. */
function ceilingsLeft(history: readonly DayOfUse[], provider: string, now: Date): readonly (number | null)[] {
  const today = now.toISOString().slice(0, 10);
  const sent = history.find(({ day }) => day === today)?.sent ?? 0;
  const [first = null, ...rest] = plannedCeilings(history, provider, now, ceilingDays);
  return [first === null ? null : Math.max(0, first - sent), ...rest];
}

async function countSenders(engine: Queryable): Promise<number> {
  const counted = await engine.query<{ nodes: number }>({
    name: "count-nodes",
    text: "select count(*) as nodes from node where ended_at is null and lease_until > clock_timestamp()",
  });
  return Math.max(1, counted.rows[0]?.nodes ?? 1);
}

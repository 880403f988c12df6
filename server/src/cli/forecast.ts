/** `roundtrip forecast <round>`: when the first tries of a round will be done, and what it waits for. Launches nothing. */
import { createLog } from "../ground/log.process.ts";
import { inOrganisation } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import { systemChance, systemClock } from "../ground/system-clock.process.ts";
import { listRounds, type RoundFacts } from "../outbound/round/round.store.ts";
import { findWayOut } from "../outbound/send/way-out.smtp.ts";
import { findForecast, type RoundForecast } from "../outbound/shape/find-forecast.store.ts";
import {
  explainForecast,
  explainHold,
  explainProvider,
  explainUnreachable,
  type ProviderForecast,
} from "../outbound/shape/forecast.ts";
import { visitDatabase } from "./visit.ts";

/** The text for people, or one JSON document. Throws a Refusal for a round that is not there, or is over. */
export async function writeForecast(
  environment: NodeJS.ProcessEnv,
  roundId: number,
  options: { readonly json: boolean; readonly now: Date },
): Promise<string> {
  return visitDatabase(environment, async ({ config, database, orgId }) => {
    const round = pickRound(await inOrganisation(database, orgId, (client) => listRounds(client, orgId)), roundId);
    const { engine } = database;
    const portFor = () => (config.channel.kind === "world" ? config.channel.port : null) ?? 0;
    const out = findWayOut(config, {
      engine,
      clock: systemClock,
      chance: systemChance,
      log: createLog("silent"),
      portFor,
    });
    const parts = { engine, ...out, connections: config.connections };
    const forecast = await findForecast(parts, { orgId, roundId }, options.now);
    return options.json ? JSON.stringify(present(round, forecast)) : explain(round, forecast);
  });
}

function pickRound(rounds: readonly RoundFacts[], roundId: number): RoundFacts {
  const round = rounds.find(({ id }) => id === roundId);
  if (round && round.state !== "closed" && round.state !== "stopped") return round;
  const others = rounds.filter(({ state }) => state !== "closed" && state !== "stopped");
  const hint =
    others.length === 0
      ? "No round is a draft or open."
      : `Choose one of: ${others.map(({ id, name }) => `${String(id)} (${name})`).join(", ")}.`;
  const why = round
    ? `Round ${String(roundId)} is ${round.state}, so nothing of it will be sent.`
    : `There is no round ${String(roundId)}.`;
  throw new Refusal("no-forecast", `${why} ${hint}`);
}

function present(
  round: RoundFacts,
  { startsAt, finishesAt, bottleneck, providers, unreachable, ...rest }: RoundForecast,
) {
  const sentence = explainForecast({ startsAt, finishesAt, bottleneck, providers, ...rest });
  const { id, name, state } = round;
  return { round: id, name, state, sentence, startsAt, finishesAt, bottleneck, providers, unreachable };
}

function explain(round: RoundFacts, forecast: RoundForecast): string {
  const head = `${round.name} (${round.state}): ${explainForecast(forecast)}`;
  const unreachable = explainUnreachable(forecast.unreachable);
  return [head, ...forecast.providers.map(explainLine), ...(unreachable === null ? [] : [unreachable])].join("\n");
}

function explainLine(provider: ProviderForecast): string {
  const { people, finishesAt } = provider;
  const end = finishesAt ? `done ${finishesAt.toISOString().slice(0, 16).replace("T", " ")} UTC` : "never done";
  return `  ${explainProvider(provider.provider).padEnd(24)} ${String(people).padStart(9)}  ${end}  ${explainHold(provider)}`;
}

/**
 * A sending node taken apart into its steps, so that anything may happen between two of them: claim, mark, hand over,
 * record. It calls the real store functions and the real decisions, in the order in which the sender calls them.
 */
import type { Database } from "../../server/src/ground/database.store.ts";
import { decideStep, type SendingRules } from "../../server/src/outcome/delivery.ts";
import { type AttemptOutcome, recordOutcomes } from "../../server/src/outcome/outcome.store.ts";
import { defaultRetryPolicy } from "../../server/src/outcome/retry-policy.ts";
import {
  claimDue,
  type Claimed,
  markSubmitting,
  type OpenRound,
  releaseClaims,
} from "../../server/src/outbound/send/queue.store.ts";
import { type Reading, readSubmission } from "../../server/src/outbound/send/submission-outcome.ts";
import type { SimulatedHost } from "./simulated-host.ts";

/** A mail in the hands of a node, and how far it has come. */
export interface Holding {
  readonly claimed: Claimed;
  readonly round: OpenRound;
  stage: "ready" | "marked" | "answered";
  reading: Reading | null;
}

export interface NodeParts {
  readonly database: Database;
  readonly host: SimulatedHost;
  readonly unknownResendMs: number;
  readonly chance: () => number;
}

export class SimulatedNode {
  /** As the database calls it; a node that was declared dead starts anew under another id and keeps what it has begun. */
  id: number;
  readonly name: string;
  readonly skewMs: number;
  holdings: Holding[] = [];
  readonly #parts: NodeParts;

  constructor(parts: NodeParts, name: string, id: number, skewMs: number) {
    this.#parts = parts;
    this.name = name;
    this.id = id;
    this.skewMs = skewMs;
  }

  at(stage: Holding["stage"]): readonly Holding[] {
    return this.holdings.filter((holding) => holding.stage === stage);
  }

  async claim(round: OpenRound, now: Date, most: number): Promise<readonly Claimed[]> {
    const wants = ["example.com", "example.org"].map((domain) => ({ domain, most }));
    const found = await claimDue(this.#parts.database.engine, round, this.id, { now, most, wants });
    const claims = [...found.claimed].sort((left, right) => left.id - right.id);
    this.holdings.push(...claims.map((claimed) => ({ claimed, round, stage: "ready" as const, reading: null })));
    return claims;
  }

  /** What is refused is given back, as the sender does it. */
  async mark(holdings: readonly Holding[], now: Date): Promise<readonly Holding[]> {
    const answers = await markSubmitting(this.#parts.database.engine, this.id, holdings.map(toMark));
    const marked = holdings.filter((_, index) => answers[index]);
    for (const holding of marked) holding.stage = "marked";
    const refused = holdings.filter((_, index) => !answers[index]);
    if (refused.length > 0) await this.release(refused, now);
    return marked;
  }

  /** The whole mail leaves; its answer comes back sooner or later. */
  handOver(holding: Holding): void {
    holding.reading = readSubmission(this.#parts.host.take(holding.claimed), "relay");
    holding.stage = "answered";
  }

  /** No connection, or a refusal before the mark: nothing of it has left. */
  turnAway(holding: Holding): void {
    holding.reading = readSubmission(this.#parts.host.turnAway(), "relay");
    holding.stage = "answered";
  }

  async release(holdings: readonly Holding[], now: Date): Promise<void> {
    this.#drop(holdings);
    await releaseClaims(this.#parts.database.engine, this.id, holdings.map(toMark), now);
  }

  /** `times` is 2 where the answer to the first commit was lost. */
  async record(holdings: readonly Holding[], now: Date, times: number): Promise<readonly AttemptOutcome[]> {
    const outcomes = holdings.map((holding) => this.#conclude(holding, now));
    for (let time = 0; time < times; time++) await recordOutcomes(this.#parts.database, outcomes);
    this.#drop(holdings);
    return outcomes;
  }

  /** Declared dead: what was not begun is left to the others. */
  startAnew(id: number): void {
    this.id = id;
    this.holdings = this.holdings.filter((holding) => holding.stage !== "ready");
  }

  #conclude({ claimed, round, reading }: Holding, now: Date): AttemptOutcome {
    if (!reading) throw new Error("A mail without an answer has no outcome");
    const { unknownResendMs, chance } = this.#parts;
    const rules: SendingRules = { retry: defaultRetryPolicy, unknownResendMs, neverSendTwice: round.neverSendTwice };
    const when = { now, closesAt: round.closesAt, chance: chance() };
    const step = decideStep({ ...claimed, state: "submitting" }, reading.event, rules, when);
    if (!step) throw new Error(`No step for ${reading.event.kind}`);
    const { orgId, id, generation, fence } = claimed;
    return { orgId, id, generation, fence, at: now, step, ...reading };
  }

  #drop(holdings: readonly Holding[]): void {
    this.holdings = this.holdings.filter((holding) => !holdings.includes(holding));
  }
}

function toMark({ claimed }: Holding): { orgId: number; id: number; fence: number } {
  return { orgId: claimed.orgId, id: claimed.id, fence: claimed.fence };
}

/**
 * A sending node: claims due mails per lane, hands each to a connection, writes down what came of it. Promises that no
 * mail leaves before its submitting mark is committed, that nothing is submitted while outcomes cannot be written, and
 * that a stop ends with nothing unknown. What follows from an outcome is decided in `outcome/`, how fast a lane may go
 * in `shape/`, not here.
 */
import { setTimeout as wait } from "node:timers/promises";
import { createBatcher } from "../../ground/batcher.ts";
import type { Clock } from "../../ground/clock.ts";
import type { ConnectionSettings, Database } from "../../ground/database.store.ts";
import type { Log } from "../../ground/log.process.ts";
import { Refusal } from "../../ground/refusal.ts";
import { applyBrakes, type FailedDelivery } from "../../outcome/brake/apply-brakes.store.ts";
import { warnOfDelays } from "../../outcome/brake/warn-of-delays.store.ts";
import { decideStep } from "../../outcome/delivery.ts";
import type { RetryPolicy } from "../../outcome/retry-policy.ts";
import { composeMail, type PreparedRound } from "../outbound.ts";
import type { Lane, Route } from "../route/route.ts";
import type { AddressPool, LaneRoute } from "../shape/address-pool.store.ts";
import { closeDueRounds, stopRound } from "../round/round.store.ts";
import type { Channel } from "./channel.ts";
import { type KeptConnection, LaneRunner, type LaneWork } from "./lane-runner.job.ts";
import { LaneKeeper } from "./lane-keeper.store.ts";
import { type NodeLease, startNode, takeOverDeadNodes } from "./node.store.ts";
import { createOutcomeWriter, type OutcomeWriter } from "./outcome-writer.store.ts";
import { placeClaims, putOffHomeless } from "./place-claims.store.ts";
import { planClaims, type Stretch } from "./plan-claims.ts";
import {
  claimDue,
  type Claimed,
  listOpenRounds,
  listRoundDomains,
  type Mark,
  markSubmitting,
  type OpenRound,
  releaseClaims,
  requeueUnknown,
} from "./queue.store.ts";
import type { Connection } from "./smtp-connection.smtp.ts";
import { type Reading, readNoRoute, readSubmission } from "./submission-outcome.ts";

export interface SenderParts {
  readonly database: Database;
  readonly settings: ConnectionSettings;
  readonly channel: Channel;
  /** Where several of our addresses carry the mail (channel `mx`); without it, routes say all. */
  readonly pool?: AddressPool;
  readonly clock: Clock;
  readonly chance: () => number;
  readonly log: Log;
  readonly retry: RetryPolicy;
  /** Of each lane. */
  readonly connections: number;
  readonly leaseMs: number;
  readonly unknownResendMs: number;
  readonly name: string;
  /** Texts compiled, keys loaded. Throws a Refusal when the round cannot be sent as it is. */
  prepareRound(orgId: number, roundId: number): Promise<PreparedRound>;
}

export interface Sender {
  /** Mails handed to a connection and not finished. */
  readonly inFlight: number;
  /** Finishes what is under way, gives back what is not, and ends the node. Waits for a silent server at most `drainMs`. */
  stop(drainMs?: number): Promise<void>;
}

/** A claimed mail together with the round it belongs to and the way it goes. */
interface Ready {
  readonly claimed: Claimed;
  readonly round: OpenRound;
  readonly route: LaneRoute;
}

const readyMost = 2000;
const readyPerConnection = 25;
const claimMost = 500;
/** Under load marks gather this long between two commits: a commit costs as much for one of them as for many. */
const markGatherMs = 3;
const idlePollMs = 200;
const fullPollMs = 10;
const databaseDownPauseMs = 500;
const sweepMs = 1000;
const keepLanesMs = 500;
const delaysMs = 60_000;
const preparedForMs = 60_000;
const domainsForMs = 2000;
const routeForMs = 2000;
/** More unwritten outcomes than this and the database is too slow for us: connections wait. */
const pendingOutcomesMost = 2000;
const restMs = { first: 1000, longest: 30_000 };

class SendingNode implements Sender, LaneWork<Ready> {
  readonly #parts: SenderParts;
  readonly #lanes = new Map<string, LaneRunner<Ready>>();
  readonly #routes = new Map<string, { route: Route | null; until: number }>();
  /** Lanes that mail is claimed for together, by their keys: one, or those of all addresses that may carry it. */
  readonly #bundles = new Map<string, readonly Lane[]>();
  readonly #domains = new Map<number, { readonly domains: readonly string[]; readonly until: number }>();
  /** Lanes that a round had nothing more for, by round and lane, until it is worth asking again. */
  readonly #dry = new Map<string, number>();
  /** Lanes whose servers could not be reached, until when they rest and how long the next rest is. */
  readonly #rests = new Map<string, { readonly until: number; readonly pauseMs: number }>();
  readonly #keeper: LaneKeeper;
  readonly #outcomes: OutcomeWriter;
  readonly #brakes = createBatcher<FailedDelivery, void>(claimMost, (failed) => this.#applyBrakes(failed));
  readonly #marks = createBatcher<Mark, boolean>(
    claimMost,
    (marks) => markSubmitting(this.#parts.database.engine, this.#node.id, marks),
    () => wait(markGatherMs),
  );
  readonly #prepared = new Map<number, { readonly round: Promise<PreparedRound>; readonly until: number }>();
  readonly #open = new Set<Connection>();
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #loops: Promise<void>[] = [];
  /** Claims that could not be given back yet, because the database did not answer. */
  #unreleased: Claimed[] = [];
  #databaseDownUntil = 0;
  /** A claim may have been committed though its answer was lost: those mails belong to this node, which does not know of them. */
  #claimsInDoubt = false;
  #leasing: Promise<void> = Promise.resolve();
  #node: NodeLease;
  #inFlight = 0;
  #turn = 0;

  constructor(parts: SenderParts, node: NodeLease) {
    this.#parts = parts;
    this.#node = node;
    this.#keeper = new LaneKeeper({ ...parts, ownConnections: parts.connections });
    this.#outcomes = createOutcomeWriter(parts.database, parts.log);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  start(): void {
    this.#leasing = this.#repeat(this.#parts.leaseMs / 4, this.#ended.signal, () => this.#renewLease());
    this.#loops.push(
      this.#repeat(sweepMs, this.#stopping.signal, () => this.#sweep()),
      this.#repeat(delaysMs, this.#stopping.signal, async () => {
        await warnOfDelays(this.#parts.database, this.#parts.clock.now());
      }),
      this.#repeat(keepLanesMs, this.#stopping.signal, () => this.#keepLanes()),
      this.#feed(),
    );
  }

  async stop(drainMs = 30_000): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#loops);
    await this.#release(this.#drainLanes());
    const drained = new AbortController();
    const cut = wait(drainMs, undefined, { signal: drained.signal }).then(
      () => this.#open.forEach((connection) => connection.destroy()),
      () => undefined,
    );
    await Promise.all([...this.#lanes.values()].map((lane) => lane.stop()));
    drained.abort();
    await cut;
    this.#outcomes.giveUp();
    await this.#outcomes.idle();
    this.#ended.abort();
    await this.#leasing;
    await this.#node.end();
  }

  // ---- feeding the lanes ------------------------------------------------------------------------------------------

  async #feed(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const looked = await this.#feedOnce().catch((error: unknown) => {
        this.#parts.log.warn({ err: error }, "nothing could be claimed; trying again");
        this.#claimsInDoubt = true;
        return 0;
      });
      if (looked === 0) await this.#pause(this.#waiting() > 0 ? fullPollMs : idlePollMs);
    }
  }

  async #feedOnce(): Promise<number> {
    if (this.#isHeldUp() || this.#waiting() > readyMost) return 0;
    await this.#parts.pool?.refresh();
    const rounds = await listOpenRounds(this.#parts.database.engine);
    const stretches = (await Promise.all(rounds.map((round) => this.#stretchesOf(round)))).flat();
    const keys = [...new Set(stretches.map(({ laneKey }) => laneKey))];
    const lanes = keys.map((key) => ({ key, room: this.#roomOf(key) }));
    this.#turn += 1;
    let looked = 0;
    for (const plan of planClaims(lanes, stretches, this.#turn)) {
      const most = Math.min(plan.most, claimMost);
      const { database, clock } = this.#parts;
      const found = await claimDue(database.engine, plan.round, this.#node.id, {
        now: clock.now(),
        most,
        wants: plan.wants,
      });
      looked += found.looked;
      if (found.looked < most) {
        for (const key of plan.laneKeys) this.#dry.set(dryKey(plan.round, key), Date.now() + idlePollMs);
      }
      await this.#distribute(plan.round, found.claimed);
      if (this.#stopping.signal.aborted) break;
    }
    return looked;
  }

  /** The domains of a round, grouped by the lane they go by; unroutable ones are dealt with on the way. */
  async #stretchesOf(round: OpenRound): Promise<readonly Stretch[]> {
    const byLane = new Map<string, string[]>();
    const lost: { domain: string; route: Extract<Route, { kind: "no-route" }> }[] = [];
    const homeless: string[] = [];
    for (const domain of await this.#domainsOf(round)) {
      const route = this.#routeOf(domain);
      if (route?.kind === "no-route") lost.push({ domain, route });
      if (route?.kind !== "lane") continue;
      const ways = this.#parts.pool?.waysOf(round.orgId, route);
      if (ways?.isHomeless) homeless.push(domain);
      const key = this.#bundle(ways?.lanes ?? [route.lane]);
      if (key === null || this.#isDry(round, key)) continue;
      const domains = byLane.get(key);
      if (domains) domains.push(domain);
      else byLane.set(key, [domain]);
    }
    await putOffHomeless(this.#parts.database, round, homeless, this.#parts.clock.now());
    for (const { domain, route } of lost) await this.#refuseDomain(round, domain, route);
    return [...byLane].map(([laneKey, domains]) => ({ round, laneKey, domains }));
  }

  /** Null when none of them may be used now. */
  #bundle(lanes: readonly Lane[]): string | null {
    if (lanes.every((lane) => this.#isResting(lane.key))) return null;
    for (const lane of lanes) this.#laneOf(lane);
    const key = lanes.map((lane) => lane.key).join(" ");
    this.#bundles.set(key, lanes);
    return key;
  }

  async #domainsOf(round: OpenRound): Promise<readonly string[]> {
    const known = this.#domains.get(round.roundId);
    if (known && known.until > Date.now()) return known.domains;
    const domains = await listRoundDomains(this.#parts.database.engine, round);
    this.#domains.set(round.roundId, { domains, until: Date.now() + domainsForMs });
    return domains;
  }

  /** Null while the route is still being looked up: that must not keep other domains waiting. */
  #routeOf(domain: string): Route | null {
    const known = this.#routes.get(domain);
    if (known && known.until > Date.now()) return known.route;
    const entry = { route: known?.route ?? null, until: Date.now() + routeForMs };
    this.#routes.set(domain, entry);
    void this.#parts.channel.route(domain).then((route) => (entry.route = route));
    return entry.route;
  }

  #laneOf(lane: Lane): LaneRunner<Ready> {
    const known = this.#lanes.get(lane.key);
    if (known) return known;
    const runner = new LaneRunner<Ready>(lane, 1, this);
    this.#lanes.set(lane.key, runner);
    void this.#keepLanes().catch((error: unknown) =>
      this.#parts.log.warn({ err: error }, "a new lane could not be read; trying again"),
    );
    return runner;
  }

  #roomOf(bundle: string): number {
    const lanes = this.#bundles.get(bundle) ?? [];
    return lanes.reduce((sum, { key }) => sum + (this.#isResting(key) ? 0 : this.#roomOfLane(key)), 0);
  }

  /** None before half of it is free: many small claims cost more than few large ones. */
  #roomOfLane(key: string): number {
    const lane = this.#lanes.get(key);
    if (!lane) return 0;
    const most = Math.min(lane.connections * readyPerConnection, this.#keeper.holdable(key) ?? Infinity);
    const room = most - lane.waiting;
    return room * 2 >= most ? room : 0;
  }

  async #distribute(round: OpenRound, claims: readonly Claimed[]): Promise<void> {
    const back: Claimed[] = [];
    const byLane = new Map<LaneRunner<Ready>, Ready[]>();
    const placed = await this.#place(round, claims);
    for (const claimed of placed?.keys() ?? claims) {
      const route = placed?.get(claimed) ?? this.#routes.get(claimed.domain)?.route;
      if (route?.kind !== "lane" || this.#stopping.signal.aborted) {
        back.push(claimed);
        continue;
      }
      const lane = this.#laneOf(route.lane);
      const items = byLane.get(lane) ?? [];
      items.push({ claimed, round, route });
      byLane.set(lane, items);
    }
    for (const [lane, items] of byLane) lane.put(items);
    await this.#release(back);
  }

  /** Which of our addresses each mail leaves by; those that must wait for one are put off. Null: there is but one way. */
  async #place(round: OpenRound, claims: readonly Claimed[]): Promise<ReadonlyMap<Claimed, LaneRoute> | null> {
    const { pool, database, clock, log } = this.#parts;
    if (!pool || claims.length === 0) return null;
    const asked: { mail: Claimed; route: LaneRoute }[] = [];
    for (const mail of claims) {
      const route = this.#routes.get(mail.domain)?.route;
      if (route?.kind === "lane") asked.push({ mail, route });
      else await this.#release([mail]);
    }
    const isResting = (key: string) => this.#isResting(key);
    const parts = { database, pool, nodeId: this.#node.id, now: clock.now(), isResting };
    try {
      return await placeClaims(parts, round, asked);
    } catch (error) {
      log.warn({ err: error }, "mails could not be placed on our addresses; they go back to the queue");
      await this.#release(claims);
      return new Map();
    }
  }

  /** Mails to a domain that nothing can be handed to: each attempt comes to what the route says. */
  async #refuseDomain(round: OpenRound, domain: string, route: Extract<Route, { kind: "no-route" }>): Promise<void> {
    const { database, clock } = this.#parts;
    const found = await claimDue(database.engine, round, this.#node.id, {
      now: clock.now(),
      most: claimMost,
      wants: [{ domain, most: claimMost }],
    });
    for (const claimed of found.claimed) this.#conclude(claimed, round, readNoRoute(route.word, domain));
  }

  // ---- one mail -----------------------------------------------------------------------------------------------------

  async see(ready: Ready, kept: KeptConnection | null): Promise<KeptConnection | null> {
    this.#inFlight += 1;
    try {
      return await this.#seeThrough(ready, kept);
    } catch (error) {
      const { log } = this.#parts;
      log.error(
        { err: error, delivery: ready.claimed.id },
        "a mail could not be made or handed over; it goes back to the queue",
      );
      await this.#release([ready.claimed]);
      await this.#pause(restMs.first);
      return kept;
    } finally {
      this.#inFlight -= 1;
    }
  }

  discard(kept: KeptConnection): void {
    this.#open.delete(kept.open);
    kept.open.destroy();
  }

  /** Composes, signs and hands over one mail; returns the connection for the next. */
  async #seeThrough(ready: Ready, kept: KeptConnection | null): Promise<KeptConnection | null> {
    while (this.#isHeldUp() && !this.#stopping.signal.aborted) await this.#pause(databaseDownPauseMs / 5);
    const prepared = await this.#prepare(ready);
    if (!prepared) return kept;
    while (this.#outcomes.pending > pendingOutcomesMost) await this.#outcomes.idle();
    const connection = kept?.target === ready.route.target ? kept : await this.#connect(ready, kept);
    if (!connection) return null;
    const mail = await composeMail(prepared, ready.claimed, (octets) => connection.open.lend(octets));
    const { lane } = ready.route;
    if (!(await this.#keeper.turn(lane, this.#lanes.get(lane.key)?.waiting ?? 0, this.#stopping.signal))) {
      await this.#release([ready.claimed]);
      return connection;
    }
    const submission = await connection.open.deliver({ ...mail, beforeFinalDot: () => this.#mark(ready.claimed) });
    const wasStale = submission.kind === "failed" && connection === kept && submission.word.step === "mail";
    if (wasStale) {
      // A kept connection may have been closed by the other side meanwhile; that says nothing about this mail.
      this.discard(connection);
      return this.#seeThrough(ready, null);
    }
    if (submission.kind === "withdrawn") {
      if (submission.cause !== undefined) this.#databaseDownUntil = Date.now() + databaseDownPauseMs;
      await this.#release([ready.claimed]);
    } else {
      this.#conclude(ready.claimed, ready.round, readSubmission(submission, this.#parts.channel.kind));
      if (submission.kind === "refused") await this.#keeper.heard(lane, submission.word);
    }
    return connection;
  }

  async #prepare({ claimed, round }: Ready): Promise<PreparedRound | null> {
    const now = Date.now();
    const known = this.#prepared.get(claimed.roundId);
    const entry =
      known && known.until > now
        ? known
        : { round: this.#parts.prepareRound(claimed.orgId, claimed.roundId), until: now + preparedForMs };
    this.#prepared.set(claimed.roundId, entry);
    try {
      return await entry.round;
    } catch (error) {
      this.#prepared.delete(claimed.roundId);
      // Only what we know to be wrong with the round stops it; a database that did not answer says nothing about it.
      if (!(error instanceof Refusal)) throw error;
      this.#parts.log.error({ err: error, round: round.roundId }, "the round was stopped: it cannot be sent as it is");
      await this.#release([claimed]);
      await stopRound(this.#parts.database.engine, round, error.message, this.#parts.clock.now());
      return null;
    }
  }

  /** Null: no connection came about, and the mail's attempt is recorded as failed. */
  async #connect(ready: Ready, kept: KeptConnection | null): Promise<KeptConnection | null> {
    if (kept) {
      await kept.open.close().catch(() => undefined);
      this.discard(kept);
    }
    const { lane, target } = ready.route;
    const opened = await this.#parts.channel.open(lane, ready.claimed.domain);
    if (opened.kind === "open") {
      this.#rests.delete(lane.key);
      this.#open.add(opened);
      await this.#keeper.connected(lane);
      return { target, open: opened };
    }
    this.#conclude(ready.claimed, ready.round, readSubmission(opened, this.#parts.channel.kind));
    await this.#parts.pool?.giveBack([ready.claimed]);
    await this.#keeper.unreachable(lane, opened.word);
    const pauseMs = Math.min(Math.max((this.#rests.get(lane.key)?.pauseMs ?? 0) * 2, restMs.first), restMs.longest);
    this.#rests.set(lane.key, { until: Date.now() + pauseMs, pauseMs });
    // The others wait for the host to come back instead of failing one by one.
    await this.#release((this.#lanes.get(lane.key)?.drain() ?? []).map(({ claimed }) => claimed));
    return null;
  }

  #mark(claimed: Claimed): Promise<boolean> {
    if (this.#outcomes.isBlocked) return Promise.resolve(false);
    return this.#marks.add({ orgId: claimed.orgId, id: claimed.id, fence: claimed.fence });
  }

  #conclude(claimed: Claimed, round: OpenRound, reading: Reading): void {
    const { clock, chance, retry, unknownResendMs } = this.#parts;
    const now = clock.now();
    const rules = { retry, unknownResendMs, neverSendTwice: round.neverSendTwice };
    const when = { now, closesAt: round.closesAt, chance: chance() };
    const step = decideStep({ ...claimed, state: "submitting" }, reading.event, rules, when);
    if (!step) throw new Error(`No step for ${reading.event.kind} of delivery ${String(claimed.id)}`);
    const { orgId, id, generation, fence } = claimed;
    const written = this.#outcomes.add({ orgId, id, generation, fence, at: now, step, ...reading });
    if (step.state !== "bounced" || !reading.verdict) return;
    const { roundId, domain } = claimed;
    const failed = { orgId, roundId, domain, verdict: reading.verdict, text: reading.word.text, at: now };
    void written.then(() => this.#brakes.add(failed));
  }

  /** Failures that belong together may hold their domain or stop the round; what this node has ready for it goes back. */
  async #applyBrakes(failed: readonly FailedDelivery[]): Promise<readonly void[]> {
    const { database, clock, log } = this.#parts;
    const braked = await applyBrakes(database, failed, clock.now()).catch((error: unknown) => {
      log.error({ err: error }, "the brakes could not be applied; the next failure tries again");
      return [];
    });
    if (braked.length > 0) {
      const isOurs = braked.some(({ kind }) => kind === "refused-because-of-us");
      log[isOurs ? "error" : "warn"]({ braked }, "brakes were applied");
      this.#domains.clear();
      await this.#release(this.#drainLanes());
    }
    return failed.map(() => undefined);
  }

  // ---- duties -------------------------------------------------------------------------------------------------------

  async #renewLease(): Promise<void> {
    if (!this.#claimsInDoubt && (await this.#node.renew())) return;
    const { log, settings, name, leaseMs } = this.#parts;
    log.warn({ node: this.#node.id }, "this node starts anew and leaves its claims to whoever takes them over");
    await this.#parts.pool?.giveBack(this.#drainLanes());
    await this.#node.end();
    this.#node = await startNode(settings, name, leaseMs);
    this.#claimsInDoubt = false;
  }

  async #sweep(): Promise<void> {
    const { database, clock, unknownResendMs, log } = this.#parts;
    await this.#release(this.#unreleased.splice(0));
    const taken = await takeOverDeadNodes(database, this.#node.id, { now: clock.now(), unknownResendMs });
    if (taken.nodes > 0) log.warn(taken, "took over the work of dead nodes");
    for (const round of await listOpenRounds(database.engine)) {
      await requeueUnknown(database.engine, round, clock.now());
    }
    await closeDueRounds(database.engine, clock.now());
  }

  /** What all nodes have learnt about the lanes in use. */
  async #keepLanes(): Promise<void> {
    const runners = [...this.#lanes.values()];
    await this.#keeper.refresh(runners.map(({ lane }) => lane));
    await this.#keeper.measure(runners);
    for (const runner of runners) runner.allow(this.#keeper.connectionsOf(runner.lane));
  }

  /** Gives mails back that have certainly not left. While that cannot be written they are kept aside; the lease's end does it at the latest. */
  async #release(claims: readonly Claimed[]): Promise<void> {
    const { database, clock, log } = this.#parts;
    await this.#parts.pool?.giveBack(claims);
    await releaseClaims(database.engine, this.#node.id, claims, clock.now()).catch((error: unknown) => {
      log.warn({ err: error, mails: claims.length }, "claims could not be given back yet");
      this.#databaseDownUntil = Date.now() + databaseDownPauseMs;
      this.#unreleased.push(...claims);
    });
  }

  #drainLanes(): readonly Claimed[] {
    return [...this.#lanes.values()].flatMap((lane) => lane.drain().map(({ claimed }) => claimed));
  }

  #waiting(): number {
    let waiting = 0;
    for (const lane of this.#lanes.values()) waiting += lane.waiting;
    return waiting;
  }

  /** While marks or outcomes cannot be written, nothing is begun. */
  #isHeldUp(): boolean {
    return this.#outcomes.isBlocked || Date.now() < this.#databaseDownUntil;
  }

  #isResting(laneKey: string): boolean {
    return (this.#rests.get(laneKey)?.until ?? 0) > Date.now() || this.#keeper.isResting(laneKey);
  }

  #isDry(round: OpenRound, laneKey: string): boolean {
    return (this.#dry.get(dryKey(round, laneKey)) ?? 0) > Date.now();
  }

  async #repeat(everyMs: number, until: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!until.aborted) {
      await work().catch((error: unknown) =>
        this.#parts.log.warn({ err: error }, "a sender's round of duties failed; trying again"),
      );
      await this.#pause(everyMs, until);
    }
  }

  async #pause(ms: number, until = this.#stopping.signal): Promise<void> {
    await wait(ms, undefined, { signal: until }).catch(() => undefined);
  }
}

function dryKey(round: OpenRound, laneKey: string): string {
  return `${String(round.roundId)} ${laneKey}`;
}

/** Registers a node and starts sending. */
export async function startSender(parts: SenderParts): Promise<Sender> {
  const node = await startNode(parts.settings, parts.name, parts.leaseMs);
  const sender = new SendingNode(parts, node);
  sender.start();
  return sender;
}

/**
 * One simulation: a few people, one or two rounds, up to three nodes and a world in a mood, all drawn from one seed and
 * played step by step against the real statements. Everything that may go wrong between two steps does: deaths, leases
 * that end under living nodes, answers that come too late, notices doubled and out of order, flags, closing rounds,
 * clocks that jump. The promises are checked after every step; at the end, in a calm world, everything must come to rest.
 * Nothing runs at the same instant here: that is what the crash tests are for.
 */
import { inOrganisation, inTransaction } from "../../server/src/ground/database.store.ts";
import { readInboundMail, settleInbound } from "../../server/src/inbound/settle/settle-inbound.store.ts";
import { clearFlag, suppressWaiting } from "../../server/src/outcome/flag.store.ts";
import { stopsMail } from "../../server/src/outcome/flag.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { defaultRetryPolicy } from "../../server/src/outcome/retry-policy.ts";
import { closeDueRounds, pauseRound, resumeRound, stopRound } from "../../server/src/outbound/round/round.store.ts";
import { takeOverDeadNodes } from "../../server/src/outbound/send/node.store.ts";
import { listOpenRounds, type OpenRound, requeueUnknown } from "../../server/src/outbound/send/queue.store.ts";
import { type Chance, createChance } from "./chance.ts";
import { type Deed, emptyMemory, findBreaches, generationKey, type Memory } from "./invariants.ts";
import { writeNews, type News } from "./news.ts";
import { calm, type Copy, type Mood, SimulatedHost } from "./simulated-host.ts";
import { type Holding, SimulatedNode } from "./simulated-node.ts";
import type { Cast, Row, Snapshot, Stage } from "./stage.ts";

export interface SimulationReport {
  readonly seed: number;
  readonly steps: number;
  readonly copies: number;
  /** Empty when every promise was kept. */
  readonly breaches: readonly string[];
  /** What was done, line by line, up to the first breach. */
  readonly trace: readonly string[];
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const start = Date.parse("2026-11-24T08:00:00Z");

/** A node together with what the outside knows of its lease. */
interface Player {
  readonly node: SimulatedNode;
  leaseOver: boolean;
}

export async function simulate(stage: Stage, seed: number): Promise<SimulationReport> {
  const simulation = new Simulation(stage, seed);
  try {
    return await simulation.play();
  } finally {
    await simulation.end();
  }
}

/** A step that may be taken now; null where it has changed nothing in the database, or there is nothing it could be done to. */
type Action = () => Promise<Deed> | null;

class Simulation {
  readonly #stage: Stage;
  readonly #seed: number;
  readonly #chance: Chance;
  readonly #host: SimulatedHost;
  readonly #memory: Memory = emptyMemory();
  readonly #trace: string[] = [];
  readonly #breaches: string[] = [];
  readonly #unknownResendMs: number;
  readonly #actions: readonly (readonly [weight: number, action: Action])[];
  #cast: Cast = { orgId: 0, roundIds: [] };
  #rounds: readonly OpenRound[] = [];
  #rows: Snapshot = new Map();
  #players: Player[] = [];
  /** News on its way to us: may come late, twice and in any order. */
  #news: News[] = [];
  #nowMs = start;
  /** The clock may go back; what was past once counts as past. */
  #latestMs = start;
  #steps = 0;
  #named = 0;

  constructor(stage: Stage, seed: number) {
    this.#stage = stage;
    this.#seed = seed;
    this.#chance = createChance(seed);
    this.#host = new SimulatedHost(this.#chance, this.#drawMood());
    this.#unknownResendMs = this.#chance.between(1, 40) * minute;
    this.#actions = this.#listActions();
  }

  async play(): Promise<SimulationReport> {
    await this.#begin();
    const wanted = this.#chance.between(20, 60);
    while (this.#steps < wanted && this.#breaches.length === 0) await this.#step(this.#draw());
    if (this.#breaches.length === 0) await this.#calmDown();
    return {
      seed: this.#seed,
      steps: this.#steps,
      copies: this.#host.copies.length,
      breaches: this.#breaches,
      trace: this.#trace,
    };
  }

  async end(): Promise<void> {
    await this.#stage.clear(this.#cast.orgId);
  }

  // ---- the frame ----------------------------------------------------------------------------------------------------

  async #begin(): Promise<void> {
    const plans = Array.from({ length: this.#chance.between(1, 2) }, () => ({
      closesAt: new Date(start + this.#chance.between(2, 100) * hour),
      neverSendTwice: this.#chance.isLikely(0.3),
    }));
    const people = this.#chance.between(5, 15);
    this.#cast = await this.#stage.enact(people, plans, new Date(start));
    const { orgId, roundIds } = this.#cast;
    this.#rounds = plans.map((plan, index) => ({ orgId, roundId: roundIds[index] ?? 0, kind: "live", ...plan }));
    this.#rows = await this.#stage.look(orgId);
    this.#say(
      `${String(people)} people; ${plans.map((plan, index) => `round ${String(index + 1)} closes ${plan.closesAt.toISOString()}${plan.neverSendTwice ? " and never sends twice" : ""}`).join("; ")}`,
    );
    await this.#startNode();
  }

  /** Does one thing, looks at everything, and compares. */
  async #step(action: Action): Promise<void> {
    const doing = action();
    if (!doing) return;
    const deed = await doing.catch((error: unknown) => {
      this.#breaches.push(`a statement failed: ${error instanceof Error ? error.message : String(error)}`);
      return { kind: "other" } as const;
    });
    const after = await this.#stage.look(this.#cast.orgId);
    this.#steps += 1;
    this.#breaches.push(...findBreaches({ before: this.#rows, after, deed }, this.#memory, this.#host));
    this.#rows = after;
  }

  #draw(): Action {
    const all = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
    let drawn = this.#chance.next() * all;
    for (const [weight, action] of this.#actions) {
      drawn -= weight;
      if (drawn < 0) return action;
    }
    return () => null;
  }

  #listActions(): readonly (readonly [number, Action])[] {
    const byPlayer = (work: (player: Player) => Promise<Deed> | null): Action => {
      return () => {
        const player = this.#chance.pick(this.#players);
        return player ? work(player) : null;
      };
    };
    return [
      [14, byPlayer((player) => this.#claim(player))],
      [15, byPlayer((player) => this.#mark(player))],
      [16, byPlayer((player) => this.#handOver(player))],
      [3, byPlayer((player) => this.#turnAway(player))],
      [16, byPlayer((player) => this.#record(player))],
      [2, byPlayer((player) => this.#release(player))],
      [2, byPlayer((player) => this.#withdraw(player))],
      [4, byPlayer((player) => this.#kill(player))],
      [5, byPlayer((player) => this.#endLease(player))],
      [4, byPlayer((player) => this.#renew(player))],
      [6, byPlayer((player) => this.#takeOver(player))],
      [8, byPlayer((player) => this.#requeueUnknown(player))],
      [3, byPlayer((player) => this.#closeRounds(player))],
      [4, () => (this.#players.length < 3 ? this.#startNode() : null)],
      [16, () => this.#pass(this.#chance.between(1, 30 * 60) * second)],
      [2, () => this.#pass(this.#chance.between(1, 10) * hour)],
      [1, () => this.#pass(-this.#chance.between(1, 60) * minute)],
      [6, () => this.#sendNews()],
      [8, () => this.#settleNews()],
      [8, () => this.#clear()],
      [1, () => this.#optOut()],
      [2, () => this.#pause()],
      [1, () => this.#stop()],
      [4, () => this.#resume()],
    ];
  }

  /** Mostly some of everything; now and then a world that loses most answers, where mails are resent again and again. */
  #drawMood(): Mood {
    if (this.#chance.isLikely(0.15)) return { putOff: 0.1, refused: 0.05, droppedAfterDot: 0.5, lost: 0.2 };
    const rough = this.#chance.next();
    return {
      putOff: 0.3 * rough * this.#chance.next(),
      refused: 0.3 * rough * this.#chance.next(),
      droppedAfterDot: 0.4 * rough * this.#chance.next(),
      lost: 0.2 * rough * this.#chance.next(),
    };
  }

  #now(player?: Player): Date {
    return new Date(this.#nowMs + (player?.node.skewMs ?? 0));
  }

  #say(line: string): void {
    this.#trace.push(`${new Date(this.#nowMs).toISOString().slice(5, 19)} ${line}`);
  }

  #name(id: number): string {
    const row = this.#rows.get(id);
    if (!row) return String(id);
    const people = [...this.#rows.values()].filter((other) => other.roundId === row.roundId);
    return `r${String(this.#cast.roundIds.indexOf(row.roundId) + 1)}p${String(people.indexOf(row) + 1)}`;
  }

  #names(holdings: readonly Holding[]): string {
    return holdings.map(({ claimed }) => `${this.#name(claimed.id)}/${String(claimed.fence)}`).join(" ");
  }

  // ---- what nodes do ------------------------------------------------------------------------------------------------

  async #startNode(): Promise<Deed> {
    const id = await this.#stage.startNode();
    const parts = {
      database: this.#stage.database,
      host: this.#host,
      unknownResendMs: this.#unknownResendMs,
      chance: () => this.#chance.next(),
    };
    this.#named += 1;
    const name = `n${String(this.#named)}`;
    const skewMs = this.#chance.isLikely(0.3) ? this.#chance.between(-300, 300) * second : 0;
    this.#players.push({ node: new SimulatedNode(parts, name, id, skewMs), leaseOver: false });
    this.#say(`${name} starts`);
    return { kind: "nothing" };
  }

  /** Of any round, open or not: the list of open rounds that a node works from may be old. */
  async #claim(player: Player): Promise<Deed> {
    const round = this.#chance.pick(this.#rounds);
    if (!round) return { kind: "nothing" };
    const now = this.#now(player);
    const claims = await player.node.claim(round, now, this.#chance.between(1, 8));
    const fresh = player.node.holdings.slice(player.node.holdings.length - claims.length);
    this.#say(`${player.node.name} claims ${this.#names(fresh)}`);
    return { kind: "claim", by: this.#actor(player), claims, now };
  }

  #mark(player: Player): Promise<Deed> | null {
    const all = player.node.at("ready");
    const ready = this.#chance.isLikely(0.5) ? all : this.#chance.some(all, 0.5);
    return ready.length === 0 ? null : this.#markThese(player, ready);
  }

  async #markThese(player: Player, ready: readonly Holding[]): Promise<Deed> {
    const by = this.#actor(player);
    const marked = await player.node.mark(ready, this.#now(player));
    this.#say(`${player.node.name} marks ${this.#names(ready)}: yes to ${this.#names(marked)}`);
    return { kind: "mark", by, marked: marked.map(({ claimed }) => claimed) };
  }

  /** The answers are there, but nobody has written them down: no row changes. */
  #handOver(player: Player): null {
    for (const holding of this.#chance.some(player.node.at("marked"), 0.7)) {
      player.node.handOver(holding);
      this.#say(`${player.node.name} hands over ${this.#names([holding])}: ${holding.reading?.result ?? ""}`);
      this.#breaches.push(...this.#checkCopies(holding.claimed.id, holding.claimed.generation));
    }
    return null;
  }

  #turnAway(player: Player): null {
    const holding = this.#chance.pick(player.node.at("ready"));
    if (!holding) return null;
    player.node.turnAway(holding);
    this.#say(`${player.node.name} is turned away with ${this.#names([holding])}: ${holding.reading?.word.text ?? ""}`);
    return null;
  }

  #record(player: Player): Promise<Deed> | null {
    const answered = this.#chance.some(player.node.at("answered"), 0.8);
    return answered.length === 0 ? null : this.#recordThese(player, answered, this.#chance.isLikely(0.1) ? 2 : 1);
  }

  async #recordThese(player: Player, answered: readonly Holding[], times: number): Promise<Deed> {
    const outcomes = await player.node.record(answered, this.#now(player), times);
    const told = outcomes.map((outcome) => `${this.#name(outcome.id)}/${String(outcome.fence)} ${outcome.step.state}`);
    this.#say(`${player.node.name} records ${told.join(", ")}${times > 1 ? ", twice" : ""}`);
    return { kind: "record", outcomes };
  }

  /** What it has not begun goes back. */
  #release(player: Player): Promise<Deed> | null {
    const ready = this.#chance.some(player.node.at("ready"), 0.5);
    return ready.length === 0 ? null : this.#releaseThese(player, ready);
  }

  /** The mark was committed, but its answer was lost: the mail is withdrawn before a byte has left. */
  #withdraw(player: Player): Promise<Deed> | null {
    const holding = this.#chance.pick(player.node.at("marked"));
    return holding ? this.#releaseThese(player, [holding]) : null;
  }

  async #releaseThese(player: Player, holdings: readonly Holding[]): Promise<Deed> {
    this.#say(`${player.node.name} gives back ${this.#names(holdings)}`);
    await player.node.release(holdings, this.#now(player));
    return { kind: "other" };
  }

  async #kill(player: Player): Promise<Deed> {
    this.#say(`${player.node.name} is killed with ${this.#names(player.node.holdings)}`);
    this.#players = this.#players.filter((other) => other !== player);
    await this.#stage.loseLock(player.node.id);
    return { kind: "nothing" };
  }

  async #endLease(player: Player): Promise<Deed> {
    this.#say(`${player.node.name} stands still until its lease is over`);
    player.leaseOver = true;
    await this.#stage.endLease(player.node.id);
    return { kind: "nothing" };
  }

  async #renew(player: Player): Promise<Deed> {
    const isAlive = await this.#stage.renewLease(player.node.id);
    if (isAlive) player.leaseOver = false;
    else await this.#startAnew(player);
    this.#say(`${player.node.name} ${isAlive ? "renews its lease" : "was declared dead and starts anew"}`);
    return { kind: "nothing" };
  }

  async #startAnew(player: Player): Promise<void> {
    await this.#stage.loseLock(player.node.id);
    player.node.startAnew(await this.#stage.startNode());
    player.leaseOver = false;
  }

  #actor(player: Player) {
    return { nodeId: player.node.id, isTrusted: !player.leaseOver };
  }

  // ---- duties of every node -------------------------------------------------------------------------------------------

  async #takeOver(player: Player): Promise<Deed> {
    const when = { now: this.#now(player), unknownResendMs: this.#unknownResendMs };
    const taken = await takeOverDeadNodes(this.#stage.database, player.node.id, when);
    this.#say(`${player.node.name} takes over ${JSON.stringify(taken)}`);
    return { kind: "other" };
  }

  async #requeueUnknown(player: Player): Promise<Deed> {
    const { engine } = this.#stage.database;
    let count = 0;
    for (const round of await listOpenRounds(engine)) count += await requeueUnknown(engine, round, this.#now(player));
    this.#say(`${player.node.name} requeues ${String(count)} unknown`);
    return { kind: "other" };
  }

  async #closeRounds(player: Player): Promise<Deed> {
    await closeDueRounds(this.#stage.database.engine, this.#now(player));
    this.#say(`${player.node.name} closes rounds that are due`);
    return { kind: "other" };
  }

  // ---- the world and the people ---------------------------------------------------------------------------------------

  #pass(ms: number): Promise<Deed> | null {
    this.#nowMs += ms;
    this.#latestMs = Math.max(this.#latestMs, this.#nowMs);
    return null;
  }

  /** Somewhere, somebody writes back about a copy that arrived, perhaps long ago, perhaps once more. */
  #sendNews(): Promise<Deed> | null {
    const copy = this.#chance.pick(this.#host.copies);
    if (!copy) return null;
    const news = writeNews(copy, this.#chance);
    this.#news.push(news);
    this.#say(`${news.name} about ${this.#name(copy.deliveryId)} is on its way`);
    return null;
  }

  #settleNews(): Promise<Deed> | null {
    const news = this.#chance.pick(this.#news);
    if (!news) return null;
    if (this.#chance.isLikely(0.7)) this.#news = this.#news.filter((other) => other !== news);
    return this.#settle(news);
  }

  async #settle(news: News): Promise<Deed> {
    const { database } = this.#stage;
    const { deliveryId, generation } = news.copy;
    const orgId = String(this.#cast.orgId);
    const added = await database.engine.query<{ id: number }>({
      name: "simulated-arrival",
      text: `insert into inbound_mail (org_id, received_at, envelope_from, envelope_to, digest, raw, token_delivery, token_generation)
             values ($1, $2, '', $3, decode(md5($3), 'hex'), '', $4, $5) returning id`,
      values: [
        this.#cast.orgId,
        this.#now(),
        `${orgId}-${String(this.#steps)}@bounce.example.com`,
        deliveryId,
        generation,
      ],
    });
    const mail = await readInboundMail(database, added.rows[0]?.id ?? 0);
    if (!mail) throw new Error("The mail that was just kept cannot be read");
    const facts = {
      rules: { retry: defaultRetryPolicy, unknownResendMs: this.#unknownResendMs },
      bounceDomain: "bounce.example.com",
      returnPathKeys: [],
      sendingDomain: "mail.example.com",
      messageIdKeys: [],
      ownAddresses: [],
      now: this.#now(),
    };
    await settleInbound(database, mail, news.recognised, facts);
    // The job ran, but was not noted as done: it runs again.
    if (this.#chance.isLikely(0.1)) await settleInbound(database, mail, news.recognised, facts);
    this.#say(`${news.name} about ${this.#name(deliveryId)}, generation ${String(generation)}, arrives`);
    return { kind: "notice", about: { deliveryId, generation } };
  }

  #clear(): Promise<Deed> | null {
    const flagged = this.#chance.pick([...this.#rows.values()].filter((row) => row.flag !== null));
    return flagged ? this.#clearPerson(flagged) : null;
  }

  async #clearPerson(row: Row): Promise<Deed> {
    const { orgId } = this.#cast;
    const person = { orgId, employeeId: row.employeeId };
    const mended = this.#chance.isLikely(0.3) ? `mended${String(this.#steps)}.${row.address}` : null;
    const cleared = await inOrganisation(this.#stage.database, orgId, async (client) => {
      if (mended !== null)
        await client.query("update employee set email = $3, email_key = $3 where org_id = $1 and id = $2", [
          orgId,
          row.employeeId,
          mended,
        ]);
      return clearFlag(client, person, "simulated", this.#now());
    });
    this.#say(`${this.#name(row.id)} is cleared: ${String(cleared.requeued)} go out again${mended ? ", mended" : ""}`);
    return { kind: "clear" };
  }

  #optOut(): Promise<Deed> | null {
    const row = this.#chance.pick([...this.#rows.values()].filter(({ optedOut }) => !optedOut));
    return row ? this.#optOutPerson(row) : null;
  }

  async #optOutPerson(row: Row): Promise<Deed> {
    const { orgId } = this.#cast;
    const now = this.#now();
    await inTransaction(this.#stage.database.engine, async (client) => {
      await client.query("update employee set opted_out_at = $3 where org_id = $1 and id = $2", [
        orgId,
        row.employeeId,
        now,
      ]);
      await suppressWaiting(client, { orgId, employeeId: row.employeeId }, "opted-out", now);
    });
    this.#say(`${this.#name(row.id)} opts out`);
    return { kind: "other" };
  }

  #pause(): Promise<Deed> | null {
    return this.#withRound("paused", (orgId, roundId) =>
      inOrganisation(this.#stage.database, orgId, (client) => pauseRound(client, orgId, roundId)),
    );
  }

  #resume(): Promise<Deed> | null {
    return this.#withRound("resumed", (orgId, roundId) =>
      inOrganisation(this.#stage.database, orgId, (client) => resumeRound(client, orgId, roundId)),
    );
  }

  #stop(): Promise<Deed> | null {
    return this.#withRound("stopped", (orgId, roundId) =>
      stopRound(this.#stage.database.engine, { orgId, roundId }, "simulated", this.#now()),
    );
  }

  #withRound(what: string, work: (orgId: number, roundId: number) => Promise<void>): Promise<Deed> | null {
    const round = this.#chance.pick(this.#rounds);
    if (!round) return null;
    this.#say(`round ${String(this.#rounds.indexOf(round) + 1)} is ${what}`);
    return work(round.orgId, round.roundId).then(() => ({ kind: "other" }));
  }

  // ---- the end ----------------------------------------------------------------------------------------------------------

  /** A second copy of one mail is the very same mail, and says that it may be one. */
  #checkCopies(deliveryId: number, generation: number): string[] {
    const copies: readonly Copy[] = this.#host.copiesOf(deliveryId, generation);
    if (copies.length < 2) return [];
    const breaches: string[] = [];
    if (!this.#memory.duplicates.has(generationKey(deliveryId, generation)))
      breaches.push(`delivery ${String(deliveryId)}: a second copy that is not marked`);
    const bodies = new Set(copies.map((copy) => `${copy.messageDate.toISOString()} ${copy.address}`));
    if (bodies.size > 1) breaches.push(`delivery ${String(deliveryId)}: its copies differ`);
    return breaches;
  }

  /** Everybody gets well: one good node, servers that take everything, no more news. Then nothing may be left over. */
  async #calmDown(): Promise<void> {
    this.#say("the world calms down");
    this.#host.mood = calm;
    for (const player of this.#players) await this.#step(() => this.#kill(player));
    await this.#step(() => this.#startNode());
    const player = this.#players[0];
    if (!player) return;
    for (const round of this.#rounds) {
      const { orgId, roundId } = round;
      await this.#step(async () => {
        await inOrganisation(this.#stage.database, orgId, (client) => resumeRound(client, orgId, roundId));
        return { kind: "other" };
      });
    }
    this.#breaches.push(...this.#checkLeftOut());
    for (let turn = 0; turn < 12 && this.#breaches.length === 0; turn++) if (!(await this.#tidy(player))) break;
    if (this.#breaches.length === 0) this.#breaches.push(...(await this.#checkRest()));
  }

  /** One turn of a healthy node; false once nothing has a time at which it goes on. */
  async #tidy(player: Player): Promise<boolean> {
    await this.#step(() => this.#takeOver(player));
    await this.#step(() => this.#requeueUnknown(player));
    await this.#step(() => this.#closeRounds(player));
    for (const { roundId } of this.#rounds) {
      const round = this.#rounds.find((other) => other.roundId === roundId);
      const row = [...this.#rows.values()].find((other) => other.roundId === roundId);
      if (!round || row?.roundState !== "open") continue;
      await this.#step(async () => {
        const now = this.#now(player);
        return { kind: "claim", by: this.#actor(player), claims: await player.node.claim(round, now, 20), now };
      });
    }
    const ready = player.node.at("ready");
    if (ready.length > 0) await this.#step(() => this.#markThese(player, ready));
    for (const holding of player.node.at("marked")) {
      player.node.handOver(holding);
      this.#breaches.push(...this.#checkCopies(holding.claimed.id, holding.claimed.generation));
    }
    const answered = player.node.at("answered");
    if (answered.length > 0) await this.#step(() => this.#recordThese(player, answered, 1));
    const due = [...this.#rows.values()].flatMap((row) => (isWaiting(row) && row.dueAt ? [row.dueAt.getTime()] : []));
    if (due.length === 0) return false;
    this.#nowMs = Math.max(this.#nowMs, Math.min(...due)) + 10 * minute;
    return true;
  }

  /** In a round that still goes on, nobody is left out for a flag that has been taken off. */
  #checkLeftOut(): string[] {
    const goesOn = (roundId: number) =>
      this.#rounds.some((round) => round.roundId === roundId && round.closesAt.getTime() > this.#latestMs);
    return [...this.#rows.values()].flatMap((row) =>
      row.roundState === "open" &&
      goesOn(row.roundId) &&
      row.suppressedBecause === "flagged" &&
      row.state === "suppressed" &&
      !(row.flag !== null && stopsMail(row.flag))
        ? [`${this.#name(row.id)} is left out as flagged, but carries no flag`]
        : [],
    );
  }

  async #checkRest(): Promise<string[]> {
    const breaches = [...this.#rows.values()].flatMap((row) =>
      isWaiting(row) && !(row.state === "unknown" && row.dueAt === null)
        ? [`${this.#name(row.id)} is left ${row.state} in a round that is ${row.roundState}`]
        : [],
    );
    for (const { orgId, roundId } of this.#rounds) {
      const { sums } = await countLedger(this.#stage.database.owner, orgId, roundId);
      if (!sums) breaches.push(`the ledger of round ${String(roundId)} does not sum`);
    }
    return breaches;
  }
}

function isWaiting({ state }: Row): boolean {
  return ["queued", "held", "claimed", "submitting", "unknown"].includes(state);
}

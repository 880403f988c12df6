/**
 * A sending node: claims due mails in batches, hands each to a connection, writes down what came of it. Promises that
 * no mail leaves before its submitting mark is committed, that nothing is submitted while outcomes cannot be written,
 * and that a stop ends with nothing unknown. What follows from an outcome is decided in `outcome/`, not here.
 */
import { setTimeout as wait } from "node:timers/promises";
import { createBatcher } from "../../ground/batcher.ts";
import type { Clock } from "../../ground/clock.ts";
import type { ConnectionSettings, Database } from "../../ground/database.store.ts";
import type { Log } from "../../ground/log.process.ts";
import { decideStep } from "../../outcome/delivery.ts";
import type { RetryPolicy } from "../../outcome/retry-policy.ts";
import { composeMail, type PreparedRound } from "../outbound.ts";
import { closeDueRounds, stopRound } from "../round/round.store.ts";
import type { Channel } from "./channel.ts";
import { type NodeLease, startNode, takeOverDeadNodes } from "./node.store.ts";
import { createOutcomeWriter, type OutcomeWriter } from "./outcome-writer.store.ts";
import {
  claimDue,
  type Claimed,
  listOpenRounds,
  type Mark,
  markSubmitting,
  type OpenRound,
  releaseClaims,
  requeueUnknown,
} from "./queue.store.ts";
import { createReadyQueue, type ReadyQueue } from "./ready-queue.ts";
import type { ConnectFailure, Connection, Submission } from "./smtp-connection.smtp.ts";
import { readSubmission } from "./submission-outcome.ts";

export interface SenderParts {
  readonly database: Database;
  readonly settings: ConnectionSettings;
  readonly channel: Channel;
  readonly clock: Clock;
  readonly chance: () => number;
  readonly log: Log;
  readonly retry: RetryPolicy;
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

/** A claimed mail together with the round it belongs to. */
interface Ready {
  readonly claimed: Claimed;
  readonly round: OpenRound;
}

interface LaneConnection {
  readonly lane: string;
  readonly open: Connection;
}

const readyMost = 1000;
const claimMost = 500;
const idlePollMs = 200;
const fullPollMs = 10;
const databaseDownPauseMs = 500;
const sweepMs = 1000;
const preparedForMs = 60_000;
/** More unwritten outcomes than this and the database is too slow for us: connections wait. */
const pendingOutcomesMost = 2000;
const channelPauseMs = { first: 1000, longest: 30_000 };

class SendingNode implements Sender {
  readonly #parts: SenderParts;
  readonly #ready: ReadyQueue<Ready> = createReadyQueue();
  readonly #outcomes: OutcomeWriter;
  readonly #marks = createBatcher<Mark, boolean>(claimMost, (marks) =>
    markSubmitting(this.#parts.database.engine, this.#node.id, marks),
  );
  readonly #prepared = new Map<number, { readonly round: Promise<PreparedRound>; readonly until: number }>();
  readonly #open = new Set<Connection>();
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #loops: Promise<void>[] = [];
  /** Claims that could not be given back yet, because the database did not answer. */
  #unreleased: Claimed[] = [];
  #databaseDownUntil = 0;
  #leasing: Promise<void> = Promise.resolve();
  #node: NodeLease;
  #inFlight = 0;
  #turn = 0;
  #channelPauseMs = 0;
  #channelDownUntil = 0;

  constructor(parts: SenderParts, node: NodeLease) {
    this.#parts = parts;
    this.#node = node;
    this.#outcomes = createOutcomeWriter(parts.database, parts.log);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  start(): void {
    const { leaseMs, connections } = this.#parts;
    this.#leasing = this.#repeat(leaseMs / 4, this.#ended.signal, () => this.#renewLease());
    this.#loops.push(
      this.#repeat(sweepMs, this.#stopping.signal, () => this.#sweep()),
      this.#feed(),
    );
    for (let index = 0; index < connections; index++) this.#loops.push(this.#work());
  }

  async stop(drainMs = 30_000): Promise<void> {
    this.#stopping.abort();
    const unbegun = this.#ready.drain();
    this.#ready.close();
    await this.#release(unbegun.map(({ claimed }) => claimed));
    const drained = new AbortController();
    const cut = wait(drainMs, undefined, { signal: drained.signal }).then(
      () => this.#open.forEach((connection) => connection.destroy()),
      () => undefined,
    );
    await Promise.all(this.#loops);
    drained.abort();
    await cut;
    this.#outcomes.giveUp();
    await this.#outcomes.idle();
    this.#ended.abort();
    await this.#leasing;
    await this.#node.end();
  }

  // ---- the three loops of a node ------------------------------------------------------------------------------

  /** Keeps the ready queue filled, fairly: every open round gets the same share of each turn. */
  async #feed(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const claimed = await this.#feedOnce().catch((error: unknown) => {
        this.#parts.log.warn({ err: error }, "nothing could be claimed; trying again");
        return 0;
      });
      if (claimed === 0) await this.#pause(this.#ready.size > 0 ? fullPollMs : idlePollMs);
    }
  }

  async #feedOnce(): Promise<number> {
    const { database, clock } = this.#parts;
    const room = Math.min(readyMost - this.#ready.size, claimMost);
    if (room < claimMost / 2 || this.#isHeldUp() || Date.now() < this.#channelDownUntil) return 0;
    const rounds = await listOpenRounds(database.engine);
    const share = Math.ceil(room / Math.max(1, rounds.length));
    let looked = 0;
    this.#turn += 1;
    for (let index = 0; index < rounds.length && this.#ready.size < readyMost; index++) {
      const round = rounds[(index + this.#turn) % rounds.length];
      if (!round) continue;
      const found = await claimDue(database.engine, round, this.#node.id, { now: clock.now(), most: share });
      looked += found.looked;
      if (this.#stopping.signal.aborted) await this.#release(found.claimed);
      else this.#ready.put(found.claimed.map((claimed) => ({ claimed, round })));
    }
    return looked;
  }

  /** One connection's life: take a mail, see it through, take the next. */
  async #work(): Promise<void> {
    let connection: LaneConnection | null = null;
    for (let next = await this.#ready.take(); next; next = await this.#ready.take()) {
      this.#inFlight += 1;
      try {
        connection = await this.#see(next, connection);
      } catch (error) {
        this.#parts.log.error(
          { err: error, delivery: next.claimed.id },
          "a mail could not be made or handed over; it goes back to the queue",
        );
        await this.#release([next.claimed]);
        await this.#pause(channelPauseMs.first);
      } finally {
        this.#inFlight -= 1;
      }
      if (!connection?.open.isUsable) connection = this.#discard(connection);
    }
    await connection?.open.close().catch(() => undefined);
    this.#discard(connection);
  }

  async #renewLease(): Promise<void> {
    if (await this.#node.renew()) return;
    this.#parts.log.warn(
      { node: this.#node.id },
      "this node was declared dead; it starts anew and leaves its claims to the others",
    );
    this.#ready.drain();
    await this.#node.end();
    this.#node = await startNode(this.#parts.settings, this.#parts.name, this.#parts.leaseMs);
  }

  async #sweep(): Promise<void> {
    const { database, clock, unknownResendMs, log } = this.#parts;
    await this.#release(this.#unreleased.splice(0));
    const taken = await takeOverDeadNodes(database, this.#node.id, { now: clock.now(), unknownResendMs });
    if (taken.nodes > 0) log.warn(taken, "took over the work of dead nodes");
    for (const round of await listOpenRounds(database.engine))
      await requeueUnknown(database.engine, round, clock.now());
    await closeDueRounds(database.engine, clock.now());
  }

  // ---- one mail -------------------------------------------------------------------------------------------------

  /** Composes, signs and hands over one mail; returns the connection for the next. */
  async #see(ready: Ready, standing: LaneConnection | null): Promise<LaneConnection | null> {
    while (this.#isHeldUp() && !this.#stopping.signal.aborted) await this.#pause(databaseDownPauseMs / 5);
    const prepared = await this.#prepare(ready);
    if (!prepared) return standing;
    while (this.#outcomes.pending > pendingOutcomesMost) await this.#outcomes.idle();
    const lane = this.#parts.channel.laneOf(ready.claimed.address);
    const connection = standing?.lane === lane ? standing : await this.#connect(ready, lane, standing);
    if (!connection) return null;
    const mail = composeMail(prepared, ready.claimed);
    const submission = await connection.open.deliver({ ...mail, beforeFinalDot: () => this.#mark(ready.claimed) });
    const wasStale = submission.kind === "failed" && connection === standing && submission.word.step === "mail";
    // A kept connection may have been closed by the other side meanwhile; that says nothing about this mail.
    if (wasStale) return this.#see(ready, this.#discard(connection));
    await this.#conclude(ready, submission);
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
      const because = error instanceof Error ? error.message : String(error);
      this.#parts.log.error({ err: error, round: round.roundId }, "the round was stopped: it cannot be sent as it is");
      await this.#release([claimed]);
      await stopRound(this.#parts.database.engine, round, because, this.#parts.clock.now());
      return null;
    }
  }

  /** Null: no connection came about, and the mail's attempt is recorded as failed. */
  async #connect(ready: Ready, lane: string, standing: LaneConnection | null): Promise<LaneConnection | null> {
    await standing?.open.close().catch(() => undefined);
    this.#discard(standing);
    const opened = await this.#parts.channel.open(lane);
    if (opened.kind === "open") {
      this.#channelPauseMs = 0;
      this.#open.add(opened);
      return { lane, open: opened };
    }
    await this.#conclude(ready, opened);
    this.#channelPauseMs = Math.min(Math.max(this.#channelPauseMs * 2, channelPauseMs.first), channelPauseMs.longest);
    this.#channelDownUntil = Date.now() + this.#channelPauseMs;
    // The others wait for the host to come back instead of failing one by one.
    await this.#release(this.#ready.drain().map(({ claimed }) => claimed));
    return null;
  }

  #mark(claimed: Claimed): Promise<boolean> {
    if (this.#outcomes.isBlocked) return Promise.resolve(false);
    return this.#marks.add({ orgId: claimed.orgId, id: claimed.id, fence: claimed.fence });
  }

  async #conclude({ claimed, round }: Ready, submission: Submission | ConnectFailure): Promise<void> {
    const { clock, chance, retry, unknownResendMs } = this.#parts;
    const reading = readSubmission(submission);
    if (!reading) {
      if (submission.kind === "withdrawn" && submission.cause !== undefined)
        this.#databaseDownUntil = Date.now() + databaseDownPauseMs;
      return this.#release([claimed]);
    }
    const now = clock.now();
    const delivery = { ...claimed, state: "submitting" } as const;
    const rules = { retry, unknownResendMs, neverSendTwice: round.neverSendTwice };
    const step = decideStep(delivery, reading.event, rules, { now, closesAt: round.closesAt, chance: chance() });
    if (!step) throw new Error(`No step for ${reading.event.kind} of delivery ${String(claimed.id)}`);
    this.#outcomes.add({
      orgId: claimed.orgId,
      id: claimed.id,
      generation: claimed.generation,
      fence: claimed.fence,
      at: now,
      step,
      ...reading,
    });
  }

  /** Gives mails back that have certainly not left. While that cannot be written they are kept aside; the lease's end does it at the latest. */
  async #release(claims: readonly Claimed[]): Promise<void> {
    await releaseClaims(this.#parts.database.engine, this.#node.id, claims, this.#parts.clock.now()).catch(
      (error: unknown) => {
        this.#parts.log.warn({ err: error, mails: claims.length }, "claims could not be given back yet");
        this.#databaseDownUntil = Date.now() + databaseDownPauseMs;
        this.#unreleased.push(...claims);
      },
    );
  }

  /** While marks or outcomes cannot be written, nothing is begun. */
  #isHeldUp(): boolean {
    return this.#outcomes.isBlocked || Date.now() < this.#databaseDownUntil;
  }

  #discard(connection: LaneConnection | null): null {
    if (connection) {
      this.#open.delete(connection.open);
      connection.open.destroy();
    }
    return null;
  }

  // ---- waiting ----------------------------------------------------------------------------------------------------

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

/** Registers a node and starts sending. */
export async function startSender(parts: SenderParts): Promise<Sender> {
  const node = await startNode(parts.settings, parts.name, parts.leaseMs);
  const sender = new SendingNode(parts, node);
  sender.start();
  return sender;
}

/**
 * Keeps this node within the limits of its lanes, which all nodes share through the database: when the next mail may
 * begin, how many connections are this node's part, and what a server's words do to a lane. A lane without a pace costs
 * no statement per mail. The decisions are `shape/`'s; here they are asked for, written down and obeyed.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";
import type { Clock } from "../../ground/clock.ts";
import type { Database } from "../../ground/database.store.ts";
import type { Log } from "../../ground/log.process.ts";
import type { Lane } from "../route/route.ts";
import { connectionsNow, decideConnected, decideConnectFailure, isPaused } from "../shape/circuit.ts";
import { loadLanes, reserveSlots, saveLane, saveMeasures } from "../shape/lane.store.ts";
import { DatabaseClock, Pace } from "../shape/pace.ts";
import { isChosenHost, profileOf } from "../shape/profiles.ts";
import { LaneMeasure } from "./lane-measure.ts";
import { decideRecovery, decideSlowDown, findSlowDown, type LaneState } from "../shape/slow-down.ts";

export interface LaneKeeperParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
  /** Connections to a host of our own choosing (relay, world), which the operator sets. */
  readonly ownConnections: number;
}

interface Kept {
  readonly lane: Lane;
  state: LaneState;
  readonly pace: Pace;
  readonly measure: LaneMeasure;
  reserving: Promise<void> | null;
}

/** A mail that has no slot after this long is given back: others may have work that can go now. */
const patienceMs = 5000;
const askAgainMs = 50;

export class LaneKeeper {
  readonly #parts: LaneKeeperParts;
  readonly #lanes = new Map<string, Kept>();
  readonly #clock = new DatabaseClock();
  #nodes = 1;

  constructor(parts: LaneKeeperParts) {
    this.#parts = parts;
  }

  /** Reads what all nodes have learnt about these lanes, and lets those grow back that may. Called about once a second. */
  async refresh(lanes: readonly Lane[]): Promise<void> {
    const { engine } = this.#parts.database;
    const counted = await engine.query<{ nodes: number }>({
      name: "count-nodes",
      text: "select count(*) as nodes from node where ended_at is null and lease_until > clock_timestamp()",
    });
    this.#nodes = Math.max(1, counted.rows[0]?.nodes ?? 1);
    if (lanes.length === 0) return;
    const states = await loadLanes(engine, lanes);
    for (const lane of lanes) {
      const state = states.get(lane.key);
      if (!state) continue;
      this.#keep(lane, state);
      const grown = decideRecovery(state, this.#parts.clock.now());
      if (grown) await this.#change(lane, () => grown);
    }
  }

  /** Tells the forecast how long a mail takes, from what the lanes have done meanwhile. Called as often as refresh. */
  async measure(
    runners: readonly { readonly lane: Lane; readonly progress: { busy: number; done: number } }[],
  ): Promise<void> {
    const found: { key: string; secondsPerMail: number }[] = [];
    for (const { lane, progress } of runners) {
      const kept = this.#lanes.get(lane.key);
      if (!kept) continue;
      kept.measure.add({ ...progress, atMs: performance.now() });
      // Where mails wait for their slot, the connections are not what takes the time.
      if (kept.state.perSecond !== null) kept.measure.drop();
      const secondsPerMail = kept.measure.take();
      if (secondsPerMail !== null) found.push({ key: lane.key, secondsPerMail });
    }
    await saveMeasures(this.#parts.database.engine, found);
  }

  /** This node's part of the lane's connections, at least one; none while the lane rests. */
  connectionsOf(lane: Lane): number {
    const kept = this.#lanes.get(lane.key);
    if (!kept) return 1;
    const now = connectionsNow(kept.state, this.#parts.clock.now());
    if (!isChosenHost(lane.provider)) return now === 0 ? 0 : Math.max(1, Math.floor(now / this.#nodes));
    const share = now / Math.max(1, profileOf(lane.provider).connections);
    return now === 0 ? 0 : Math.max(1, Math.round(this.#parts.ownConnections * Math.min(1, share)));
  }

  isResting(laneKey: string): boolean {
    const kept = this.#lanes.get(laneKey);
    return kept !== undefined && isPaused(kept.state, this.#parts.clock.now());
  }

  /** How many mails are worth holding in memory for this lane: two seconds of its pace. Null: as many as the connections carry. */
  holdable(laneKey: string): number | null {
    const perSecond = this.#lanes.get(laneKey)?.state.perSecond ?? null;
    return perSecond === null ? null : Math.max(1, Math.ceil((perSecond * 2) / this.#nodes));
  }

  /** Waits for the instant at which one more mail may begin. False: not soon, so that the mail is better given back. */
  async turn(lane: Lane, waiting: number, until: AbortSignal): Promise<boolean> {
    if (!this.#lanes.has(lane.key)) await this.refresh([lane]);
    const kept = this.#lanes.get(lane.key);
    if (!kept || kept.state.perSecond === null) return true;
    const patientUntil = performance.now() + patienceMs;
    while (!until.aborted) {
      if (isPaused(kept.state, this.#parts.clock.now())) return false;
      const slot = kept.pace.take(performance.now());
      if (slot) {
        await pause(slot.fromMs - performance.now(), until);
        // Woken too late, the slot is lost: two nodes together would be too fast.
        if (performance.now() <= slot.untilMs) return true;
        continue;
      }
      if (performance.now() > patientUntil) return false;
      kept.reserving ??= this.#reserve(kept, waiting + 1).finally(() => (kept.reserving = null));
      await kept.reserving;
      if (kept.pace.left(performance.now()) === 0) await pause(askAgainMs, until);
    }
    return false;
  }

  /** What a server said about one mail may be about the lane: too fast, too many connections, come back later. */
  async heard(lane: Lane, word: RemoteWord): Promise<void> {
    if (!findSlowDown(lane.provider, word)) return;
    const now = this.#parts.clock.now();
    await this.#change(lane, (state) => decideSlowDown(state, word, profileOf(lane.provider), now));
  }

  async connected(lane: Lane): Promise<void> {
    if ((this.#lanes.get(lane.key)?.state.failures ?? 0) > 0) await this.#change(lane, decideConnected);
  }

  async unreachable(lane: Lane, word: RemoteWord): Promise<void> {
    const now = this.#parts.clock.now();
    const timedOut = /time[d ]?.?out|no answer/i.test(word.text);
    await this.#change(lane, (state) => decideConnectFailure(state, { timedOut, text: word.text }, now));
  }

  async #reserve(kept: Kept, wanted: number): Promise<void> {
    const sentMs = performance.now();
    const [grant] = await reserveSlots(this.#parts.database.engine, [{ key: kept.lane.key, wanted }]);
    if (grant) kept.pace.add(grant, { sentMs, answeredMs: performance.now() });
  }

  /** Decides anew when another node was quicker; gives up after a few times, for the next reply will say the same. */
  async #change(lane: Lane, decide: (state: LaneState) => LaneState | null): Promise<void> {
    const { database, log } = this.#parts;
    for (let tries = 0; tries < 3; tries++) {
      const standing = (await loadLanes(database.engine, [lane])).get(lane.key);
      const next = standing ? decide(standing) : null;
      if (!standing || !next) return;
      if (!(await saveLane(database.engine, standing, next))) continue;
      this.#keep(lane, next);
      if (next.because !== standing.because)
        log.info(
          { lane: lane.key, because: next.because, perSecond: next.perSecond, connections: next.connections },
          "a lane has changed",
        );
      return;
    }
  }

  #keep(lane: Lane, state: LaneState): void {
    const kept = this.#lanes.get(lane.key);
    if (!kept) {
      this.#lanes.set(lane.key, {
        lane,
        state,
        pace: new Pace(this.#clock),
        measure: new LaneMeasure(),
        reserving: null,
      });
      return;
    }
    const isSlower =
      state.perSecond !== null && (kept.state.perSecond === null || state.perSecond < kept.state.perSecond);
    if (isSlower) kept.pace.drop();
    kept.state = state;
  }
}

async function pause(ms: number, until: AbortSignal): Promise<void> {
  if (ms > 0) await wait(ms, undefined, { signal: until }).catch(() => undefined);
}

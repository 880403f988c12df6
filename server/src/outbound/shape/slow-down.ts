/**
 * How a lane answers to what servers say, and how it comes back. Promises: a lane never exceeds its profile, is never
 * slowed to nothing, and always recovers. Pure: state in, state out; null means that nothing changes.
 * Connections that do not come about are the business of circuit.ts.
 */
import type { SmtpStep } from "@roundtrip/mail/smtp/reply";
import { normaliseSaying } from "../../outcome/cause/normalise-saying.ts";
import { readDelayHint } from "../../outcome/delay-hint.ts";
import { type Circuit, isHalfOpen, isPaused } from "./circuit.ts";
import { type LaneProfile, profileOf, startPace } from "./profiles.ts";
import { type SlowDown, type SlowDownRule, slowDownRules } from "./slow-down-rules.ts";

/** A lane as all nodes share it. */
export interface LaneState extends Circuit {
  readonly key: string;
  readonly provider: string;
  /** Mails a second over all nodes; null is no limit. */
  readonly perSecond: number | null;
  /** At the same time, over all nodes. */
  readonly connections: number;
  /** When it was last slowed down; null: it runs as its profile allows. */
  readonly slowedAt: Date | null;
  /** When its limits may grow the next time. */
  readonly growsAt: Date | null;
}

/** What a server said, at which step. */
export interface LaneReply {
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly text: string;
  readonly step: SmtpStep;
}

/** One mail a minute: no lane is ever slower, or it could not find out that things have become better. */
export const slowestPerSecond = 1 / 60;
/** Replies to what was already under way when the lane slowed down say nothing new. */
const settlingMs = 30_000;
const growthStepMs = 5 * 60_000;
const growthFactor = 2;
const shortestHintMs = 30_000;
const longestHintMs = 60 * 60_000;
const longestExcerpt = 200;

/** A lane as it is before anything was said. */
export function newLane({ key, provider }: { readonly key: string; readonly provider: string }): LaneState {
  const profile = profileOf(provider);
  const { connections } = profile;
  const still = { pausedUntil: null, because: null, failures: 0, slowedAt: null, growsAt: null };
  return { key, provider, perSecond: startPace(profile), connections, ...still };
}

/**
 * The lane after a reply that asks us to slow down; null for any other reply, and for more of the same: many connections
 * are told at once, and what was under way already must not halve the pace once each.
 */
export function decideSlowDown(lane: LaneState, reply: LaneReply, profile: LaneProfile, now: Date): LaneState | null {
  const rule = profile.slowsDown ? findSlowDown(lane.provider, reply) : null;
  if (!rule) return null;
  const isSettling = lane.slowedAt !== null && now.getTime() - lane.slowedAt.getTime() < settlingMs;
  const effect = isSettling ? { ...rule.effect, paceFactor: 1, connectionsFactor: 1 } : rule.effect;
  const slower = {
    perSecond: slowerPace(lane, effect, profile),
    connections: fewerConnections(lane, effect),
    pausedUntil: longerPause(lane.pausedUntil, pauseEnd(effect, reply, now)),
  };
  if (isSettling && isSameLimit(lane, slower)) return null;
  const held = new Date(now.getTime() + effect.holdMs);
  return {
    ...lane,
    ...slower,
    because: `${rule.id}: ${reply.text.slice(0, longestExcerpt)}`,
    slowedAt: now,
    growsAt: slower.pausedUntil && slower.pausedUntil > held ? slower.pausedUntil : held,
  };
}

/** The first rule that fits a reply from a lane of this provider. */
export function findSlowDown(provider: string, reply: LaneReply): SlowDownRule | null {
  const text = normaliseSaying(reply.text);
  const fits = ({ scope, steps, codes, pattern, permanentToo }: SlowDownRule): boolean =>
    (scope === "any" || scope.includes(provider)) &&
    (permanentToo === true || !isPermanent(reply)) &&
    (steps === undefined || steps.includes(reply.step)) &&
    (codes === undefined || codes.includes(reply.enhanced ?? "") || codes.includes(String(reply.code))) &&
    (pattern === undefined || pattern.test(text));
  const isRefusal = reply.code !== null && reply.code >= 400;
  return isRefusal ? (slowDownRules.find(fits) ?? null) : null;
}

/**
 * The lane one step further back to its profile, once it may grow; null while it may not, or when it is there. A lane
 * whose profile has become stricter meanwhile is brought down to it.
 */
export function decideRecovery(lane: LaneState, now: Date): LaneState | null {
  const profile = profileOf(lane.provider);
  const most = { perSecond: startPace(profile), connections: profile.connections };
  const isThere = lane.perSecond === most.perSecond && lane.connections === most.connections;
  if (lane.growsAt === null) return isThere ? null : { ...lane, ...most };
  if (lane.growsAt > now || isPaused(lane, now)) return null;
  const grown = {
    perSecond: fasterPace(lane, profile),
    connections: Math.min(most.connections, lane.connections * growthFactor),
  };
  if (grown.perSecond !== most.perSecond || grown.connections !== most.connections)
    return { ...lane, ...grown, growsAt: new Date(now.getTime() + growthStepMs) };
  const there = { ...lane, ...most, slowedAt: null, growsAt: null };
  return isHalfOpen(lane, now) ? there : { ...there, pausedUntil: null, because: null };
}

function isPermanent({ code }: LaneReply): boolean {
  return code !== null && code >= 500;
}

function slowerPace(lane: LaneState, { paceFactor = 1, paceMost = Infinity }: SlowDown, profile: LaneProfile) {
  if (paceFactor === 1 && paceMost === Infinity) return lane.perSecond;
  const from = lane.perSecond ?? profile.brakingPerSecond;
  return Math.max(slowestPerSecond, Math.min(from * paceFactor, paceMost));
}

function fewerConnections(lane: LaneState, { connectionsFactor = 1, connectionsMost = Infinity }: SlowDown): number {
  return Math.max(1, Math.min(Math.floor(lane.connections * connectionsFactor), connectionsMost));
}

/** A wait that the reply names is the least it asks for, within reason: it may be nonsense. */
function pauseEnd({ pauseMs = 0 }: SlowDown, reply: LaneReply, now: Date): Date | null {
  const hintMs = readDelayHint(reply.text) ?? 0;
  const askedMs = hintMs >= shortestHintMs ? Math.min(hintMs, longestHintMs) : 0;
  const waitMs = Math.max(pauseMs, askedMs);
  return waitMs === 0 ? null : new Date(now.getTime() + waitMs);
}

/** The same pause, told again a moment later, is not a longer one. */
function longerPause(standing: Date | null, asked: Date | null): Date | null {
  if (standing === null || asked === null) return standing ?? asked;
  return asked.getTime() - standing.getTime() > settlingMs ? asked : standing;
}

function isSameLimit(lane: LaneState, other: Pick<LaneState, "perSecond" | "connections" | "pausedUntil">): boolean {
  return (
    lane.perSecond === other.perSecond &&
    lane.connections === other.connections &&
    lane.pausedUntil?.getTime() === other.pausedUntil?.getTime()
  );
}

function fasterPace(lane: LaneState, profile: LaneProfile): number | null {
  const most = startPace(profile);
  if (lane.perSecond === null) return most;
  const faster = lane.perSecond * growthFactor;
  return faster >= (most ?? profile.brakingPerSecond) ? most : faster;
}

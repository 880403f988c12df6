/**
 * Plans what a node claims next: how many mails for which domains of which round, so that every lane is kept busy and no
 * more, every round gets its turn, and a test round is never starved. Pure.
 */
import type { OpenRound, Want } from "./queue.store.ts";

/** A lane as the planner sees it. */
export interface LaneRoom {
  readonly key: string;
  /** How many more mails it takes into memory now. */
  readonly room: number;
}

/** Domains of one round that go by one lane. */
export interface Stretch {
  readonly round: OpenRound;
  readonly laneKey: string;
  readonly domains: readonly string[];
}

/** One claim: for one round, `most` in all. */
export interface ClaimPlan {
  readonly round: OpenRound;
  readonly laneKeys: readonly string[];
  readonly wants: readonly Want[];
  readonly most: number;
}

/**
 * Each lane's room is shared out between the rounds that have work for it: test rounds take what they need first, the
 * others get equal parts. `turn` moves the start of every list, so that nobody is always first. Lanes with a single
 * domain of a round are claimed together in one statement; a lane with many gets one of its own, or it would overflow.
 */
export function planClaims(
  lanes: readonly LaneRoom[],
  stretches: readonly Stretch[],
  turn: number,
): readonly ClaimPlan[] {
  const plans: ClaimPlan[] = [];
  const together = new Map<OpenRound, { wants: Want[]; laneKeys: string[]; most: number }>();
  for (const { key, room } of rotate(lanes, turn)) {
    for (const { stretch, share } of shareOut(
      room,
      stretches.filter((stretch) => stretch.laneKey === key),
      turn,
    )) {
      const domains = rotate(stretch.domains, turn);
      const wants = domains.map((domain) => ({ domain, most: share }));
      if (domains.length > 1) {
        plans.push({ round: stretch.round, laneKeys: [key], wants, most: share });
        continue;
      }
      const group = together.get(stretch.round) ?? { wants: [], laneKeys: [], most: 0 };
      group.wants.push(...wants);
      group.laneKeys.push(key);
      group.most += share;
      together.set(stretch.round, group);
    }
  }
  for (const [round, group] of together) plans.push({ round, ...group });
  return plans.toSorted((left, right) => Number(left.round.kind === "live") - Number(right.round.kind === "live"));
}

function shareOut(
  room: number,
  stretches: readonly Stretch[],
  turn: number,
): readonly { stretch: Stretch; share: number }[] {
  if (room <= 0 || stretches.length === 0) return [];
  const tests = stretches.filter(({ round }) => round.kind === "test");
  const live = rotate(
    stretches.filter(({ round }) => round.kind === "live"),
    turn,
  );
  // A test round has 25 people at most: giving it all the room it could want costs the others nothing lasting.
  const shares = tests.map((stretch) => ({ stretch, share: room }));
  const part = Math.max(1, Math.floor(room / Math.max(1, live.length)));
  return [...shares, ...live.slice(0, room).map((stretch) => ({ stretch, share: part }))];
}

function rotate<Item>(items: readonly Item[], turn: number): readonly Item[] {
  const start = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

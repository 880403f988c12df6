/** Claims are planned so that lanes are filled but not overfilled, rounds take turns, and test rounds come first. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planClaims, type Stretch } from "./plan-claims.ts";
import type { OpenRound } from "./queue.store.ts";

const round = (roundId: number, kind: "test" | "live" = "live"): OpenRound => ({
  orgId: 1,
  roundId,
  kind,
  closesAt: new Date(0),
  neverSendTwice: false,
});
const stretch = (of: OpenRound, laneKey: string, ...domains: string[]): Stretch => ({ round: of, laneKey, domains });

describe("planClaims", () => {
  it("gives two rounds in one lane equal parts of its room", () => {
    const plans = planClaims(
      [{ key: "relay", room: 100 }],
      [stretch(round(1), "relay", "a", "b"), stretch(round(2), "relay", "a", "b")],
      0,
    );
    expect(plans.map((plan) => [plan.round.roundId, plan.most])).toEqual([
      [1, 50],
      [2, 50],
    ]);
  });

  it("asks for a test round first, and for all it could want", () => {
    const plans = planClaims(
      [{ key: "relay", room: 60 }],
      [stretch(round(1), "relay", "a", "b"), stretch(round(2, "test"), "relay", "a", "b")],
      3,
    );
    expect(plans[0]).toMatchObject({ round: { roundId: 2 }, most: 60 });
    expect(plans[1]).toMatchObject({ round: { roundId: 1 }, most: 60 });
  });

  it("claims many single-domain lanes of a round in one statement", () => {
    const one = round(1);
    const lanes = Array.from({ length: 50 }, (_, index) => ({ key: `own:${String(index)}`, room: 4 }));
    const plans = planClaims(
      lanes,
      lanes.map(({ key }) => stretch(one, key, key)),
      7,
    );
    expect(plans).toHaveLength(1);
    expect(plans[0]).toMatchObject({ most: 200 });
    expect(plans[0]?.wants).toHaveLength(50);
  });

  it("asks nothing of a full lane, and lets a different round begin each turn", () => {
    expect(planClaims([{ key: "relay", room: 0 }], [stretch(round(1), "relay", "a")], 0)).toEqual([]);
    const firsts = [0, 1, 2].map(
      (turn) =>
        planClaims(
          [{ key: "relay", room: 1 }],
          [1, 2, 3].map((id) => stretch(round(id), "relay", "a", "b")),
          turn,
        )[0]?.round.roundId,
    );
    expect(new Set(firsts).size).toBe(3);
  });

  it("never asks live rounds for more than the room of a lane with many domains", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 20 }), fc.nat(100), (room, rounds, turn) => {
        const stretches = Array.from({ length: rounds }, (_, index) => stretch(round(index), "lane", "a", "b", "c"));
        const asked = planClaims([{ key: "lane", room }], stretches, turn).reduce((sum, plan) => sum + plan.most, 0);
        expect(asked).toBeLessThanOrEqual(room);
      }),
    );
  });
});

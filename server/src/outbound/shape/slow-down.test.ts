/** A lane obeys, never stands still for ever, never runs above its profile, and always comes back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideConnected, decideConnectFailure, isPaused } from "./circuit.ts";
import { profileOf, profiles, startPace } from "./profiles.ts";
import {
  decideRecovery,
  decideSlowDown,
  type LaneReply,
  type LaneState,
  newLane,
  slowestPerSecond,
} from "./slow-down.ts";
import { slowDownRules } from "./slow-down-rules.ts";

const start = new Date("2026-11-24T08:00:00Z");
const minute = 60_000;
const after = (ms: number, from = start) => new Date(from.getTime() + ms);
const lane = (provider: string) => newLane({ key: `mx:192.0.2.10:${provider}`, provider });
const reply = (code: number, text: string, step: LaneReply["step"] = "rcpt"): LaneReply => ({
  code,
  enhanced: /^[45]\.\d\.\d+/.exec(text)?.[0] ?? null,
  text,
  step,
});
const told = (state: LaneState, said: LaneReply, now = start) =>
  decideSlowDown(state, said, profileOf(state.provider), now);

const busy = reply(451, "4.7.500 Server busy. Please try again later from [192.0.2.4]");
const tooMany = reply(421, "4.7.0 Error: too many connections from 192.0.2.4");

/** Runs the lane's recovery minute by minute until nothing changes any more. */
function recovered(state: LaneState, from: Date): { lane: LaneState; minutes: number } {
  let current = state;
  for (let minutes = 0; minutes < 3000; minutes++) {
    const next = decideRecovery(current, after(minutes * minute, from));
    if (next) current = next;
    else if (current.growsAt === null) return { lane: current, minutes };
  }
  return { lane: current, minutes: Infinity };
}

describe("decideSlowDown", () => {
  it("halves the pace when a server is busy; an unlimited lane goes on from its braking pace", () => {
    const own = told(lane("own:example.com"), reply(450, "4.7.1 Error: too much mail from 192.0.2.4"));
    expect(own).toMatchObject({ perSecond: 10, connections: 5, pausedUntil: null, slowedAt: start });
    expect(told(lane("microsoft"), busy)).toMatchObject({ perSecond: 10, connections: 5 });
  });

  it("says which rule and which words it was", () => {
    expect(told(lane("microsoft"), busy)?.because).toBe(
      "microsoft.rate: 4.7.500 Server busy. Please try again later from [192.0.2.4]",
    );
  });

  it("takes fewer connections when there were too many", () => {
    expect(told(lane("own:example.com"), tooMany)).toMatchObject({ connections: 2, perSecond: 15 });
    expect(told({ ...lane("own:example.com"), connections: 1 }, tooMany)).toMatchObject({ connections: 1 });
  });

  it("pauses for as long as the provider's own rule says, or the reply itself, within an hour", () => {
    const complaints = reply(421, "4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to user complaints");
    expect(told(lane("yahoo"), complaints)?.pausedUntil).toEqual(after(120 * minute));
    const named = reply(450, "4.7.1 Rate limit exceeded, try again in 10 minutes");
    expect(told(lane("relay"), named)?.pausedUntil).toEqual(after(10 * minute));
    const absurd = reply(450, "4.7.1 Rate limit exceeded, try again in 9000 hours");
    expect(told(lane("relay"), absurd)?.pausedUntil).toEqual(after(60 * minute));
  });

  it("is told once, though forty connections hear it at the same moment", () => {
    let state = lane("microsoft");
    let changes = 0;
    for (let n = 0; n < 40; n++) {
      const next = told(state, n % 2 === 0 ? busy : tooMany, after(n * 100));
      if (next) [state, changes] = [next, changes + 1];
    }
    expect({ perSecond: state.perSecond, changes }).toEqual({ perSecond: 10, changes: 1 });
    expect(told(state, busy, after(31_000))).toMatchObject({ perSecond: 5 });
  });

  it("obeys a harder rule at once, even just after a mild one", () => {
    const mild = told(lane("google"), reply(421, "4.7.0 Try again later, closing connection."))!;
    const hard = told(mild, reply(421, "4.7.28 Gmail has detected an unusual rate of unsolicited mail"), after(1000));
    expect(hard).toMatchObject({ perSecond: 10 / 60, connections: 1 });
  });

  it("does not let a refused person of the miniature world slow the whole world", () => {
    expect(told(lane("world"), reply(421, "4.7.0 Too many messages from your address"))).toBeNull();
  });

  it("has nothing to do with other replies", () => {
    expect(told(lane("google"), reply(550, "5.1.1 no such user"))).toBeNull();
    expect(told(lane("google"), reply(250, "2.0.0 slow down is what this mail was about"))).toBeNull();
  });
});

describe("decideRecovery", () => {
  it("holds, then doubles every five minutes, then forgets", () => {
    const slow = told(lane("google"), reply(421, "4.7.28 unusual rate of unsolicited mail"))!;
    expect(decideRecovery(slow, after(29 * minute))).toBeNull();
    const first = decideRecovery(slow, after(30 * minute))!;
    expect(first).toMatchObject({ perSecond: 20 / 60, connections: 2 });
    expect(decideRecovery(first, after(34 * minute))).toBeNull();
    const { lane: end, minutes } = recovered(slow, start);
    expect(end).toEqual(lane("google"));
    expect(minutes).toBeLessThan(75);
  });

  it("waits for the end of a pause", () => {
    const paused = told(lane("yahoo"), reply(421, "[TSS05] temporarily deferred"))!;
    expect(decideRecovery(paused, after(239 * minute))).toBeNull();
    expect(isPaused(paused, after(239 * minute))).toBe(true);
    expect(isPaused(paused, after(240 * minute))).toBe(false);
  });

  it("brings a lane to its profile when that has changed, and leaves one alone that is there", () => {
    expect(decideRecovery({ ...lane("yahoo"), perSecond: 500, connections: 70 }, start)).toEqual(lane("yahoo"));
    expect(decideRecovery(lane("yahoo"), start)).toBeNull();
  });
});

describe("whatever servers say, and in whatever order", () => {
  const texts = slowDownRules.flatMap(({ matches }) => matches);
  const event = fc.record({
    waitMs: fc.integer({ min: 0, max: 20 * minute }),
    what: fc.oneof(
      fc.record({ kind: fc.constant("said" as const), line: fc.oneof(fc.constantFrom(...texts), fc.string()) }),
      fc.record({
        kind: fc.constantFrom("recover" as const, "connected" as const, "failed" as const, "timed-out" as const),
      }),
    ),
  });
  const laneOf = fc.constantFrom(...profiles.map(({ provider }) => provider), "own:example.com", "unheard-of");

  it("no lane runs above its profile or below one mail a minute, every pause ends within a day, and all is forgotten in the end", () => {
    fc.assert(
      fc.property(laneOf, fc.array(event, { maxLength: 60 }), (provider, events) => {
        const profile = profileOf(provider);
        const most = startPace(profile) ?? Infinity;
        let [state, now] = [lane(provider), start];
        for (const { waitMs, what } of events) {
          now = after(waitMs, now);
          state = next(state, what, now) ?? state;
          expect(state.perSecond ?? most).toBeLessThanOrEqual(most);
          expect(state.perSecond ?? most).toBeGreaterThanOrEqual(slowestPerSecond);
          expect(state.connections).toBeLessThanOrEqual(profile.connections);
          expect(state.connections).toBeGreaterThanOrEqual(1);
          expect((state.pausedUntil?.getTime() ?? 0) - now.getTime()).toBeLessThanOrEqual(24 * 60 * minute);
        }
        const healthy = decideConnected(state) ?? state;
        expect(recovered(healthy, now).lane).toEqual(lane(provider));
      }),
    );
  });

  function next(state: LaneState, what: { kind: string; line?: string }, now: Date): LaneState | null {
    switch (what.kind) {
      case "said": {
        const [, code = "421", text = ""] = /^(\d{3}) (.*)$/s.exec(what.line ?? "") ?? [];
        return told(state, reply(Number(code), text, "mail"), now);
      }
      case "connected":
        return decideConnected(state);
      case "recover":
        return decideRecovery(state, now);
      default:
        return decideConnectFailure(state, { timedOut: what.kind === "timed-out", text: "no route" }, now);
    }
  }
});

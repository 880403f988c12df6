/** A host that does not answer is left in peace, asked again by one connection, and trusted again when that works. */
import { describe, expect, it } from "vitest";
import {
  type Circuit,
  closedCircuit,
  connectionsNow,
  decideConnected,
  decideConnectFailure,
  isHalfOpen,
  isPaused,
} from "./circuit.ts";

const start = new Date("2026-11-24T08:00:00Z");
const minute = 60_000;
const after = (ms: number) => new Date(start.getTime() + ms);
const refused = { timedOut: false, text: "connection refused" };
const silent = { timedOut: true, text: "no answer in 60 seconds" };

function afterFailures(count: number, trouble: typeof refused): Circuit {
  let circuit = closedCircuit;
  for (let n = 0; n < count; n++) circuit = decideConnectFailure(circuit, trouble, circuit.pausedUntil ?? start)!;
  return circuit;
}

describe("a circuit", () => {
  it("opens after three failures in a row, and not when one came about in between", () => {
    expect(isPaused(afterFailures(2, refused), start)).toBe(false);
    expect(afterFailures(3, refused)).toEqual({
      failures: 3,
      pausedUntil: after(2 * minute),
      because: "no connection: connection refused",
    });
    const mended = decideConnected(afterFailures(2, refused))!;
    expect(isPaused(decideConnectFailure(mended, refused, start)!, start)).toBe(false);
  });

  it("waits 2 minutes, then 4, 8, 16, and never more than 30", () => {
    const waits = [3, 4, 5, 6, 7, 8, 40].map((count) => {
      const before = afterFailures(count - 1, refused).pausedUntil ?? start;
      return (afterFailures(count, refused).pausedUntil!.getTime() - before.getTime()) / minute;
    });
    expect(waits).toEqual([2, 4, 8, 16, 30, 30, 30]);
  });

  it("waits 15 minutes for a host that does not even refuse", () => {
    expect(afterFailures(3, silent).pausedUntil).toEqual(after(15 * minute));
  });

  it("lets one connection through when the pause is over, and as many as ever once that came about", () => {
    const lane = { ...afterFailures(3, refused), connections: 5 };
    expect(connectionsNow(lane, start)).toBe(0);
    expect(connectionsNow(lane, after(2 * minute))).toBe(1);
    expect(isHalfOpen(lane, after(2 * minute))).toBe(true);
    const mended = decideConnected(lane)!;
    expect(mended).toEqual({ ...closedCircuit, connections: 5 });
    expect(connectionsNow(mended, after(2 * minute))).toBe(5);
  });

  it("does not count what was under way while it is open, and a connection that came about changes nothing when all is well", () => {
    expect(decideConnectFailure(afterFailures(3, refused), refused, after(1000))).toBeNull();
    expect(decideConnected(closedCircuit)).toBeNull();
  });

  it("does not cut a pause short that a server asked for", () => {
    const asked = { ...closedCircuit, pausedUntil: after(60 * minute), because: "yahoo.complaints: …", failures: 1 };
    expect(decideConnected(asked)).toMatchObject({ pausedUntil: after(60 * minute), failures: 0 });
  });
});

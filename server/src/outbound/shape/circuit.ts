/**
 * A circuit breaker for whatever we connect to, a whole lane or one host: after a few connections in a row that did not
 * come about nothing is tried for a while, then one probe, and only its success opens the way again. Pure.
 */

/** State of a circuit. A lane has one (slow-down.ts); a node may keep more, one a host. */
export interface Circuit {
  /** Nothing is begun before this instant. */
  readonly pausedUntil: Date | null;
  /** Why it is slow or paused, for people: the id of a rule and the server's words. */
  readonly because: string | null;
  /** Connections in a row that did not come about. */
  readonly failures: number;
}

/** Nothing has gone wrong yet. */
export const closedCircuit: Circuit = { pausedUntil: null, because: null, failures: 0 };

const failuresToTrip = 3;
const minute = 60_000;
const firstPauseMs = 2 * minute;
const longestPauseMs = 30 * minute;
/** A host that does not even refuse costs us the whole wait, every time. */
const timeoutPauseMs = 15 * minute;

/** The circuit after a connection that did not come about. Failures of what was under way while it is paused count no more. */
export function decideConnectFailure<State extends Circuit>(
  circuit: State,
  trouble: { readonly timedOut: boolean; readonly text: string },
  now: Date,
): State | null {
  if (isPaused(circuit, now)) return null;
  const failures = circuit.failures + 1;
  if (failures < failuresToTrip) return { ...circuit, failures };
  const doublings = Math.min(failures - failuresToTrip, 10);
  const grown = Math.min(firstPauseMs * 2 ** doublings, longestPauseMs);
  const pauseMs = trouble.timedOut ? Math.max(grown, timeoutPauseMs) : grown;
  const pausedUntil = new Date(now.getTime() + pauseMs);
  return { ...circuit, failures, pausedUntil, because: `no connection: ${trouble.text.slice(0, 200)}` };
}

/** The circuit after a connection that came about; null when nothing had gone wrong. A pause for another reason stays. */
export function decideConnected<State extends Circuit>(circuit: State): State | null {
  if (circuit.failures === 0) return null;
  if (circuit.failures < failuresToTrip) return { ...circuit, failures: 0 };
  return { ...circuit, failures: 0, pausedUntil: null, because: null };
}

export function isPaused({ pausedUntil }: Circuit, now: Date): boolean {
  return pausedUntil !== null && pausedUntil > now;
}

/** The pause is over, and the next connection shows whether the trouble is. */
export function isHalfOpen(circuit: Circuit, now: Date): boolean {
  return circuit.failures >= failuresToTrip && !isPaused(circuit, now);
}

/** How many connections may stand now: none in a pause, one as a probe, else what the lane has. */
export function connectionsNow(lane: Circuit & { readonly connections: number }, now: Date): number {
  if (isPaused(lane, now)) return 0;
  return isHalfOpen(lane, now) ? 1 : lane.connections;
}

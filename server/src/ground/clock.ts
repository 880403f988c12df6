/** Time as an argument: what the rest of the program may ask about time. Pure; the real clock is in system-clock.process.ts. */

/** A source of instants. `realMs` turns a span of this clock into the real milliseconds one has to wait for it. */
export interface Clock {
  now(): Date;
  realMs(spanMs: number): number;
}

/**
 * A clock that runs `speed` times as fast as `base`, starting together with it. Demos and tests let hours of
 * retries pass in seconds with it; leases and network timeouts never use it.
 */
export function fastClock(base: Clock, speed: number): Clock {
  const start = base.now().getTime();
  return {
    now: () => new Date(start + (base.now().getTime() - start) * speed),
    realMs: (spanMs) => base.realMs(spanMs / speed),
  };
}

/** Time as an argument: what the rest of the program may ask about time. Pure; the real clock is in system-clock.process.ts. */

export interface Clock {
  now(): Date;
}

/** A clock that someone may move forward. */
export interface JumpingClock extends Clock {
  /** Makes `now()` at least `instant`; never goes back. */
  jumpTo(instant: Date): void;
}

/**
 * Runs like `base` and can be moved forward, so that a demo or a test need not wait the hours between two tries.
 * Leases and network timeouts never use it.
 */
export function jumpingClock(base: Clock): JumpingClock {
  let aheadMs = 0;
  const now = () => new Date(base.now().getTime() + aheadMs);
  return {
    now,
    jumpTo: (instant) => {
      aheadMs += Math.max(0, instant.getTime() - now().getTime());
    },
  };
}

/** Reads a wait that a mail server names in its refusal ("try again in 300 seconds"). Guesses nothing else. */

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000 } as const;
const hint =
  /\b(?:in|after|for|wait|within)\s{1,3}(\d{1,6})\s?(s|sec|secs|second|seconds|m|min|mins|minute|minutes|h|hour|hours)\b/i;
const clock = /\b(?:in|after|for)\s{1,3}(\d{1,2}):(\d{2}):(\d{2})\b/i;

/** Milliseconds, or null when the text names no wait. */
export function readDelayHint(text: string): number | null {
  const worded = hint.exec(text);
  if (worded) return Number(worded[1]) * unitsMs[worded[2]?.[0]?.toLowerCase() as keyof typeof unitsMs];
  const timed = clock.exec(text);
  return timed ? (Number(timed[1]) * 3600 + Number(timed[2]) * 60 + Number(timed[3])) * 1000 : null;
}

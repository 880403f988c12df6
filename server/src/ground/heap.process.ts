/**
 * Tells V8 that memory may grow before it is cleaned up whole. Each mail leaves some 80 KB of short-lived text and bytes
 * behind; by default V8 takes that for a growing heap and marks all of it again every few hundred mails, for a tenth of
 * a sender's CPU. The heap still stays within a small multiple of what is alive.
 */
import { setFlagsFromString } from "node:v8";

/** How much the heap may grow beyond what was alive after the last whole collection. */
const growthPercent = 300;

/** To be called before work begins; it changes nothing else about the process. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${String(growthPercent)}`);
}

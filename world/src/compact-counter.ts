/**
 * Counts how often each of many texts was seen, in about 24 bytes a text whatever its length: what is kept is a 64-bit
 * hash, so two texts are taken for one with a chance of about 1 in 40 million among a million. It cannot list the texts.
 */
import { hash } from "node:crypto";

const FIRST_SLOTS = 1024;
/** Per slot: two halves of the hash, and the count; a count of 0 is an empty slot. */
const WORDS = 3;

export class CompactCounter {
  #slots = new Uint32Array(FIRST_SLOTS * WORDS);
  #size = 0;
  #total = 0;

  /** Counts `text` once more and says how often it has been seen now, this time included. */
  add(text: string): number {
    if (2 * (this.#size + 1) > this.#slots.length / WORDS) this.#grow();
    const [high, low] = hashOf(text);
    const at = slotOf(this.#slots, high, low);
    const count = at.count + 1;
    this.#slots.set([high, low, count], at.offset);
    this.#total += 1;
    if (count === 1) this.#size += 1;
    return count;
  }

  /** How often `text` was added. */
  of(text: string): number {
    return slotOf(this.#slots, ...hashOf(text)).count;
  }

  /** How many different texts were added. */
  get size(): number {
    return this.#size;
  }

  /** How often anything was added: `total - size` are repetitions. */
  get total(): number {
    return this.#total;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(old.length * 2);
    for (let offset = 0; offset < old.length; offset += WORDS) {
      const [high = 0, low = 0, count = 0] = old.subarray(offset, offset + WORDS);
      if (count > 0) this.#slots.set([high, low, count], slotOf(this.#slots, high, low).offset);
    }
  }
}

function hashOf(text: string): [number, number] {
  const digest = hash("sha1", text, "buffer");
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

/** The slot that holds this hash, or the empty one where it belongs. */
function slotOf(slots: Uint32Array, high: number, low: number): { offset: number; count: number } {
  const mask = slots.length / WORDS - 1;
  for (let slot = low & mask; ; slot = (slot + 1) & mask) {
    const offset = slot * WORDS;
    const count = slots[offset + 2] ?? 0;
    if (count === 0 || (slots[offset] === high && slots[offset + 1] === low)) return { offset, count };
  }
}

/**
 * The next mail server, without a socket: answers each mail as chance has it and keeps every copy it took, whether or not
 * its answer arrived. It is the independent witness of what people got.
 */
import type { Claimed } from "../../server/src/outbound/send/queue.store.ts";
import type { Submission } from "../../server/src/outbound/send/smtp-connection.smtp.ts";
import type { Chance } from "./chance.ts";

/** One copy of one mail, as it arrived. */
export interface Copy {
  readonly deliveryId: number;
  readonly generation: number;
  readonly address: string;
  /** With the generation all that makes the bytes of the mail what they are. */
  readonly messageDate: Date;
}

/** How the world behaves in one simulation: shares of all answers; the rest is taken. */
export interface Mood {
  readonly putOff: number;
  readonly refused: number;
  /** Taken, but the answer never comes. */
  readonly droppedAfterDot: number;
  /** Not taken, and no answer comes either. */
  readonly lost: number;
}

export const calm: Mood = { putOff: 0, refused: 0, droppedAfterDot: 0, lost: 0 };

type Answer = Exclude<Submission, { kind: "withdrawn" }>;

export class SimulatedHost {
  readonly copies: Copy[] = [];
  mood: Mood;
  readonly #chance: Chance;

  constructor(chance: Chance, mood: Mood) {
    this.#chance = chance;
    this.mood = mood;
  }

  copiesOf(deliveryId: number, generation: number): readonly Copy[] {
    return this.copies.filter((copy) => copy.deliveryId === deliveryId && copy.generation === generation);
  }

  /** The answer to a mail that was handed over whole. */
  take(mail: Claimed): Answer {
    const { putOff, refused, droppedAfterDot, lost } = this.mood;
    const drawn = this.#chance.next();
    if (drawn < putOff) return this.#say(putOffWords, "body");
    if (drawn < putOff + refused) return this.#say(refusedWords, "body");
    if (drawn < putOff + refused + lost) return noAnswer;
    const { id, generation, address, messageDate } = mail;
    this.copies.push({ deliveryId: id, generation, address, messageDate });
    return drawn < putOff + refused + lost + droppedAfterDot ? noAnswer : taken;
  }

  /** How a mail fails before a byte of it has left. */
  turnAway(): Answer {
    if (this.#chance.isLikely(0.4)) return unreachable;
    return this.#say(this.#chance.isLikely(0.5) ? putOffWords : refusedWords, "rcpt");
  }

  #say(words: readonly (readonly [number, string, string])[], step: "rcpt" | "body"): Answer {
    const [code, enhanced, text] = this.#chance.pick(words) ?? [450, "4.0.0", ""];
    return { kind: "refused", word: { step, code, enhanced, text, temporary: code < 500 }, peer };
  }
}

const peer = { host: "mx.example.com", address: "192.0.2.25", localAddress: "192.0.2.1", tls: null };

const taken: Answer = {
  kind: "accepted",
  word: { step: "body", code: 250, enhanced: "2.0.0", text: "2.0.0 queued", temporary: false },
  peer,
};
const noAnswer: Answer = {
  kind: "unknown",
  word: { step: "body", code: null, enhanced: null, text: "The connection was lost.", temporary: true },
  peer,
};
const unreachable: Answer = {
  kind: "failed",
  word: { step: "connect", code: null, enhanced: null, text: "No connection came about.", temporary: true },
  peer: { ...peer, address: null },
};
const putOffWords = [
  [451, "4.7.1", "4.7.1 Greylisted, try again in 300 seconds"],
  [452, "4.2.2", "4.2.2 Mailbox full"],
  [421, "4.7.0", "4.7.0 Too many connections, slow down"],
  [451, "4.3.0", "4.3.0 Temporary system problem"],
] as const;
const refusedWords = [
  [550, "5.1.1", "5.1.1 User unknown"],
  [550, "5.1.1", "5.1.1 No such mailbox"],
  [550, "5.7.1", "5.7.1 Rejected by policy"],
  [552, "5.2.2", "5.2.2 Over quota"],
] as const;

/**
 * What has arrived: the newest mails as they came, and counts of all of them in compact form, so that a ledger can be
 * checked against the world by an independent count. Bounded memory: old mails are let go, counts are not. It decides
 * nothing.
 */
import { CompactCounter } from "./compact-counter.ts";
import { PERSONA_NAMES, type PersonaName } from "./personas.ts";
import type { MailCommand, RcptCommand } from "./smtp/command.ts";

/** One mail to one recipient, as it came. */
export interface ReceivedMail {
  /** 1, 2, 3 … in order of arrival. */
  readonly id: number;
  readonly receivedAt: Date;
  readonly mail: MailCommand;
  readonly rcpt: RcptCommand;
  readonly persona: PersonaName;
  /** With its angle brackets; empty when the mail has none. */
  readonly messageId: string;
  /** How the client named itself in EHLO. */
  readonly helloName: string;
  readonly remoteAddress: string;
  /** Such as `TLSv1.3`; null in clear. */
  readonly tlsVersion: string | null;
  readonly bytes: Buffer;
}

export interface PersonaCounts {
  /** Different addresses that were tried. */
  readonly recipients: number;
  /** RCPT commands. */
  readonly tries: number;
  /** Mails that lie in mailboxes. */
  readonly kept: number;
}

export interface Counts {
  readonly connections: number;
  /** Mails in mailboxes: what a person would find there. */
  readonly kept: number;
  /** Different recipients who got at least one mail. `kept - recipients` is what they got beyond the first. */
  readonly recipients: number;
  /** Different pairs of Message-ID and recipient among the kept. `kept - messages` are duplicates. */
  readonly messages: number;
  readonly personas: Readonly<Record<PersonaName, PersonaCounts>>;
  /** Mails kept for this address (compared without case). */
  readonly toRecipient: (address: string) => number;
  /** Mails kept under this Message-ID, with its angle brackets. */
  readonly ofMessageId: (messageId: string) => number;
}

export interface Mailbox {
  /** Newest first; `recipient` is any part of the address. */
  readonly list: (wish: { recipient?: string; skip: number; take: number }) => { total: number; mails: ReceivedMail[] };
  /** Undefined when it never came, or has been let go. */
  readonly find: (id: number) => ReceivedMail | undefined;
}

export interface ArrivalLimits {
  readonly newestMails: number;
  readonly newestBytes: number;
}

export class Arrivals {
  connections = 0;
  readonly #limits: ArrivalLimits;
  readonly #newest = new Map<number, ReceivedMail>();
  #newestBytes = 0;
  #lastId = 0;
  readonly #tries = new CompactCounter();
  readonly #copies = new CompactCounter();
  readonly #byRecipient = new CompactCounter();
  readonly #byMessageId = new CompactCounter();
  readonly #byMessage = new CompactCounter();
  readonly #personas = new Map(PERSONA_NAMES.map((name) => [name, { recipients: 0, tries: 0, kept: 0 }]));

  constructor(limits: ArrivalLimits) {
    this.#limits = limits;
  }

  /** Counts a RCPT command and says how many there were for this recipient, this one included. */
  countTry(persona: PersonaName, to: string): number {
    const tries = this.#tries.add(to.toLowerCase());
    const counts = this.#personas.get(persona);
    if (counts) {
      counts.tries += 1;
      if (tries === 1) counts.recipients += 1;
    }
    return tries;
  }

  /** Counts a whole mail, kept or not, and says how many with this Message-ID there were for this recipient. */
  countCopy(messageId: string, to: string): number {
    return this.#copies.add(`${messageId} ${to.toLowerCase()}`);
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  keep(received: ReceivedMail): void {
    const to = received.rcpt.to.toLowerCase();
    this.#byRecipient.add(to);
    this.#byMessageId.add(received.messageId);
    this.#byMessage.add(`${received.messageId} ${to}`);
    const counts = this.#personas.get(received.persona);
    if (counts) counts.kept += 1;
    this.#newest.set(received.id, received);
    this.#newestBytes += received.bytes.length;
    this.#letGo();
  }

  counts(): Counts {
    return {
      connections: this.connections,
      kept: this.#byRecipient.total,
      recipients: this.#byRecipient.size,
      messages: this.#byMessage.size,
      personas: Object.fromEntries(
        Array.from(this.#personas, ([name, counts]) => [name, { ...counts }]),
      ) as unknown as Counts["personas"],
      toRecipient: (address) => this.#byRecipient.of(address.toLowerCase()),
      ofMessageId: (messageId) => this.#byMessageId.of(messageId),
    };
  }

  get mailbox(): Mailbox {
    return {
      list: ({ recipient = "", skip, take }) => {
        const part = recipient.trim().toLowerCase();
        const found = Array.from(this.#newest.values()).filter(({ rcpt }) => rcpt.to.toLowerCase().includes(part));
        return { total: found.length, mails: found.toReversed().slice(skip, skip + take) };
      },
      find: (id) => this.#newest.get(id),
    };
  }

  /** A Map remembers the order of arrival, so the first entries are the oldest. */
  #letGo(): void {
    for (const [id, oldest] of this.#newest) {
      const isWithin = this.#newest.size <= this.#limits.newestMails && this.#newestBytes <= this.#limits.newestBytes;
      if (isWithin || id === this.#lastId) return;
      this.#newest.delete(id);
      this.#newestBytes -= oldest.bytes.length;
    }
  }
}

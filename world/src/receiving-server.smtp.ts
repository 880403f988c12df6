/**
 * The mail servers of the miniature world: every recipient is taken in, refused or answered as its persona says
 * (personas.ts), over real SMTP on any number of connections, with opportunistic TLS. Memory is bounded: the newest mails
 * are kept, all are counted. It delivers to nobody but its own mailbox, and relays nothing.
 */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import PostalMime from "postal-mime";
import { type ArrivalLine, openArrivalLog } from "./arrival-log.files.ts";
import { Arrivals, type Counts, type Mailbox, type ReceivedMail } from "./arrivals.ts";
import { decideAtDot, decideAtRcpt, type MailAnswer } from "./decide-answer.ts";
import { readOriginal } from "./notices/original.ts";
import { tongueOf } from "./notices/phrases.ts";
import { type ReadMail, writeNotice } from "./notices/write-notice.ts";
import { NO_STARTTLS_LABEL, personaNamed, personaOf } from "./personas.ts";
import { type SendBack, type SendBackOptions, startSendBack } from "./send-back.smtp.ts";
import type { RcptCommand } from "./smtp/command.ts";
import { type Answer, type House, type Letter, startVisit } from "./smtp/visit.smtp.ts";
import { findWireFault } from "./smtp/wire-fault.ts";
import { writeSelfSignedCertificate } from "./tls/self-signed-certificate.ts";

export interface ReceivingServerOptions {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Offers STARTTLS with a certificate made at the start. Default true. */
  readonly tls?: boolean;
  /** Where notices and replies go; null sends none. */
  readonly sendBack?: SendBackOptions | null;
  readonly timing?: Partial<Timing>;
  /** Distinguishes the Message-IDs of notices between runs; same seed and same mails, same notices. */
  readonly seed?: string;
  /** Appends a line per mail before it is answered (arrival-log.files.ts). */
  readonly logFile?: string;
  /** How many raw mails are kept. Default 2,000, and at most 64 MB together. */
  readonly newestMails?: number;
  readonly now?: () => Date;
}

export interface Timing {
  /** The waits of persona `slow`. */
  readonly slowRcptMs: number;
  readonly slowDotMs: number;
  /** From the 250 to the first notice. */
  readonly noticeMs: number;
  /** From the notice of delay to the notice of success. */
  readonly deliveredLaterMs: number;
  /** The rate of all of persona `throttle` together. */
  readonly throttlePerSecond: number;
}

export interface ReceivingServer {
  readonly port: number;
  /** A second listener that offers STARTTLS and answers it with 454. */
  readonly noStarttlsPort: number;
  /** What DNS would say: the port of the server for this domain. `no-starttls.…` domains have the second listener. */
  readonly portFor: (domain: string) => number;
  readonly counts: () => Counts;
  readonly mailbox: Mailbox;
  /** Null when nothing is sent back. */
  readonly sendBack: SendBack | null;
  /** Cuts every connection. */
  readonly close: () => Promise<void>;
}

const HOST_NAME = "mx.world.example";
const SIZE_MAX_BYTES = 10 * 1024 * 1024;
const NEWEST_BYTES = 64 * 1024 * 1024;
/** Above so many unsent notices, mail that would cause more is put off. */
const MOST_PENDING_NOTICES = 10_000;
const DAY_MS = 24 * 60 * 60 * 1000;

const TIMING: Timing = {
  slowRcptMs: 300,
  slowDotMs: 1000,
  noticeMs: 200,
  deliveredLaterMs: 2000,
  throttlePerSecond: 20,
};

export async function startReceivingServer(options: ReceivingServerOptions): Promise<ReceivingServer> {
  const arrivals = new Arrivals({ newestMails: options.newestMails ?? 2000, newestBytes: NEWEST_BYTES });
  const sendBack = options.sendBack ? startSendBack(options.sendBack) : null;
  const world = new World(options, arrivals, sendBack);
  const tls = (options.tls ?? true) ? makeSecureContext(world.now()) : null;
  const first = await listen(world, tls, options);
  const second = await listen(world, "broken", { ...options, port: 0 });
  return {
    port: first.port,
    noStarttlsPort: second.port,
    portFor: (domain) => (domain.toLowerCase().startsWith(NO_STARTTLS_LABEL) ? second.port : first.port),
    counts: () => arrivals.counts(),
    mailbox: arrivals.mailbox,
    sendBack,
    close: async () => {
      await Promise.all([first.close(), second.close(), sendBack?.close()]);
      world.close();
    },
  };
}

/** What all listeners share: the mailboxes, and how their people answer. */
class World {
  readonly now: () => Date;
  readonly arrivals: Arrivals;
  readonly #timing: Timing;
  readonly #seed: string;
  readonly #log: ReturnType<typeof openArrivalLog> | null;
  readonly #sendBack: SendBack | null;
  readonly #rate = { second: 0, count: 0 };
  readonly #end = new AbortController();

  constructor(options: ReceivingServerOptions, arrivals: Arrivals, sendBack: SendBack | null) {
    this.now = options.now ?? (() => new Date());
    this.arrivals = arrivals;
    this.#timing = { ...TIMING, ...options.timing };
    this.#seed = options.seed ?? "world";
    this.#log = options.logFile === undefined ? null : openArrivalLog(options.logFile);
    this.#sendBack = sendBack;
  }

  answerRcpt(rcpt: RcptCommand): Answer | Promise<Answer> {
    const persona = personaOf(rcpt.to);
    const tries = this.arrivals.countTry(persona, rcpt.to);
    const { isRateLimited, isSlow } = personaNamed(persona);
    const decision = decideAtRcpt(persona, rcpt.to, tries, isRateLimited === true && this.#isAboveRate());
    const answer: Answer =
      decision.kind === "take"
        ? { kind: "reply", text: "250 2.1.5 Ok" }
        : { kind: decision.kind === "refuse" ? "reply" : "hang-up", text: decision.reply };
    return isSlow ? this.#late(this.#timing.slowRcptMs, () => answer) : answer;
  }

  answerMail(letter: Letter): Answer | Promise<Answer> {
    const isSlow = letter.rcpts.some((rcpt) => personaNamed(personaOf(rcpt.to)).isSlow);
    return isSlow ? this.#late(this.#timing.slowDotMs, () => this.#judge(letter)) : this.#judge(letter);
  }

  close(): void {
    this.#end.abort();
    this.#log?.close();
  }

  /** The strictest word of all recipients is the answer to the mail, and holds for all of them. */
  #judge(letter: Letter): Answer {
    const fault = findWireFault(letter.bytes);
    if (fault) return { kind: "reply", text: fault };
    if (this.#isOverloaded(letter)) return { kind: "reply", text: "452 4.3.1 Insufficient system storage" };
    const messageId = readOriginal(letter.bytes).field("Message-ID") ?? "";
    const verdicts = letter.rcpts.map((rcpt) => ({
      rcpt,
      says: decideAtDot(personaOf(rcpt.to), this.arrivals.countCopy(messageId, rcpt.to)),
    }));
    for (const { says } of verdicts) if (says.kind === "refuse") return { kind: "reply", text: says.reply };
    const isDropped = verdicts.some(({ says }) => says.kind === "drop");
    this.#log?.write(verdicts.flatMap(({ rcpt, says }) => logLine(messageId, rcpt.to, says, isDropped)));
    let id = 0;
    for (const { rcpt, says } of verdicts) {
      id = this.arrivals.nextId();
      if (says.kind !== "refuse" && says.keeps === "mail") this.#keep(letter, rcpt, messageId, id);
    }
    return isDropped
      ? { kind: "cut" }
      : { kind: "reply", text: `250 2.0.0 Ok: queued as ${id.toString(36).toUpperCase()}` };
  }

  #keep(letter: Letter, rcpt: RcptCommand, messageId: string, id: number): void {
    const persona = personaOf(rcpt.to);
    const { rcpts: _, ...facts } = letter;
    const received: ReceivedMail = { ...facts, id, rcpt, persona, messageId, receivedAt: this.now() };
    this.arrivals.keep(received);
    this.#mailBack(received);
  }

  #mailBack(received: ReceivedMail): void {
    const { noticeMs, deliveredLaterMs } = this.#timing;
    for (const [index, kind] of personaNamed(received.persona).comesBack.entries()) {
      const token = `${this.#seed}-${received.id.toString(36)}-${index}`;
      const write = async () =>
        writeNotice(kind, { received, now: this.now(), token }, await readAsPerson(received.bytes));
      this.#sendBack?.send(write, noticeMs + index * deliveredLaterMs);
    }
  }

  #isOverloaded({ rcpts }: Letter): boolean {
    if (!this.#sendBack || this.#sendBack.counts().pending < MOST_PENDING_NOTICES) return false;
    return rcpts.some((rcpt) => personaNamed(personaOf(rcpt.to)).comesBack.length > 0);
  }

  #isAboveRate(): boolean {
    const second = Math.floor(this.now().getTime() / 1000);
    if (second !== this.#rate.second) Object.assign(this.#rate, { second, count: 0 });
    this.#rate.count += 1;
    return this.#rate.count > this.#timing.throttlePerSecond;
  }

  async #late(delayMs: number, answer: () => Answer): Promise<Answer> {
    await sleep(delayMs, undefined, { signal: this.#end.signal });
    return answer();
  }
}

function logLine(messageId: string, recipient: string, says: MailAnswer, isDropped: boolean): ArrivalLine[] {
  if (says.kind === "refuse" || says.keeps === "nothing") return [];
  if (isDropped) return [{ messageId, recipient, what: "unanswered" }];
  return [{ messageId, recipient, what: says.keeps === "copy" ? "copy" : "kept" }];
}

/** What a person sees of a mail: its text, and the language it seems to be in. */
async function readAsPerson(bytes: Buffer): Promise<ReadMail> {
  const { text = "", html = "" } = await PostalMime.parse(bytes);
  const language = readOriginal(bytes).field("Content-Language");
  return { text, tongue: tongueOf(language, /<html[^>]*\slang=["']?([a-z-]+)/i.exec(html)?.[1]) };
}

interface Listener {
  readonly port: number;
  readonly close: () => Promise<void>;
}

async function listen(
  world: World,
  tls: House["tls"],
  { host, port }: { host: string; port: number },
): Promise<Listener> {
  const house: House = {
    hostName: HOST_NAME,
    sizeMaxBytes: SIZE_MAX_BYTES,
    tls,
    answerRcpt: (rcpt) => world.answerRcpt(rcpt),
    answerMail: (letter) => world.answerMail(letter),
  };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    world.arrivals.connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    startVisit(socket, house);
  });
  server.listen({ host, port, backlog: 1024 });
  await once(server, "listening");
  return { port: portOf(server), close: () => closeAll(server, sockets) };
}

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return address.port;
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

function makeSecureContext(now: Date): SecureContext {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = writeSelfSignedCertificate({
    publicKey,
    privateKey,
    dnsNames: [HOST_NAME, "localhost"],
    notBefore: new Date(now.getTime() - DAY_MS),
    notAfter: new Date(now.getTime() + 3650 * DAY_MS),
    serial: 1,
  });
  return createSecureContext({ key: privateKey.export({ type: "pkcs8", format: "pem" }), cert });
}

/**
 * Asks our resolvers, and remembers what they said for as long as it holds (TTL, within 1 minute and 1 hour; absences and
 * failures for shorter). It promises an answer within a few seconds whatever the zone does, that a reply counts only from
 * the server that was asked, with the question's own random id and port (RFC 5452), and that a slow zone holds up no other.
 * It follows no referrals: it needs a recursive resolver, and for DANE one on this machine that validates.
 */
import { randomInt } from "node:crypto";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { getServers } from "node:dns";
import { connect } from "node:net";
import { getDomain } from "tldts";
import { type Endpoint, isIpv6, readEndpoint } from "../../ground/ip-address.ts";
import {
  type DnsAnswer,
  isDnsName,
  type Question,
  readAnswer,
  type ReadAnswer,
  type RecordType,
  writeQuestion,
} from "./dns-answer.ts";
import { Remembered } from "./remembered.ts";
import { Turns } from "./turns.ts";

export interface DnsClient {
  /** Never rejects. */
  ask<Type extends RecordType>(name: string, type: Type): Promise<DnsAnswer<Type>>;
  /**
   * All resolvers were named by the operator and stand on this machine, so their word on what is signed reaches us unforged
   * (RFC 7672 §2.1). Those of the system may be mere forwarders, which pass on any AD flag.
   */
  readonly isTrusted: boolean;
}

export interface DnsClientOptions {
  /** Empty: those of the system. */
  readonly resolvers: readonly Endpoint[];
  readonly nowMs: () => number;
  /** For one question in all, however often it is repeated; 5 seconds unless told. */
  readonly timeoutMs?: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const KEPT_ANSWERS = 20_000;
const LONGEST_ABSENCE_MS = 5 * MINUTE;
const FAILURE_HOLDS_MS = 30 * SECOND;
/** Per registrable domain. The slowest zone of all answers 4 questions in 5 seconds, and 64 more may wait for it. */
const ZONE_LIMITS = { atOnce: 4, waitingMax: 64 };
const TRIES = 3;

export function createDnsClient(options: DnsClientOptions): DnsClient {
  const resolvers = options.resolvers.length > 0 ? options.resolvers : findSystemResolvers();
  const isTrusted = options.resolvers.length > 0 && resolvers.every(({ address }) => isLoopback(address));
  const timeoutMs = options.timeoutMs ?? 5 * SECOND;
  const answers = new Remembered<DnsAnswer>(KEPT_ANSWERS);
  const zones = new Turns(ZONE_LIMITS);
  const find = async (question: Question) => {
    const zone = getDomain(question.name) ?? question.name;
    const answer = await zones.take(zone, () => askInTurn(resolvers, question, timeoutMs));
    const value = answer ?? failure("Too many questions about this domain are waiting for its name servers");
    return { value: isTrusted ? value : withoutTrust(value), holdsMs: holdsMs(value) };
  };
  return {
    isTrusted,
    ask: <Type extends RecordType>(name: string, type: Type) => {
      if (!isDnsName(name)) return Promise.resolve(failure("This is no name that DNS could know"));
      // Kept under its type, so what comes out is what was asked for.
      return answers.get(`${type} ${name}`, options.nowMs(), () => find({ name, type })) as Promise<DnsAnswer<Type>>;
    },
  };
}

function findSystemResolvers(): readonly Endpoint[] {
  return getServers().flatMap((text) => readEndpoint(text, 53) ?? []);
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function holdsMs(answer: DnsAnswer): number {
  if (answer.kind === "failed") return FAILURE_HOLDS_MS;
  if (answer.kind === "alias-loop") return MINUTE;
  const longest = answer.kind === "records" ? HOUR : LONGEST_ABSENCE_MS;
  return Math.min(Math.max(answer.ttlSeconds * SECOND, MINUTE), longest);
}

function withoutTrust(answer: DnsAnswer): DnsAnswer {
  return "isAuthentic" in answer ? { ...answer, isAuthentic: false } : answer;
}

function failure(why: string): DnsAnswer & { kind: "failed" } {
  return { kind: "failed", why };
}

/** One resolver after the other, each once or more, until one can say or the time is up. */
async function askInTurn(resolvers: readonly Endpoint[], question: Question, timeoutMs: number): Promise<DnsAnswer> {
  const endsAtMs = performance.now() + timeoutMs;
  let said: DnsAnswer = failure("No name server answered in time");
  const tries = Math.max(TRIES, resolvers.length);
  for (let tried = 0; tried < tries && performance.now() < endsAtMs; tried += 1) {
    const resolver = resolvers[tried % resolvers.length];
    if (!resolver) return failure("There is no resolver to ask: set ROUNDTRIP_RESOLVER");
    const isLast = tried === tries - 1;
    const waitMs = isLast ? endsAtMs - performance.now() : timeoutMs / tries;
    const answer = await askOne(resolver, question, waitMs, endsAtMs);
    if (answer && answer.kind !== "failed") return answer;
    if (answer) said = answer;
    // A failure that was said in so many words will not be better in a moment; another resolver may know more.
    if (answer && tried + 1 >= resolvers.length) return said;
  }
  return said;
}

/** Null: silence. */
async function askOne(
  resolver: Endpoint,
  question: Question,
  waitMs: number,
  endsAtMs: number,
): Promise<DnsAnswer | null> {
  const id = randomInt(0x1_0000);
  const bytes = writeQuestion(question, id);
  const read = (reply: Buffer): ReadAnswer<RecordType> => readAnswer(reply, question, id);
  const answer = await askByUdp(resolver, bytes, read, waitMs);
  if (answer?.kind !== "cut") return answer;
  const whole = await askByTcp(resolver, bytes, read, endsAtMs - performance.now());
  return whole?.kind === "cut" ? failure("The answer was cut off even over TCP") : whole;
}

type Read = (reply: Buffer) => ReadAnswer<RecordType>;
type Heard = DnsAnswer | { readonly kind: "cut" };

/** A socket of its own for each question: the system gives it a random port, and takes replies from this server only. */
function askByUdp(resolver: Endpoint, bytes: Buffer, read: Read, waitMs: number): Promise<Heard | null> {
  const socket = createSocket(isIpv6(resolver.address) ? "udp6" : "udp4");
  return new Promise((resolve) => {
    const end = once((heard: Heard | null) => {
      clearTimeout(timer);
      socket.close();
      resolve(heard);
    });
    const timer = setTimeout(() => end(null), waitMs);
    socket.on("message", (reply) => {
      const answer = read(reply);
      if (isHeard(answer)) end(answer);
    });
    socket.on("error", () => end(failure("The resolver cannot be reached")));
    sendConnected(socket, resolver, bytes);
  });
}

function isHeard(answer: ReadAnswer<RecordType>): answer is Heard {
  return answer.kind !== "not-ours";
}

function sendConnected(socket: UdpSocket, { address, port }: Endpoint, bytes: Buffer): void {
  socket.connect(port, address, () => socket.send(bytes));
}

/** RFC 1035 §4.2.2: each message has its length before it. */
function askByTcp(resolver: Endpoint, bytes: Buffer, read: Read, waitMs: number): Promise<Heard | null> {
  const socket = connect({ host: resolver.address, port: resolver.port });
  return new Promise((resolve) => {
    const end = once((heard: Heard | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(heard);
    });
    const timer = setTimeout(() => end(null), Math.max(waitMs, 0));
    let pending = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length < 2 || pending.length < 2 + pending.readUInt16BE(0)) return;
      const answer = read(pending.subarray(2, 2 + pending.readUInt16BE(0)));
      end(isHeard(answer) ? answer : failure("The resolver answered something else over TCP"));
    });
    socket.on("error", () => end(failure("The resolver cannot be reached over TCP")));
    socket.on("close", () => end(failure("The resolver closed the connection without an answer")));
    socket.write(Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]));
  });
}

/** The first call counts. */
function once<Value>(work: (value: Value) => void): (value: Value) => void {
  let isDone = false;
  return (value) => {
    if (isDone) return;
    isDone = true;
    work(value);
  };
}

/**
 * A DNS server of the miniature world over real UDP and TCP sockets (RFC 1035 §4.2, EDNS by RFC 6891 as far as one OPT
 * record). It plays the resolver on this machine: recursive, with an AD flag for names that are said to be signed. Names
 * may be changed while it runs, and may misbehave. It asks nobody and validates nothing.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import {
  AUTHENTIC_DATA,
  decode,
  type DecodedPacket,
  encode,
  type Packet,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from "dns-packet";
import { answerQuestion, type DnsName, plainName } from "./answer-question.ts";

export interface DnsServer {
  readonly host: string;
  readonly port: number;
  /** As a setting names a server: `127.0.0.1:5353`. */
  readonly address: string;
  set(name: string, entry: DnsName): void;
  remove(name: string): void;
  /** How often a name was asked for a type since the start; without a type, for any. */
  timesAsked(name: string, type?: string): number;
  close(): Promise<void>;
}

const BIND_TRIES = 20;
/** What fits into one datagram without EDNS (RFC 1035 §4.2.1). */
const PLAIN_UDP_BYTES = 512;
const TCP_IDLE_MS = 10_000;

/** Port 0: any that is free for both UDP and TCP. */
export async function startDnsServer(options: {
  readonly names?: Readonly<Record<string, DnsName>>;
  readonly host?: string;
  readonly port?: number;
}): Promise<DnsServer> {
  const { host = "127.0.0.1", port = 0 } = options;
  const house = new NameHouse(options.names ?? {});
  const { udp, tcp, sockets } = await bindBoth(house, host, port);
  const bound = udp.address().port;
  return {
    host,
    port: bound,
    address: `${host}:${String(bound)}`,
    set: (name, entry) => house.set(name, entry),
    remove: (name) => house.remove(name),
    timesAsked: (name, type) => house.timesAsked(name, type),
    close: async () => {
      const closed = Promise.all([once(udp, "close"), once(tcp, "close")]);
      udp.close();
      tcp.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

type Reply = { readonly bytes: Buffer; readonly before?: Buffer } | null;

/** The names, what they are asked, and what goes back. */
class NameHouse {
  readonly #names = new Map<string, DnsName>();
  readonly #asked = new Map<string, number>();

  constructor(names: Readonly<Record<string, DnsName>>) {
    for (const [name, entry] of Object.entries(names)) this.set(name, entry);
  }

  set(name: string, entry: DnsName): void {
    this.#names.set(plainName(name), entry);
  }

  remove(name: string): void {
    this.#names.delete(plainName(name));
  }

  timesAsked(name: string, type = ""): number {
    return this.#asked.get(`${plainName(name)} ${type}`) ?? 0;
  }

  reply(query: Buffer, transport: "udp" | "tcp"): Reply {
    const packet = readQuery(query);
    const [question] = packet?.questions ?? [];
    if (!packet || !question) return null;
    this.#count(question);
    const answer = answerQuestion(this.#names, question);
    if (answer.trouble === "silent") return null;
    if (answer.trouble === "nonsense") return { bytes: Buffer.from([...query.subarray(0, 2), 0xff, 0xff, 0xff]) };
    const response = writeResponse(packet, question, answer);
    const bytes = encode(response);
    const isTooLong = bytes.length > (readUdpBytes(packet) ?? PLAIN_UDP_BYTES);
    if (transport === "udp" && (answer.trouble === "truncated" || isTooLong)) {
      const flags = (response.flags ?? 0) | TRUNCATED_RESPONSE;
      return { bytes: encode({ ...response, flags, answers: [], authorities: [] }) };
    }
    if (answer.trouble === "forged-first") return { bytes, before: forge(response) };
    return { bytes };
  }

  #count({ name, type }: Question): void {
    for (const key of [`${plainName(name)} ${type}`, `${plainName(name)} `])
      this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
  }
}

function readQuery(bytes: Buffer): DecodedPacket | null {
  try {
    const packet = decode(bytes);
    return packet.flag_qr ? null : packet;
  } catch {
    // What is no question gets no answer.
    return null;
  }
}

function readUdpBytes(packet: Packet): number | null {
  const opt = packet.additionals?.find((record) => record.type === "OPT");
  return opt?.type === "OPT" ? opt.udpPayloadSize : null;
}

function writeResponse(query: DecodedPacket, question: Question, answer: ReturnType<typeof answerQuestion>): Packet {
  // RFC 6840 §5.8: AD only for those who show that they understand it.
  const opt = query.additionals?.find((record) => record.type === "OPT");
  const asksForAuthentic = query.flag_ad || (opt?.type === "OPT" && opt.flag_do);
  const authentic = answer.isAuthentic && asksForAuthentic ? AUTHENTIC_DATA : 0;
  return {
    type: "response",
    id: query.id,
    flags: RECURSION_DESIRED | RECURSION_AVAILABLE | authentic | answer.rcode,
    questions: [question],
    answers: answer.answers,
    authorities: answer.authorities,
  };
}

function forge(response: Packet): Buffer {
  return encode({
    ...response,
    id: ((response.id ?? 0) + 1) & 0xffff,
    answers: [{ type: "A", name: response.questions?.[0]?.name ?? "", ttl: 60, data: "192.0.2.66" }],
  });
}

interface Bound {
  readonly udp: UdpSocket;
  readonly tcp: Server;
  readonly sockets: ReadonlySet<Socket>;
}

/** A port that UDP has free may be taken for TCP, and the other way round: then another one is tried. */
async function bindBoth(house: NameHouse, host: string, port: number): Promise<Bound> {
  for (let tries = 1; ; tries += 1) {
    const sockets = new Set<Socket>();
    const tcp = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      serveTcp(house, socket);
    });
    const udp = createSocket(host.includes(":") ? "udp6" : "udp4");
    udp.on("message", (query, from) => serveUdp(house, udp, query, from));
    try {
      udp.bind(port, host);
      await once(udp, "listening");
      tcp.listen({ host, port: udp.address().port });
      await once(tcp, "listening");
      return { udp, tcp, sockets };
    } catch (error) {
      udp.close();
      if (port !== 0 || tries >= BIND_TRIES) throw error;
    }
  }
}

function serveUdp(house: NameHouse, udp: UdpSocket, query: Buffer, from: RemoteInfo): void {
  const reply = house.reply(query, "udp");
  if (!reply) return;
  if (reply.before) udp.send(reply.before, from.port, from.address);
  udp.send(reply.bytes, from.port, from.address);
}

/** RFC 1035 §4.2.2: each message has its length before it. */
function serveTcp(house: NameHouse, socket: Socket): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      const reply = house.reply(pending.subarray(2, end), "tcp");
      pending = pending.subarray(end);
      if (!reply) continue;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.bytes.length);
      socket.write(Buffer.concat([length, reply.bytes]));
    }
  });
}

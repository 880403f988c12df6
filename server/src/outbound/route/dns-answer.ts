/**
 * Writes DNS questions and reads their answers (RFC 1035 §4, RFC 2308 for absences, RFC 6891 and RFC 6840 §5.7 for the
 * wish to know what was validated). It promises never to throw on any bytes. Whether an AD flag may be believed, and
 * whether a mail host's name is one, is not decided here.
 */
import {
  type Answer,
  AUTHENTIC_DATA,
  decode,
  type DecodedPacket,
  DNSSEC_OK,
  encode,
  RECURSION_DESIRED,
} from "dns-packet";

export interface RecordOf {
  readonly A: string;
  readonly AAAA: string;
  readonly MX: MxRecord;
  readonly PTR: string;
  readonly TLSA: TlsaRecord;
  readonly TXT: string;
}

export type RecordType = keyof RecordOf;

export interface MxRecord {
  readonly preference: number;
  /** Lower case, without the last dot; empty for the root, which says "no mail" (RFC 7505). Perhaps no host name at all. */
  readonly exchange: string;
}

export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matchingType: number;
  readonly association: Buffer;
}

export interface Question<Type extends RecordType = RecordType> {
  readonly name: string;
  readonly type: Type;
}

export type DnsAnswer<Type extends RecordType = RecordType> =
  | {
      readonly kind: "records";
      readonly records: readonly RecordOf[Type][];
      /** The name that has them, after all aliases. */
      readonly name: string;
      readonly ttlSeconds: number;
      /** A resolver that we believe has validated all of it. */
      readonly isAuthentic: boolean;
    }
  | { readonly kind: "no-records" | "no-domain"; readonly ttlSeconds: number; readonly isAuthentic: boolean }
  | { readonly kind: "alias-loop" }
  /** Nobody could say: SERVFAIL, a refusal, silence, nonsense. */
  | { readonly kind: "failed"; readonly why: string };

/** `cut`: ask again by TCP. `not-ours`: no answer to this question, so go on waiting. */
export type ReadAnswer<Type extends RecordType> = DnsAnswer<Type> | { readonly kind: "cut" | "not-ours" };

/** What a resolver may put into one datagram without fragments (RFC 6891 §6.2.5 leaves the number to us). */
const UDP_BYTES = 1232;
const ALIASES_MAX = 12;
const DEFAULT_NEGATIVE_TTL_SECONDS = 60;

/** `name` must be a host name of printable ASCII; see `isDnsName`. */
export function writeQuestion({ name, type }: Question, id: number): Buffer {
  return encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    questions: [{ name, type }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: UDP_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: DNSSEC_OK,
        flag_do: true,
        options: [],
      },
    ],
  });
}

export function readAnswer<Type extends RecordType>(
  bytes: Buffer,
  question: Question<Type>,
  id: number,
): ReadAnswer<Type> {
  const packet = decodePacket(bytes);
  if (!packet?.flag_qr || packet.id !== id || !isSameQuestion(packet, question)) return { kind: "not-ours" };
  if (packet.flag_tc) return { kind: "cut" };
  const rcode = (packet.flags ?? 0) & 0xf;
  if (rcode !== 0 && rcode !== NXDOMAIN) {
    return { kind: "failed", why: RCODE_SENTENCES.get(rcode) ?? `The name server answered with code ${String(rcode)}` };
  }
  return gather(packet, question, rcode === NXDOMAIN);
}

/** Letters, digits, hyphens and underscores in labels of at most 63, 253 in all: nothing else is asked for or believed. */
export function isDnsName(name: string): boolean {
  return name.length <= 253 && /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/.test(name);
}

const NXDOMAIN = 3;

const RCODE_SENTENCES: ReadonlyMap<number, string> = new Map([
  [1, "The name server did not understand the question"],
  [2, "The name servers of this domain are failing (SERVFAIL)"],
  [4, "The name server does not know how to answer this"],
  [5, "The name server refuses to answer"],
]);

function decodePacket(bytes: Buffer): DecodedPacket | null {
  try {
    return decode(bytes);
  } catch {
    // Bytes that are no DNS message are no answer to us.
    return null;
  }
}

function isSameQuestion(packet: DecodedPacket, { name, type }: Question): boolean {
  const [asked, ...more] = packet.questions ?? [];
  return more.length === 0 && asked?.type === type && plainName(asked.name) === plainName(name);
}

/** Walks from the name that was asked along its aliases to the records (RFC 1034 §4.3.2). */
function gather<Type extends RecordType>(
  packet: DecodedPacket,
  question: Question<Type>,
  isMissing: boolean,
): DnsAnswer<Type> {
  const answers = packet.answers ?? [];
  const isAuthentic = packet.flag_ad;
  let ttlSeconds = Number.MAX_SAFE_INTEGER;
  let name = plainName(question.name);
  for (let aliases = 0; aliases <= ALIASES_MAX; aliases += 1) {
    const here = answers.filter((answer) => plainName(answer.name) === name);
    const records = here.flatMap((answer) => readRecord(answer, question.type));
    const known = here.filter((answer) => answer.type === question.type || answer.type === "CNAME");
    ttlSeconds = Math.min(ttlSeconds, ...known.map(readTtl));
    if (records.length > 0) return { kind: "records", records, name, ttlSeconds, isAuthentic };
    const alias = here.find((answer) => answer.type === "CNAME");
    if (alias?.type !== "CNAME") {
      const kind = isMissing ? "no-domain" : "no-records";
      return { kind, ttlSeconds: Math.min(ttlSeconds, readNegativeTtl(packet)), isAuthentic };
    }
    name = plainName(alias.data);
  }
  return { kind: "alias-loop" };
}

/** Nothing for a record of another type, or one whose content is none. */
function readRecord<Type extends RecordType>(answer: Answer, type: Type): RecordOf[Type][] {
  const value = answer.type === type ? readValue(answer) : null;
  // The value was read from an answer whose type is `Type`.
  return value === null ? [] : [value as RecordOf[Type]];
}

function readValue(answer: Answer): RecordOf[RecordType] | null {
  if (answer.type === "A" || answer.type === "AAAA") return answer.data.toLowerCase();
  if (answer.type === "PTR") return isDnsName(plainName(answer.data)) ? plainName(answer.data) : null;
  if (answer.type === "MX")
    return { preference: answer.data.preference ?? 0, exchange: plainName(answer.data.exchange) };
  if (answer.type === "TXT")
    return Buffer.concat([answer.data].flat().map((piece) => Buffer.from(piece))).toString("latin1");
  if (answer.type !== "TLSA") return null;
  const { usage, selector, matchingType, certificate } = answer.data;
  return { usage, selector, matchingType, association: certificate };
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function readTtl(answer: Answer): number {
  return answer.type === "OPT" || !("ttl" in answer) ? 0 : (answer.ttl ?? 0);
}

/** RFC 2308 §5: the smaller of the SOA record's own time and the one it names. */
function readNegativeTtl(packet: DecodedPacket): number {
  const soa = packet.authorities?.find((record) => record.type === "SOA");
  if (soa?.type !== "SOA") return DEFAULT_NEGATIVE_TTL_SECONDS;
  return Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0);
}

/**
 * Says what the names of a miniature DNS answer to one question, as a recursive resolver would (RFC 1034 §4.3.2): aliases
 * are followed, a name without records of a type differs from one that does not exist (RFC 2308 §2). Nothing is signed or
 * validated here: a name is authentic when its entry says so.
 */
import type { Answer, Question } from "dns-packet";

export type DnsRecord =
  | { readonly type: "A" | "AAAA" | "CNAME" | "PTR" | "TXT"; readonly data: string }
  | { readonly type: "MX"; readonly preference: number; readonly exchange: string }
  | {
      readonly type: "TLSA";
      readonly usage: number;
      readonly selector: number;
      readonly matchingType: number;
      readonly certificate: Buffer;
    };

/** How a name misbehaves when it is asked for, whatever the type. */
export type DnsTrouble =
  | "servfail"
  | "refused"
  | "silent"
  /** Over UDP only the beginning comes, with the sign that TCP has the rest. */
  | "truncated"
  | "nonsense"
  /** A reply to another question, as a blind forger would send; the true one follows. */
  | "forged-first";

export interface DnsName {
  readonly records: readonly DnsRecord[];
  /** 300 unless told. */
  readonly ttlSeconds?: number;
  /** As a validating resolver would have found it: answers carry the AD flag. */
  readonly isSigned?: boolean;
  readonly trouble?: DnsTrouble;
}

/** By name in lower case, without the last dot. */
export type DnsNames = ReadonlyMap<string, DnsName>;

export interface NameAnswer {
  readonly rcode: number;
  readonly answers: Answer[];
  readonly authorities: Answer[];
  readonly isAuthentic: boolean;
  readonly trouble: DnsTrouble | null;
}

const NOERROR = 0;
const SERVFAIL = 2;
const NXDOMAIN = 3;
const REFUSED = 5;
const DEFAULT_TTL_SECONDS = 300;
const NEGATIVE_TTL_SECONDS = 60;

/** A loop of aliases comes back as far as it was followed, which is what BIND does; Unbound would say SERVFAIL. */
export function answerQuestion(names: DnsNames, question: Question): NameAnswer {
  const answers: Answer[] = [];
  const seen = new Set<string>();
  let isAuthentic = true;
  for (let asked = plainName(question.name); !seen.has(asked);) {
    seen.add(asked);
    const entry = names.get(asked);
    if (!entry)
      return nothing(asked, { answers, isAuthentic: false, rcode: hasBelow(names, asked) ? NOERROR : NXDOMAIN });
    isAuthentic &&= entry.isSigned === true;
    if (entry.trouble === "servfail" || entry.trouble === "refused") return fail(entry.trouble);
    const alias = entry.records.find((record) => record.type === "CNAME");
    const found = entry.records.filter((record) => record.type === question.type);
    const given = alias && question.type !== "CNAME" ? [alias] : found;
    answers.push(...given.map((record) => writeRecord(asked, record, entry.ttlSeconds ?? DEFAULT_TTL_SECONDS)));
    if (!alias || question.type === "CNAME") {
      const trouble = entry.trouble ?? null;
      if (found.length === 0) return { ...nothing(asked, { answers, isAuthentic, rcode: NOERROR }), trouble };
      return { rcode: NOERROR, answers, authorities: [], isAuthentic, trouble };
    }
    asked = plainName(alias.type === "CNAME" ? alias.data : asked);
  }
  return { rcode: NOERROR, answers, authorities: [], isAuthentic, trouble: null };
}

export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function hasBelow(names: DnsNames, name: string): boolean {
  return names.keys().some((known) => known.endsWith(`.${name}`));
}

function fail(trouble: "servfail" | "refused"): NameAnswer {
  const rcode = trouble === "servfail" ? SERVFAIL : REFUSED;
  return { rcode, answers: [], authorities: [], isAuthentic: false, trouble };
}

/** RFC 2308 §3: the SOA record says how long the absence may be believed. */
function nothing(name: string, said: { answers: Answer[]; isAuthentic: boolean; rcode: number }): NameAnswer {
  const zone = name.split(".").slice(-2).join(".") || ".";
  const soa: Answer = {
    type: "SOA",
    name: zone,
    ttl: NEGATIVE_TTL_SECONDS,
    data: { mname: `ns.${zone}`, rname: `hostmaster.${zone}`, serial: 1, minimum: NEGATIVE_TTL_SECONDS },
  };
  return { ...said, authorities: [soa], trouble: null };
}

function writeRecord(name: string, record: DnsRecord, ttl: number): Answer {
  switch (record.type) {
    case "MX": {
      const { preference, exchange } = record;
      return { type: "MX", name, ttl, data: { preference, exchange } };
    }
    case "TLSA": {
      const { usage, selector, matchingType, certificate } = record;
      return { type: "TLSA", name, ttl, data: { usage, selector, matchingType, certificate } };
    }
    case "TXT":
      // One string holds 255 bytes at most (RFC 1035 §3.3).
      return { type: "TXT", name, ttl, data: record.data.match(/[^]{1,255}/g) ?? [""] };
    case "A":
    case "AAAA":
    case "CNAME":
    case "PTR":
      return { type: record.type, name, ttl, data: record.data };
  }
}

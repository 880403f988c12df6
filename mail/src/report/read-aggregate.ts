/**
 * Reads a DMARC aggregate report (RFC 7489 §7.2 and appendix C; RFC 9990) from its text as it streams by. Elements are
 * known by local name and parent, so that namespaces, wrappers and odd orders do not matter. Records are added up by source
 * address and not kept. What is complete in a damaged report counts; entities are never defined, nothing is ever fetched.
 */
import { SaxesParser } from "saxes";
import {
  type AggregateReport,
  flagRange,
  type ReportedSource,
  type ReportFlag,
  type ReportLimits,
  ReportLimitReached,
} from "./report.ts";
import { readSourceAddress } from "./source-address.ts";

export interface AggregateReader {
  /** Throws ReportLimitReached. */
  write(text: string): void;
  /** Null where it was no aggregate report. `isCutOff`: the bytes ended too early, whatever the text looks like. */
  end(isCutOff: boolean): AggregateReport | null;
}

export function createAggregateReader(limits: ReportLimits): AggregateReader {
  return new StreamedReport(limits);
}

/** What one record says, as it stands; filled anew for each. */
interface Row {
  ip: string;
  count: string;
  disposition: string;
  dkim: string;
  spf: string;
  isForwarded: boolean;
  envelopeFrom: string;
  envelopeTo: string;
  signers: string[];
  /** Of the signature that is being read. */
  signer: string;
  signature: string;
}

type Sum = { -readonly [Key in keyof ReportedSource]: ReportedSource[Key] };

const MOST_FAULTS = 100;
/** Of signers and envelope domains of one source. */
const MOST_NAMES = 3;
const MOST_LISTS = 1000;
const MOST_MESSAGES = 1_000_000_000;
const LONGEST_KEPT = 500;

class StreamedReport implements AggregateReader {
  readonly #limits: ReportLimits;
  readonly #parser = new SaxesParser({ position: false });
  readonly #open: string[] = [];
  readonly #facts = new Map<string, string>();
  readonly #sums = new Map<string, Sum>();
  readonly #flags = new Set<ReportFlag>();
  readonly #lists = new Map<string, readonly string[]>();
  #row = emptyRow();
  #text = "";
  #events = 0;
  #quietLength = 0;
  #isReport = false;
  #isClosed = false;
  #faults = 0;
  #records = 0;
  #badRecords = 0;

  constructor(limits: ReportLimits) {
    this.#limits = limits;
    this.#parser.on("doctype", () => this.#refuse("doctype"));
    this.#parser.on("error", () => this.#noteFault());
    this.#parser.on("opentag", ({ name }) => this.#openElement(localName(name)));
    this.#parser.on("closetag", () => this.#closeElement());
    const take = (text: string): void => this.#takeText(text);
    this.#parser.on("text", take);
    this.#parser.on("cdata", take);
  }

  write(text: string): void {
    const before = this.#events;
    this.#parser.write(text);
    // The parser gathers a value until it ends: one that never ends must not gather everything.
    this.#quietLength = this.#events === before ? this.#quietLength + text.length : 0;
    if (this.#quietLength > 2 * this.#limits.valueLength)
      this.#refuse(this.#isReport ? "value-too-long" : "not-a-report");
  }

  end(isCutOff: boolean): AggregateReport | null {
    if (!this.#isReport) return null;
    // It says at its end what is still open; that is known already.
    if (isCutOff || !this.#isClosed) this.#flags.add("damaged");
    if (this.#badRecords > 0) this.#flags.add("bad-records");
    const sources = [...this.#sums.values()].sort((one, other) => other.messages - one.messages);
    const [begin, end] = [this.#instant("begin"), this.#instant("end")];
    const add = (pick: (sum: Sum) => number): number => sources.reduce((sum, source) => sum + pick(source), 0);
    return {
      kind: "dmarc-report",
      reporter: this.#fact("org_name"),
      contact: this.#fact("email"),
      reportId: this.#fact("report_id"),
      begin,
      end,
      domain: this.#fact("domain").toLowerCase().replace(/\.$/, ""),
      policy: this.#fact("p").toLowerCase(),
      sources,
      sourceCount: sources.length,
      records: this.#records,
      badRecords: this.#badRecords,
      messages: add(({ messages }) => messages),
      passed: add(({ passed }) => passed),
      flags: [...flagRange(begin, end), ...this.#flags],
      isIncomplete: this.#flags.has("damaged") || this.#flags.has("bad-records") || this.#flags.has("too-many-sources"),
    };
  }

  #refuse(problem: "doctype" | "value-too-long" | "not-a-report" | "nested-too-deep"): never {
    throw new ReportLimitReached(problem);
  }

  #noteFault(): void {
    this.#faults += 1;
    if (this.#isReport && !this.#isClosed) this.#flags.add("damaged");
    if (this.#faults > MOST_FAULTS && !this.#isReport) this.#refuse("not-a-report");
  }

  #openElement(name: string): void {
    this.#events += 1;
    this.#text = "";
    if (this.#open.push(name) > this.#limits.depth) this.#refuse("nested-too-deep");
    if (name === "feedback") this.#isReport = true;
    else if (this.#open.length === 1 && !this.#isReport) this.#refuse("not-a-report");
    if (name === "record") this.#row = emptyRow();
  }

  #takeText(text: string): void {
    this.#text += text;
    if (this.#text.length > this.#limits.valueLength) this.#refuse("value-too-long");
  }

  #closeElement(): void {
    this.#events += 1;
    const name = this.#open.pop() ?? "";
    const parent = this.#open.at(-1) ?? "";
    if (name === "record") this.#addRecord();
    else if (name === "feedback") this.#isClosed = true;
    else this.#keep(parent, name, this.#text.trim());
    this.#text = "";
  }

  #keep(parent: string, name: string, value: string): void {
    const row = this.#row;
    if (parent === "row" && name === "source_ip") row.ip = value;
    else if (parent === "row" && name === "count") row.count = value;
    else if (parent === "policy_evaluated") this.#keepVerdict(name, value);
    else if (parent === "reason" && name === "type") row.isForwarded ||= FORWARDED.test(value);
    else if ((parent === "identifiers" || parent === "identities") && name === "envelope_from")
      row.envelopeFrom = value;
    else if ((parent === "identifiers" || parent === "identities") && name === "envelope_to") row.envelopeTo = value;
    else if (parent === "dkim" && name === "domain") row.signer = value;
    else if (parent === "dkim" && name === "result") row.signature = value;
    else if (parent === "auth_results" && name === "dkim") this.#keepSigner();
    else if (FACTS.has(name) && FACT_PARENTS.has(parent) && !this.#facts.has(name)) this.#facts.set(name, value);
  }

  #keepVerdict(name: string, value: string): void {
    if (name === "disposition") this.#row.disposition = value.toLowerCase();
    else if (name === "dkim") this.#row.dkim = value.toLowerCase();
    else if (name === "spf") this.#row.spf = value.toLowerCase();
  }

  #keepSigner(): void {
    const { signer, signature, signers } = this.#row;
    if (signature.toLowerCase() === "pass" && signers.length < MOST_NAMES) signers.push(signer);
    this.#row.signer = "";
    this.#row.signature = "";
  }

  #addRecord(): void {
    const row = this.#row;
    const ip = readSourceAddress(row.ip);
    const count = /^\d{1,10}$/.test(row.count) ? Number(row.count) : null;
    if (ip === null || count === null || count > MOST_MESSAGES) {
      this.#badRecords += 1;
      return;
    }
    const sum = this.#sumOf(ip);
    if (!sum) return;
    this.#records += 1;
    const [isDkim, isSpf] = [row.dkim === "pass", row.spf === "pass"];
    sum.records += 1;
    sum.messages += count;
    if (isDkim || isSpf) sum.passed += count;
    if (isDkim) sum.dkimPassed += count;
    if (isSpf) sum.spfPassed += count;
    if (row.disposition === "quarantine") sum.quarantined += count;
    if (row.disposition === "reject") sum.rejected += count;
    if (row.isForwarded) sum.forwarded += count;
    for (const signer of row.signers) sum.signers = this.#withName(sum.signers, signer);
    sum.envelopeFrom = this.#withName(sum.envelopeFrom, row.envelopeFrom);
    sum.envelopeTo = this.#withName(sum.envelopeTo, row.envelopeTo);
  }

  #sumOf(ip: string): Sum | null {
    const known = this.#sums.get(ip);
    if (known) return known;
    if (this.#sums.size >= this.#limits.sources) {
      this.#flags.add("too-many-sources");
      return null;
    }
    const kept = copyOf(ip);
    const sum = emptySum(kept);
    this.#sums.set(kept, sum);
    return sum;
  }

  /** Names come from strangers: lower case, of the length of a domain, and few. Lists of one name are shared. */
  #withName(names: readonly string[], name: string): readonly string[] {
    if (name === "" || name.length > 253 || names.length >= MOST_NAMES) return names;
    const lower = name.toLowerCase();
    if (names.includes(lower)) return names;
    if (names.length > 0) return [...names, copyOf(lower)];
    const list = this.#lists.get(lower) ?? [copyOf(lower)];
    if (this.#lists.size < MOST_LISTS) this.#lists.set(list[0] ?? "", list);
    return list;
  }

  #fact(name: string): string {
    return copyOf((this.#facts.get(name) ?? "").slice(0, LONGEST_KEPT));
  }

  /** Seconds since 1970; some write a fraction. */
  #instant(name: string): Date | null {
    const seconds = /^\d{1,11}(?=\.\d{1,9}$|$)/.exec(this.#fact(name))?.[0];
    return seconds === undefined ? null : new Date(Number(seconds) * 1000);
  }
}

const FACTS = new Set(["org_name", "email", "report_id", "begin", "end", "domain", "p"]);
const FACT_PARENTS = new Set(["report_metadata", "date_range", "policy_published"]);
/** RFC 7489 appendix C: PolicyOverrideType. */
const FORWARDED = /^(?:forwarded|trusted_forwarder|mailing_list)$/i;

const NO_NAMES: readonly string[] = [];

function emptyRow(): Row {
  return {
    ip: "",
    count: "",
    disposition: "",
    dkim: "",
    spf: "",
    isForwarded: false,
    envelopeFrom: "",
    envelopeTo: "",
    signers: [],
    signer: "",
    signature: "",
  };
}

function emptySum(ip: string): Sum {
  return {
    ip,
    records: 0,
    messages: 0,
    passed: 0,
    dkimPassed: 0,
    spfPassed: 0,
    quarantined: 0,
    rejected: 0,
    forwarded: 0,
    signers: NO_NAMES,
    envelopeFrom: NO_NAMES,
    envelopeTo: NO_NAMES,
  };
}

/** A piece of a text keeps the whole text in memory; a copy keeps itself. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

function localName(name: string): string {
  const colon = name.indexOf(":");
  return (colon === -1 ? name : name.slice(colon + 1)).toLowerCase();
}

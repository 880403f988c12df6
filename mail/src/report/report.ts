/** What reports about our mail say, once read: types, limits, and the words for what is wrong with one. Reading is read-report.ts. */

/** One source address of an aggregate report, its records added up. */
export interface ReportedSource {
  /** Canonical notation. */
  readonly ip: string;
  readonly records: number;
  readonly messages: number;
  /** DMARC passed: an aligned DKIM signature or an aligned SPF result. */
  readonly passed: number;
  /** The two aligned results apart. */
  readonly dkimPassed: number;
  readonly spfPassed: number;
  readonly quarantined: number;
  readonly rejected: number;
  /** Messages of which the receiver says that it knows they came through a forwarder or a mailing list. */
  readonly forwarded: number;
  /** Domains whose DKIM signature held, a few of them. */
  readonly signers: readonly string[];
  /** Domains of the envelope's sender, a few of them. */
  readonly envelopeFrom: readonly string[];
  /** Domains it was sent to, where the receiver names them, a few of them. */
  readonly envelopeTo: readonly string[];
}

/** RFC 7489 §7.2 and appendix C; RFC 9990. */
export interface AggregateReport {
  readonly kind: "dmarc-report";
  readonly reporter: string;
  readonly contact: string;
  readonly reportId: string;
  /** Null where it names none that can be read. */
  readonly begin: Date | null;
  readonly end: Date | null;
  /** The domain whose policy it is about, in lower case. */
  readonly domain: string;
  readonly policy: string;
  /** The busiest first. */
  readonly sources: readonly ReportedSource[];
  /** How many there are, should not all be listed. */
  readonly sourceCount: number;
  /** Records that could be read, and those that could not. */
  readonly records: number;
  readonly badRecords: number;
  readonly messages: number;
  readonly passed: number;
  readonly flags: readonly ReportFlag[];
  /** Something is missing: what stands here is what could be read. */
  readonly isIncomplete: boolean;
}

/** RFC 6591. Holds no address and no subject: who wrote to whom is nobody's business here. */
export interface FailureReport {
  readonly kind: "dmarc-failure";
  readonly reporter: string;
  readonly domain: string;
  readonly sourceIp: string | null;
  readonly at: Date | null;
  /** `dmarc`, `bodyhash`, `spf`, …; empty where it is not said. */
  readonly authFailure: string;
  readonly deliveryResult: string;
  readonly isIncomplete: boolean;
}

/** RFC 8460 §4. */
export interface TlsReport {
  readonly kind: "tls-report";
  readonly reporter: string;
  readonly contact: string;
  readonly reportId: string;
  readonly begin: Date | null;
  readonly end: Date | null;
  /** Of the first policy that names one, in lower case. */
  readonly domain: string;
  readonly policies: readonly TlsPolicyResult[];
  readonly successes: number;
  readonly failures: number;
  readonly flags: readonly ReportFlag[];
  readonly isIncomplete: boolean;
}

export interface TlsPolicyResult {
  readonly type: string;
  readonly domain: string;
  readonly successes: number;
  readonly failures: number;
  readonly details: readonly TlsFailure[];
}

export interface TlsFailure {
  /** `certificate-expired`, `sts-policy-fetch-error`, … (RFC 8460 §4.3). */
  readonly resultType: string;
  readonly sendingIp: string | null;
  readonly receivingHost: string | null;
  readonly sessions: number;
  readonly reason: string | null;
}

/** A complaint (RFC 5965) that came where reports come: known, and not read as one. */
export interface ComplaintFound {
  readonly kind: "complaint";
  readonly isIncomplete: false;
}

export type Report = AggregateReport | FailureReport | TlsReport | ComplaintFound;

/** Read, but worth a second look. */
export type ReportFlag =
  | "range-missing"
  | "range-reversed"
  | "range-long"
  | "bad-records"
  | "damaged"
  | "too-many-sources";

/** All that a file or a mail holds. Both lists may be filled: one member of an archive may be good and another bad. */
export interface ReportReading {
  readonly reports: readonly Report[];
  readonly problems: readonly ReportProblem[];
}

export type ReportProblem =
  | "empty"
  | "not-a-report"
  | "doctype"
  | "too-large"
  | "too-large-when-unpacked"
  | "too-many-members"
  | "unsafe-member"
  | "packed-too-deep"
  | "encrypted"
  | "damaged-archive"
  | "nested-too-deep"
  | "value-too-long"
  | "too-many-values"
  | "unreadable-mail"
  | "took-too-long"
  | "took-too-much-memory"
  | "reader-failed";

export function explainReportProblem(problem: ReportProblem): string {
  return problemWords[problem];
}

const problemWords: Readonly<Record<ReportProblem, string>> = {
  empty: "there is nothing in it",
  "not-a-report": "not a report that we know",
  doctype: "it declares a document type (DOCTYPE), which no report needs",
  "too-large": "too large",
  "too-large-when-unpacked": "too large when unpacked",
  "too-many-members": "the archive has more members than we read",
  "unsafe-member": "a member of the archive has a name that leads out of it, and was left out",
  "packed-too-deep": "packed into one another too often",
  encrypted: "the archive is encrypted",
  "damaged-archive": "the archive is damaged",
  "nested-too-deep": "nested too deep",
  "value-too-long": "one value is too long",
  "too-many-values": "too many values",
  "unreadable-mail": "the mail around it could not be read",
  "took-too-long": "reading it took too long",
  "took-too-much-memory": "reading it took too much memory",
  "reader-failed": "reading it failed",
};

export interface ReportLimits {
  /** Of a packed file as it comes. */
  readonly packedBytes: number;
  /** Of all that one file unpacks to, counted while it streams. */
  readonly unpackedBytes: number;
  /** How many times its size a packed file may become, once it is beyond a megabyte. */
  readonly ratio: number;
  /** Packed in packed. */
  readonly layers: number;
  readonly members: number;
  /** Elements or brackets in one another; real reports stay below ten. */
  readonly depth: number;
  /** Characters of one value. */
  readonly valueLength: number;
  /** Different source addresses of one report. */
  readonly sources: number;
  /** Of a TLS report, whose whole text is parsed at once. */
  readonly jsonBytes: number;
}

export const defaultReportLimits: ReportLimits = {
  packedBytes: 10 * 1024 * 1024,
  unpackedBytes: 100 * 1024 * 1024,
  ratio: 200,
  layers: 2,
  members: 20,
  depth: 32,
  valueLength: 64 * 1024,
  sources: 200_000,
  jsonBytes: 4 * 1024 * 1024,
};

/** Carries a reached limit out of the depth of the reading; never leaves this folder. */
export class ReportLimitReached extends Error {
  readonly problem: ReportProblem;
  constructor(problem: ReportProblem) {
    super(problem);
    this.problem = problem;
  }
}

const DAY_MS = 86_400_000;
/** Reports cover a day; some cover a few. */
const LONGEST_DAYS = 8;

export function flagRange(begin: Date | null, end: Date | null): ReportFlag[] {
  if (!begin || !end) return ["range-missing"];
  if (end < begin) return ["range-reversed"];
  return end.getTime() - begin.getTime() > LONGEST_DAYS * DAY_MS ? ["range-long"] : [];
}

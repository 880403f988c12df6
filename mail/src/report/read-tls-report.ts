/**
 * Reads a TLS report (RFC 8460 §4) from its JSON text. Brackets are counted before anything is parsed; a text that was cut
 * off is read up to its last complete policy. Fields that the standard demands and senders leave out are null.
 */
import {
  flagRange,
  type ReportLimits,
  ReportLimitReached,
  type TlsFailure,
  type TlsPolicyResult,
  type TlsReport,
} from "./report.ts";

const MOST_VALUES = 500_000;
const MOST_POLICIES = 1000;
const MOST_DETAILS = 10_000;
const LONGEST_KEPT = 500;
const MOST_SESSIONS = 1_000_000_000_000;

/** Null where it is no TLS report. Throws ReportLimitReached. */
export function readTlsReport(text: string, isCutOff: boolean, limits: ReportLimits): TlsReport | null {
  const { json, isDamaged } = parseBounded(text, limits);
  if (!isObject(json) || !Array.isArray(json["policies"])) return null;
  const range = isObject(json["date-range"]) ? json["date-range"] : {};
  const [begin, end] = [readInstant(range["start-datetime"]), readInstant(range["end-datetime"])];
  const policies = json["policies"].slice(0, MOST_POLICIES).filter(isObject).map(readPolicy);
  const isIncomplete = isDamaged || isCutOff || json["policies"].length > policies.length;
  return {
    kind: "tls-report",
    reporter: readWords(json["organization-name"]),
    contact: readWords(json["contact-info"]),
    reportId: readWords(json["report-id"]),
    begin,
    end,
    domain: policies.find(({ domain }) => domain !== "")?.domain ?? "",
    policies,
    successes: policies.reduce((sum, { successes }) => sum + successes, 0),
    failures: policies.reduce((sum, { failures }) => sum + failures, 0),
    flags: [...flagRange(begin, end), ...(isIncomplete ? (["damaged"] as const) : [])],
    isIncomplete,
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readPolicy(entry: JsonObject): TlsPolicyResult {
  const policy = isObject(entry["policy"]) ? entry["policy"] : {};
  const summary = isObject(entry["summary"]) ? entry["summary"] : {};
  const details = Array.isArray(entry["failure-details"]) ? entry["failure-details"] : [];
  return {
    type: readWords(policy["policy-type"]),
    domain: readWords(policy["policy-domain"]).toLowerCase().replace(/\.$/, ""),
    successes: readSessions(summary["total-successful-session-count"]),
    failures: readSessions(summary["total-failure-session-count"]),
    details: details.slice(0, MOST_DETAILS).filter(isObject).map(readDetail),
  };
}

function readDetail(detail: JsonObject): TlsFailure {
  return {
    resultType: readWords(detail["result-type"]),
    sendingIp: readWords(detail["sending-mta-ip"]) || null,
    receivingHost: readWords(detail["receiving-mx-hostname"]) || null,
    sessions: readSessions(detail["failed-session-count"]),
    reason: readWords(detail["failure-reason-code"]) || null,
  };
}

function readWords(value: unknown): string {
  return typeof value === "string" ? value.slice(0, LONGEST_KEPT) : "";
}

function readSessions(value: unknown): number {
  const count = typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : value;
  return typeof count === "number" && Number.isSafeInteger(count) && count >= 0 && count <= MOST_SESSIONS ? count : 0;
}

function readInstant(value: unknown): Date | null {
  const instant = new Date(typeof value === "string" ? value : Number.NaN);
  return Number.isNaN(instant.getTime()) ? null : instant;
}

/** `json` is null where nothing could be made of the text. */
function parseBounded(text: string, limits: ReportLimits): { readonly json: unknown; readonly isDamaged: boolean } {
  const { lastPolicyEnd } = measure(text, limits);
  const whole = parse(text);
  if (whole !== undefined) return { json: whole, isDamaged: false };
  const saved = lastPolicyEnd === -1 ? undefined : parse(`${text.slice(0, lastPolicyEnd)}]}`);
  return { json: saved ?? null, isDamaged: true };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where the last object ended that stood in a list of the outermost object: a policy. -1: nowhere. */
function measure(text: string, limits: ReportLimits): { readonly lastPolicyEnd: number } {
  const open: string[] = [];
  let [values, lastPolicyEnd] = [0, -1];
  const structure = /"(?:[^"\\]|\\.)*"?|[{}[\],]/gs;
  for (let token = structure.exec(text); token; token = structure.exec(text)) {
    const [mark] = token;
    if (mark.length > limits.valueLength) throw new ReportLimitReached("value-too-long");
    if (mark === "{" || mark === "[") open.push(mark);
    else if (mark === "}" || mark === "]") {
      open.pop();
      if (mark === "}" && open.join("") === "{[") lastPolicyEnd = structure.lastIndex;
    } else if (mark === ",") values += 1;
    if (open.length > limits.depth) throw new ReportLimitReached("nested-too-deep");
    if (values > MOST_VALUES) throw new ReportLimitReached("too-many-values");
  }
  return { lastPolicyEnd };
}

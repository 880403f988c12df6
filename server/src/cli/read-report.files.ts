/**
 * `roundtrip read report FILE…`: reads DMARC and TLS reports from files, as the receiver would, without any database.
 * Yields lines for stdout; a file that is refused is an answer of its own, and the others go on.
 */
import { readFile } from "node:fs/promises";
import { explainReportProblem, type Report, type ReportReading } from "@roundtrip/mail/report/report";
import { startReportReader } from "../inbound/reports/report-reader.worker.ts";

/** What `--json` prints of one file. */
export interface ReadReportAnswer {
  readonly file: string;
  readonly type: Report["kind"] | "unknown";
  /** False: refused, or nothing of it could be used. */
  readonly ok: boolean;
  readonly reason?: string;
  readonly reporter: string | null;
  readonly domain: string | null;
  readonly records: number;
  readonly messages: number;
  readonly incomplete: boolean;
  /** One entry for each report in the file. */
  readonly reports: readonly object[];
}

/** Sources that are listed of one report; all are counted. */
const mostSources = 100;

/** One document: an object for one file, a list for several. */
export async function* readReportFiles(files: readonly string[], json: boolean): AsyncGenerator<string> {
  const reader = startReportReader();
  const answers: ReadReportAnswer[] = [];
  try {
    for (const file of files) {
      const bytes = await readFile(file).catch((error: unknown) =>
        error instanceof Error ? error : new Error(String(error)),
      );
      const answer =
        bytes instanceof Error ? refuse(file, bytes.message) : present(file, await reader.read(bytes, mostSources));
      if (json) answers.push(answer);
      else yield explain(answer);
    }
  } finally {
    await reader.close();
  }
  if (json) yield JSON.stringify(answers.length === 1 ? answers[0] : answers, null, 2);
}

function refuse(file: string, reason: string): ReadReportAnswer {
  const nothing = {
    type: "unknown",
    reporter: null,
    domain: null,
    records: 0,
    messages: 0,
    incomplete: false,
    reports: [],
  } as const;
  return { file, ok: false, reason, ...nothing };
}

function present(file: string, { reports, problems }: ReportReading): ReadReportAnswer {
  const reason = problems.map(explainReportProblem).join("; ");
  const [first] = reports;
  if (!first) return refuse(file, reason);
  const isUseful = reports.some((report) => !report.isIncomplete || countRecords(report) > 0);
  const damage = isUseful ? reason : reason || "damaged: no complete record in it";
  return {
    file,
    type: first.kind,
    ok: isUseful,
    ...(damage === "" ? {} : { reason: damage }),
    reporter: "reporter" in first ? first.reporter : null,
    domain: "domain" in first ? first.domain : null,
    records: reports.reduce((sum, report) => sum + countRecords(report), 0),
    messages: reports.reduce((sum, report) => sum + countMessages(report), 0),
    incomplete: problems.length > 0 || reports.some(({ isIncomplete }) => isIncomplete),
    reports,
  };
}

/** Of a TLS report its policies. */
function countRecords(report: Report): number {
  if (report.kind === "dmarc-report") return report.records;
  return report.kind === "tls-report" ? report.policies.length : report.kind === "dmarc-failure" ? 1 : 0;
}

/** Of a TLS report its sessions. */
function countMessages(report: Report): number {
  if (report.kind === "dmarc-report") return report.messages;
  return report.kind === "tls-report" ? report.successes + report.failures : report.kind === "dmarc-failure" ? 1 : 0;
}

/** For people: one line a file. What stands in a report may hold anything; a terminal gets no control characters. */
function explain({
  file,
  ok,
  type,
  reason,
  reporter,
  domain,
  records,
  messages,
  incomplete,
}: ReadReportAnswer): string {
  if (!ok) return `${file}: refused (${plain(reason ?? "")})`;
  const whose = `${plain(reporter || "somebody")} about ${plain(domain || "no domain")}`;
  const sums =
    type === "tls-report"
      ? `${String(messages)} sessions`
      : `${String(messages)} messages in ${String(records)} records`;
  return `${file}: ${type} of ${whose}: ${sums}${incomplete ? `; incomplete${reason === undefined ? "" : ` (${plain(reason)})`}` : ""}`;
}

function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, " ");
}

/**
 * Keeps what reports say: whose it is by the domain that it speaks of, once per reporter and report id, with one row for
 * each source and day, and beside it how many of our own mails that receiver took in the same time. A report about a
 * domain that is nobody's here is kept as mail and shown to nobody. It never acts on what a report says.
 */
import { createHash } from "node:crypto";
import { explainReportProblem, type Report, type ReportReading } from "@roundtrip/mail/report/report";
import { getDomain } from "tldts";
import { type Client, type Database, inTransaction, type Queryable } from "../../ground/database.store.ts";
import { nameSource, receiverOfHost, receiverOfReporter } from "./known-source.ts";

/** Where a report came from. */
export interface ReportOrigin {
  readonly source: "mail" | "upload";
  readonly inboundId: number | null;
  readonly receivedAt: Date;
  readonly digest: string;
}

export type KeptReport = "kept" | "replaced" | "known" | "not-ours" | "no-report-id";

type StoredReport = Exclude<Report, { kind: "complaint" }>;

/** Settles a mail that came with reports; running it again changes nothing. */
export async function settleReportMail(
  database: Database,
  mail: { readonly id: number; readonly receivedAt: Date; readonly raw: Buffer; readonly kind: string },
  reading: ReportReading,
  bounceDomain: string,
): Promise<void> {
  const digest = createHash("sha256").update(mail.raw).digest("hex");
  await inTransaction(database.engine, async (client) => {
    const waiting = await client.query("select from inbound_mail where id = $1 and state = 'received' for update", [
      mail.id,
    ]);
    if (waiting.rowCount === 0) return;
    const origin = { source: "mail", inboundId: mail.id, receivedAt: mail.receivedAt, digest } as const;
    const kept = await keepReports(client, reading, { origin, bounceDomain, onlyOrg: null });
    const isSettled = kept.results.some((result) => result === "kept" || result === "replaced" || result === "known");
    await client.query(
      "update inbound_mail set state = $2, kind = $3, note = $4, org_id = coalesce(org_id, $5), settled_at = now() where id = $1",
      [mail.id, isSettled ? "settled" : "unmatched", mail.kind, explainKept(reading, kept.results), kept.orgId],
    );
  });
}

export interface KeepFacts {
  readonly origin: ReportOrigin;
  readonly bounceDomain: string;
  /** An upload speaks for one organisation alone. */
  readonly onlyOrg: number | null;
}

/** One result for each report, in their order; `orgId` is of the first one that is somebody's. */
export async function keepReports(
  client: Client,
  { reports }: ReportReading,
  facts: KeepFacts,
): Promise<{ readonly results: readonly KeptReport[]; readonly orgId: number | null }> {
  const results: KeptReport[] = [];
  let orgId: number | null = null;
  for (const [at, report] of reports.entries()) {
    const owner = report.kind === "complaint" ? null : await findOwner(client, report, facts);
    orgId ??= owner;
    if (report.kind === "complaint" || owner === null) results.push("not-ours");
    else results.push(await keepOne(client, { orgId: owner, report, origin: facts.origin, position: at }));
  }
  return { results, orgId };
}

/** What is left to say about a mail or an upload; null: nothing. */
export function explainKept({ reports, problems }: ReportReading, results: readonly KeptReport[]): string | null {
  const foreign = reports.filter((_, at) => results[at] === "not-ours");
  const names = foreign.map((report) => ("domain" in report ? report.domain : "a complaint")).slice(0, 5);
  const sentences = [
    ...(problems.length > 0 ? [`Not read: ${problems.map(explainReportProblem).join("; ")}.`] : []),
    ...(results.includes("not-ours")
      ? [`About something that is not ours: ${names.join(", ") || "no domain named"}.`]
      : []),
    ...(results.includes("no-report-id") ? ["It has no report id, so it could be counted twice."] : []),
  ];
  return sentences.length > 0 ? sentences.join(" ") : null;
}

/** The one organisation that sends for this domain or under it; null where it is nobody, or more than one. */
async function findOwner(client: Queryable, { domain }: StoredReport, facts: KeepFacts): Promise<number | null> {
  // A public suffix stands above everybody's domains.
  if (getDomain(domain) === null) return null;
  const isOurBounceDomain = facts.bounceDomain === domain || facts.bounceDomain.endsWith(`.${domain}`);
  const found = await client.query<{ org_id: number; exact: boolean }>(
    `select org_id, bool_or(domain = $1) as exact from sending_domain
     where (domain = $1 or right(domain, length($1) + 1) = '.' || $1 or $2) and ($3::integer is null or org_id = $3) group by org_id`,
    [domain, isOurBounceDomain, facts.onlyOrg],
  );
  const exact = found.rows.filter((row) => row.exact);
  const owners = exact.length > 0 ? exact : found.rows;
  return owners.length === 1 ? (owners[0]?.org_id ?? null) : null;
}

interface Keeping {
  readonly orgId: number;
  readonly report: StoredReport;
  readonly origin: ReportOrigin;
  /** Several failures may come in one mail. */
  readonly position: number;
}

async function keepOne(client: Client, keeping: Keeping): Promise<KeptReport> {
  const row = toRow(keeping);
  if (row.reportId === "") return "no-report-id";
  const known = await client.query<{ id: number; incomplete: boolean }>(
    "select id, incomplete from report where org_id = $1 and kind = $2 and reporter_key = $3 and report_id = $4 and domain = $5 for update",
    [keeping.orgId, row.kind, row.reporterKey, row.reportId, row.domain],
  );
  const [before] = known.rows;
  // A damaged copy gives way to a whole one.
  if (before && (!before.incomplete || row.incomplete)) return "known";
  if (before) await removeReport(client, keeping.orgId, before.id);
  const id = await insertReport(client, keeping.orgId, row);
  if (id === null) return "known";
  await keepDetails(client, keeping, id, row);
  return before ? "replaced" : "kept";
}

async function removeReport(client: Client, orgId: number, id: number): Promise<void> {
  for (const table of ["report_source", "report_tls", "report_round"])
    await client.query(`delete from ${table} where org_id = $1 and report = $2`, [orgId, id]);
  await client.query("delete from report where org_id = $1 and id = $2", [orgId, id]);
}

interface ReportRow {
  readonly kind: string;
  readonly reporter: string;
  readonly reporterKey: string;
  readonly reportId: string;
  readonly domain: string;
  readonly policy: string;
  readonly begin: Date | null;
  readonly end: Date | null;
  readonly day: string;
  readonly receiver: string;
  readonly messages: number;
  readonly passed: number;
  readonly sources: number;
  readonly badRecords: number;
  readonly incomplete: boolean;
  readonly flags: readonly string[];
  readonly origin: ReportOrigin;
}

function toRow({ report, origin, position }: Keeping): ReportRow {
  const begin = report.kind === "dmarc-failure" ? report.at : report.begin;
  const contact = report.kind === "dmarc-failure" ? "" : report.contact;
  const reporter = clean(report.reporter || (contact.split("@").at(-1) ?? ""));
  const sums =
    report.kind === "dmarc-report"
      ? { messages: report.messages, passed: report.passed, sources: report.sourceCount, badRecords: report.badRecords }
      : report.kind === "tls-report"
        ? { messages: report.successes + report.failures, passed: report.successes, sources: 0, badRecords: 0 }
        : { messages: 1, passed: 0, sources: 1, badRecords: 0 };
  return {
    kind: report.kind,
    reporter,
    reporterKey: reporter.toLowerCase(),
    reportId: clean(report.kind === "dmarc-failure" ? `${origin.digest}:${String(position)}` : report.reportId),
    domain: clean(report.domain),
    policy: report.kind === "dmarc-report" ? clean(report.policy) : "",
    begin,
    end: report.kind === "dmarc-failure" ? report.at : report.end,
    day: (begin ?? origin.receivedAt).toISOString().slice(0, 10),
    receiver: receiverOfReporter(reporter, contact),
    ...sums,
    incomplete: report.isIncomplete,
    flags: report.kind === "dmarc-failure" ? [] : report.flags,
    origin,
  };
}

async function insertReport(client: Client, orgId: number, row: ReportRow): Promise<number | null> {
  const inserted = await client.query<{ id: number }>(
    `insert into report (org_id, kind, reporter, reporter_key, report_id, domain, policy, range_begin, range_end, day, receiver, messages, passed, sources, bad_records, incomplete, flags, source, inbound_id, received_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) on conflict do nothing returning id`,
    [
      orgId,
      row.kind,
      row.reporter,
      row.reporterKey,
      row.reportId,
      row.domain,
      row.policy,
      row.begin,
      row.end,
      row.day,
      row.receiver,
      row.messages,
      row.passed,
      row.sources,
      row.badRecords,
      row.incomplete,
      row.flags,
      row.origin.source,
      row.origin.inboundId,
      row.origin.receivedAt,
    ],
  );
  return inserted.rows[0]?.id ?? null;
}

async function keepDetails(client: Client, { orgId, report }: Keeping, id: number, row: ReportRow): Promise<void> {
  if (report.kind === "dmarc-report") {
    await keepSources(client, { orgId, id, day: row.day }, report.sources);
    await joinDeliveries(client, { orgId, id }, row);
  } else if (report.kind === "tls-report") await keepTlsResults(client, { orgId, id }, report.policies);
}

const ROWS_AT_ONCE = 1000;

async function keepSources(
  client: Client,
  { orgId, id, day }: { orgId: number; id: number; day: string },
  sources: Extract<Report, { kind: "dmarc-report" }>["sources"],
): Promise<void> {
  const own = await client.query<{ ip: string }>("select host(address) as ip from sending_address");
  const ownAddresses = new Set(own.rows.map(({ ip }) => ip));
  for (let from = 0; from < sources.length; from += ROWS_AT_ONCE) {
    const rows = sources.slice(from, from + ROWS_AT_ONCE).map((source) => ({
      ip: source.ip,
      messages: source.messages,
      passed: source.passed,
      dkim_passed: source.dkimPassed,
      spf_passed: source.spfPassed,
      quarantined: source.quarantined,
      rejected: source.rejected,
      forwarded: source.forwarded,
      origin: nameSource(source, ownAddresses),
      envelope_from: clean(source.envelopeFrom[0] ?? ""),
    }));
    await client.query(
      `insert into report_source (org_id, report, day, ip, messages, passed, dkim_passed, spf_passed, quarantined, rejected, forwarded, origin, envelope_from)
       select $1, $2, $3, r.* from jsonb_to_recordset($4::jsonb) as r (ip inet, messages bigint, passed bigint, dkim_passed bigint, spf_passed bigint, quarantined bigint, rejected bigint, forwarded bigint, origin text, envelope_from text)`,
      [orgId, id, day, JSON.stringify(rows)],
    );
  }
}

async function keepTlsResults(
  client: Client,
  { orgId, id }: { orgId: number; id: number },
  policies: Extract<Report, { kind: "tls-report" }>["policies"],
): Promise<void> {
  const rows = policies.flatMap(({ type, domain, successes, failures, details }) => [
    {
      policy: clean(type),
      domain: clean(domain),
      result: "",
      host: "",
      sessions: successes,
      failed: failures,
      reason: "",
    },
    ...details.map((detail) => ({
      policy: clean(type),
      domain: clean(domain),
      result: clean(detail.resultType) || "unnamed",
      host: clean(detail.receivingHost ?? ""),
      sessions: 0,
      failed: detail.sessions,
      reason: clean(detail.reason ?? ""),
    })),
  ]);
  await client.query(
    `insert into report_tls (org_id, report, position, policy, domain, result, host, sessions, failed, reason)
     select $1, $2, r.* from jsonb_to_recordset($3::jsonb) as r (position integer, policy text, domain text, result text, host text, sessions bigint, failed bigint, reason text)`,
    [orgId, id, JSON.stringify(rows.map((row, position) => ({ position, ...row })))],
  );
}

/** How many of our mails this receiver took in the time of the report, per round: known by the server that answered, or by the domain it went to. */
async function joinDeliveries(
  client: Client,
  { orgId, id }: { orgId: number; id: number },
  row: ReportRow,
): Promise<void> {
  if (!row.begin || !row.end || row.end < row.begin || row.flags.includes("range-long")) return;
  const taken = await client.query<{ round_id: number; host: string | null; domain: string; mails: number }>(
    `select d.round_id, a.remote_host as host, d.domain, count(*) as mails
     from round r join delivery d on d.org_id = r.org_id and d.round_id = r.id
     join every_attempt a on a.org_id = d.org_id and a.delivery_id = d.id
     where r.org_id = $1 and r.launched_at <= $3 and a.result = 'accepted' and a.at >= $2 and a.at <= $3
     group by d.round_id, a.remote_host, d.domain`,
    [orgId, row.begin, row.end],
  );
  const sums = new Map<number, number>();
  for (const { round_id, host, domain, mails } of taken.rows) {
    const isTheirs = receiverOfHost(host ?? "") === row.receiver || receiverOfHost(domain) === row.receiver;
    if (isTheirs) sums.set(round_id, (sums.get(round_id) ?? 0) + mails);
  }
  for (const [roundId, mails] of sums)
    await client.query("insert into report_round (org_id, report, round_id, mails) values ($1, $2, $3, $4)", [
      orgId,
      id,
      roundId,
      mails,
    ]);
}

/** PostgreSQL text holds no NUL. */
function clean(text: string): string {
  return text.replaceAll("\0", "").slice(0, 500);
}

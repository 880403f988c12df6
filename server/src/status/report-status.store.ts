/** Gathers what the status page says of the reports of the last thirty days, for one organisation. */
import type { Queryable } from "../ground/database.store.ts";
import type { ReportStatus } from "./report-section.ts";

const days = 30;
const mostRows = 10;

export async function readReportStatus(client: Queryable, orgId: number): Promise<ReportStatus> {
  const since = `(now() - interval '${String(days)} days')::date`;
  const [sums, origins, strangers, receivers, tls] = [
    await client.query<{ reports: number; incomplete: number; failures: number; latest: string | null }>(
      `select count(*) filter (where kind = 'dmarc-report') as reports, count(*) filter (where incomplete) as incomplete, count(*) filter (where kind = 'dmarc-failure') as failures, max(day)::text as latest
       from report where org_id = $1 and day >= ${since}`,
      [orgId],
    ),
    await client.query<ReportStatus["origins"][number]>(
      `select origin, sum(messages)::bigint as messages, sum(passed)::bigint as passed, count(distinct ip) as addresses
       from report_source where org_id = $1 and day >= ${since} group by origin order by messages desc`,
      [orgId],
    ),
    await client.query<ReportStatus["strangers"][number]>(
      `select host(ip) as ip, sum(messages)::bigint as messages, sum(rejected + quarantined)::bigint as stopped, max(envelope_from) as "envelopeFrom"
       from report_source where org_id = $1 and day >= ${since} and origin = 'unknown' group by ip order by messages desc, ip limit ${String(mostRows)}`,
      [orgId],
    ),
    await client.query<ReportStatus["receivers"][number]>(
      `with sent as (select j.report, sum(j.mails)::bigint as mails, string_agg(r.name, ', ' order by r.id) as rounds
                     from report_round j join round r on r.org_id = j.org_id and r.id = j.round_id where j.org_id = $1 group by j.report)
       select p.reporter, p.day::text as day, coalesce(s.mails, 0)::bigint as sent, coalesce(s.rounds, '') as rounds, p.messages, p.passed, p.incomplete
       from report p left join sent s on s.report = p.id
       where p.org_id = $1 and p.kind = 'dmarc-report' and p.day >= ${since} order by p.day desc, p.messages desc, p.id limit ${String(mostRows)}`,
      [orgId],
    ),
    await client.query<ReportStatus["tls"][number]>(
      `select p.reporter, t.result, t.host, sum(t.sessions)::bigint as sessions, sum(t.failed)::bigint as failed
       from report p join report_tls t on t.org_id = p.org_id and t.report = p.id
       where p.org_id = $1 and p.kind = 'tls-report' and p.day >= ${since} group by p.reporter, t.result, t.host order by failed desc, sessions desc limit ${String(mostRows)}`,
      [orgId],
    ),
  ];
  const [sum] = sums.rows;
  return {
    days,
    reports: sum?.reports ?? 0,
    incomplete: sum?.incomplete ?? 0,
    failures: sum?.failures ?? 0,
    latest: sum?.latest ?? null,
    origins: origins.rows,
    strangers: strangers.rows,
    receivers: receivers.rows,
    tls: tls.rows,
  };
}

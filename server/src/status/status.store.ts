/** Gathers what the status page shows, for one organisation. */
import type { Client } from "../ground/database.store.ts";
import type { LatchReason } from "../ground/instance.ts";
import { readLatch } from "../ground/instance.store.ts";
import { listIncidents } from "../outcome/brake/incident.store.ts";
import type { SenderFacts } from "../outcome/brake/incident.ts";
import type { Cause } from "../outcome/cause/cause.ts";
import type { SuppressedBecause } from "../outcome/delivery.ts";
import type { Flag } from "../outcome/flag.ts";
import { countLedger } from "../outcome/ledger.store.ts";
import { countReplies, listComplainers, listReplies, listUnmatched } from "../inbox/inbox.store.ts";
import type { IncidentStatus } from "./incident-card.ts";
import type { InboxStatus } from "./inbox-section.ts";
import type { FlaggedPerson } from "./person-line.ts";
import { readReportStatus } from "./report-status.store.ts";
import type { RoundStatus, StatusFacts } from "./status-page.ts";
import type { Warning } from "./warnings.ts";

const mostPeople = 50;

/** What only this process knows. */
export interface StatusHere {
  readonly mailboxUrl: string | null;
  /** The page's own address. */
  readonly here: string;
  readonly latchedHere: readonly LatchReason[];
  readonly uploadTo: string;
  forecastOf(roundId: number): string | null;
}

/** Runs inside the organisation's transaction. */
export async function readStatus(client: Client, orgId: number, here: StatusHere): Promise<StatusFacts> {
  const single = await listFlagged(client, orgId, null);
  return {
    latched: [...new Set([...((await readLatch(client)) ?? []), ...here.latchedHere])],
    sender: await readSender(client, orgId),
    incidents: await readIncidents(client, orgId),
    warnings: await listWarnings(client, orgId),
    rounds: await listRoundStatus(client, orgId, here),
    flagged: single.people,
    flaggedCount: single.count,
    inbox: await readInbox(client, orgId),
    here: here.here,
    mailboxUrl: here.mailboxUrl,
    reports: await readReportStatus(client, orgId),
    uploadTo: here.uploadTo,
  };
}

async function readSender(client: Client, orgId: number): Promise<SenderFacts> {
  const found = await client.query<{ organisation: string; from_local: string; domain: string | null }>(
    `select o.name as organisation, o.from_local, (select s.domain from sending_domain s where s.org_id = o.org_id order by s.created_at desc limit 1) as domain
     from organisation o where o.org_id = $1`,
    [orgId],
  );
  const row = found.rows[0];
  const sendingDomain = row?.domain ?? "";
  return {
    organisation: row?.organisation ?? "",
    sendingDomain,
    fromAddress: `${row?.from_local ?? ""}@${sendingDomain}`,
  };
}

async function readIncidents(client: Client, orgId: number): Promise<readonly IncidentStatus[]> {
  const incidents = [];
  for (const incident of await listIncidents(client, orgId)) {
    const { people } = await listFlagged(client, orgId, incident.id);
    incidents.push({ ...incident, some: people });
  }
  return incidents;
}

/** What has a place of its own on the page is not said twice. */
async function listWarnings(client: Client, orgId: number): Promise<readonly Warning[]> {
  const found = await client.query<{ kind: string; subject: string; text: string }>(
    `select kind, subject, text from alert
     where org_id = $1 and closed_at is null and seen_at is null and kind not in ('bounced', 'incident', 'round-stopped') order by at desc, id limit 50`,
    [orgId],
  );
  return found.rows;
}

async function listRoundStatus(client: Client, orgId: number, here: StatusHere): Promise<readonly RoundStatus[]> {
  const rounds = await client.query<{
    id: number;
    name: string;
    kind: string;
    state: string;
    stopped_because: string | null;
  }>(
    "select id, name, kind, state, stopped_because from round where org_id = $1 and (kind <> 'answer' or state <> 'open') order by id desc limit 10",
    [orgId],
  );
  const statuses = [];
  for (const { id, name, kind, state, stopped_because } of rounds.rows) {
    const { ledger, sums } = await countLedger(client, orgId, id);
    const leftOut = ledger.suppressed > 0 ? await countLeftOut(client, orgId, id) : [];
    const forecast = isAhead(state) ? here.forecastOf(id) : null;
    const waiting = ledger.queued > 0 ? await countWaiting(client, orgId, id) : [];
    const stoppedBecause = stopped_because;
    statuses.push({ id, name, kind, state, stoppedBecause, ledger, sums, forecast, waiting, leftOut });
  }
  return statuses;
}

function isAhead(state: string): boolean {
  return state === "draft" || state === "launching" || state === "open";
}

async function countWaiting(client: Client, orgId: number, roundId: number): Promise<RoundStatus["waiting"]> {
  const counted = await client.query<RoundStatus["waiting"][number]>(
    `select waits_because as because, count(*) as mails, min(due_at) as next from delivery
     where org_id = $1 and round_id = $2 and settled_at is null and state = 'queued' and waits_because is not null group by waits_because order by mails desc, because`,
    [orgId, roundId],
  );
  return counted.rows;
}

async function countLeftOut(client: Client, orgId: number, roundId: number): Promise<RoundStatus["leftOut"]> {
  const counted = await client.query<{ because: SuppressedBecause; people: number }>(
    `select suppressed_because as because, count(*) as people from delivery
     where org_id = $1 and round_id = $2 and state = 'suppressed' and suppressed_because is not null group by suppressed_because order by people desc, because`,
    [orgId, roundId],
  );
  return counted.rows;
}

/** Flagged people under an incident, or under none when `incidentId` is null. */
async function listFlagged(
  client: Client,
  orgId: number,
  incidentId: number | null,
): Promise<{ people: readonly FlaggedPerson[]; count: number }> {
  const flagged = await client.query<{
    id: number;
    name: string;
    email: string;
    flag: Flag;
    cause: Cause | null;
    text: string | null;
    total: number;
  }>(
    `select id, name, email, flag, flag_cause as cause, flag_text as text, count(*) over () as total
     from employee where org_id = $1 and flag is not null and flag_incident is not distinct from $2 order by flagged_at desc, id limit $3`,
    [orgId, incidentId, mostPeople],
  );
  const people = flagged.rows.map(({ id, name, email, flag, cause, text }) => ({
    id,
    name,
    email,
    flag,
    cause,
    text: text ?? "",
  }));
  return { people, count: flagged.rows[0]?.total ?? 0 };
}

async function readInbox(client: Client, orgId: number): Promise<InboxStatus> {
  return {
    replies: await listReplies(client, orgId),
    ...(await countReplies(client, orgId)),
    complainers: await listComplainers(client, orgId),
    unmatched: await listUnmatched(client, orgId),
  };
}

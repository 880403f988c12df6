/**
 * Incidents after they were opened: seen, continued, or settled by "it is mended: clear and retry all". Both steps are
 * one transaction of the caller's, leave their trace in the history of every person, and change nothing a second time.
 */
import type { Client, Queryable } from "../../ground/database.store.ts";
import { clearFlags } from "../flag.store.ts";
import type { IncidentKind } from "./decide-brake.ts";
import type { RoundKey } from "./failure-counts.store.ts";
import type { Evidence, Incident, IncidentState } from "./incident.ts";
import { groupPeopleOf } from "./open-incident.store.ts";

export interface IncidentKey {
  readonly orgId: number;
  readonly incidentId: number;
}

/** Domains of which nothing may be claimed at the moment, of all rounds that are sending. */
export async function heldDomains(engine: Queryable): Promise<readonly (RoundKey & { readonly domain: string })[]> {
  const held = await engine.query<{ org_id: number; round_id: number; domain: string }>({
    name: "held-domains",
    text: `select h.org_id, h.round_id, h.domain from domain_hold h
           join round r on r.org_id = h.org_id and r.id = h.round_id and r.state = 'open'`,
  });
  return held.rows.map((row) => ({ orgId: row.org_id, roundId: row.round_id, domain: row.domain }));
}

/**
 * Goes on as it is: what was held is released, the round goes on, the flags stay. The brake takes hold again only after
 * several times as many further failures (decide-brake.ts). Returns how many mails were released.
 */
export async function continueIncident(client: Client, { orgId, incidentId }: IncidentKey, now: Date): Promise<number> {
  const incident = await lockIncident(client, { orgId, incidentId });
  if (incident?.state !== "open") return 0;
  await groupPeopleOf(client, orgId, incidentId);
  await client.query(
    `insert into flag_event (org_id, employee_id, kind, flag, cause, incident_id, reason, at)
     select org_id, id, 'kept', flag, flag_cause, $2, 'the incident was continued', $3 from employee where org_id = $1 and flag_incident = $2`,
    [orgId, incidentId, now],
  );
  const released = await release(client, { ...incident, orgId, incidentId }, now);
  await client.query("update incident set state = 'continued', continued_at = $3 where org_id = $1 and id = $2", [
    orgId,
    incidentId,
    now,
  ]);
  await closeAlert(client, { orgId, incidentId }, now);
  return released;
}

export interface Retried {
  /** People whose flag was cleared. */
  readonly cleared: number;
  /** Their mails, which go out anew. */
  readonly requeued: number;
  /** Mails that had been held. */
  readonly released: number;
}

/** The cause is mended: clears the flags of the incident's people, sends their mail again, releases what was held, closes the incident. */
export async function retryAll(
  client: Client,
  { orgId, incidentId }: IncidentKey,
  reason: string,
  now: Date,
): Promise<Retried> {
  const incident = await lockIncident(client, { orgId, incidentId });
  if (!incident || incident.state === "closed") return { cleared: 0, requeued: 0, released: 0 };
  await groupPeopleOf(client, orgId, incidentId);
  const people = await client.query<{ id: number }>(
    "select id from employee where org_id = $1 and flag_incident = $2 order by id",
    [orgId, incidentId],
  );
  const released = await release(client, { ...incident, orgId, incidentId }, now);
  const employeeIds = people.rows.map((row) => row.id);
  const { cleared, requeued } = await clearFlags(client, { orgId, employeeIds }, reason, now);
  await client.query(
    "update incident set state = 'closed', closed_at = $3, reason = $4 where org_id = $1 and id = $2",
    [orgId, incidentId, now, reason],
  );
  await closeAlert(client, { orgId, incidentId }, now);
  return { cleared, requeued, released };
}

interface Locked {
  readonly state: IncidentState;
  readonly roundId: number;
  readonly domain: string | null;
}

async function lockIncident(client: Client, { orgId, incidentId }: IncidentKey): Promise<Locked | null> {
  const found = await client.query<{ state: IncidentState; round_id: number; domain: string | null }>(
    "select state, round_id, domain from incident where org_id = $1 and id = $2 for update",
    [orgId, incidentId],
  );
  const row = found.rows[0];
  return row ? { state: row.state, roundId: row.round_id, domain: row.domain } : null;
}

/** Takes the hold off first: what is queued below it would be held again. */
async function release(client: Client, { orgId, incidentId, roundId, domain }: IncidentKey & Locked, now: Date) {
  if (domain === null) {
    await client.query(
      "update round set state = 'open', stopped_because = null where org_id = $1 and id = $2 and state = 'stopped'",
      [orgId, roundId],
    );
    return 0;
  }
  await client.query("delete from domain_hold where org_id = $1 and incident_id = $2", [orgId, incidentId]);
  const released = await client.query(
    `update delivery set state = 'queued', due_at = $5, held_by = null
     where org_id = $1 and round_id = $2 and domain = $3 and settled_at is null and state = 'held' and held_by = $4`,
    [orgId, roundId, domain, incidentId, now],
  );
  return released.rowCount ?? 0;
}

async function closeAlert(client: Client, { orgId, incidentId }: IncidentKey, now: Date): Promise<void> {
  await client.query(
    "update alert set closed_at = $3 where org_id = $1 and kind = 'incident' and subject = $2 and closed_at is null",
    [orgId, `incident:${String(incidentId)}`, now],
  );
}

/** Incidents that still concern somebody, the newest first: all open ones, and continued ones with people under them. */
export async function listIncidents(client: Queryable, orgId: number): Promise<readonly Incident[]> {
  const found = await client.query<{
    id: number;
    round_id: number;
    round: string;
    domain: string | null;
    kind: IncidentKind;
    state: IncidentState;
    opened_at: Date;
    evidence: Evidence;
    held: number;
    flagged: number;
  }>(
    `select i.id, i.round_id, r.name as round, i.domain, i.kind, i.state, i.opened_at, i.evidence, h.held, p.flagged
     from incident i join round r on r.org_id = i.org_id and r.id = i.round_id
     cross join lateral (select count(*) as flagged from employee e where e.org_id = i.org_id and e.flag_incident = i.id) p
     cross join lateral (select count(*) as held from delivery d where d.org_id = i.org_id and d.round_id = i.round_id
       and d.domain = i.domain and d.settled_at is null and d.state = 'held' and d.held_by = i.id) h
     where i.org_id = $1 and (i.state = 'open' or (i.state = 'continued' and p.flagged > 0))
     order by i.state = 'continued', i.opened_at desc, i.id desc limit 50`,
    [orgId],
  );
  return found.rows.map(({ round_id, opened_at, ...row }) => ({ ...row, roundId: round_id, openedAt: opened_at }));
}

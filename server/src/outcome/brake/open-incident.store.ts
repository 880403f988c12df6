/**
 * Opens an incident: in one transaction the domain is held (or the round stopped) and one alert says so. However many
 * nodes come to the same decision at once, the first one opens it and the others find it standing.
 */
import { type Client, type Database, inTransaction, type Queryable } from "../../ground/database.store.ts";
import type { IncidentKind } from "./decide-brake.ts";
import type { RoundKey } from "./failure-counts.store.ts";
import { type Evidence, explainIncident } from "./incident.ts";
import { causesBlamingUs } from "./sort-failure.ts";

export interface Opening extends RoundKey {
  /** Null: the whole round. */
  readonly domain: string | null;
  readonly kind: IncidentKind;
  readonly evidence: Evidence;
  readonly countedFrom: Date;
  readonly now: Date;
}

export interface Braked extends RoundKey {
  readonly domain: string | null;
  readonly kind: IncidentKind;
  readonly incidentId: number;
  /** Mails held by it so far. */
  readonly held: number;
  /** What happened, in words for people. */
  readonly text: string;
}

/** More than this is held in further transactions: the hold itself is what keeps them from being sent. */
const holdAtOnce = 10_000;

/** Null when it stands already, or when a person has decided otherwise meanwhile. */
export async function openIncident(database: Database, opening: Opening): Promise<Braked | null> {
  const { orgId, roundId, domain, kind } = opening;
  const text = explainIncident(opening);
  const opened = await inTransaction(database.engine, async (client) => {
    if (!(await lockRound(client, opening))) return null;
    const incidentId = await writeIncident(client, opening);
    const held = domain === null ? 0 : await holdDomain(client, { ...opening, domain }, incidentId);
    if (domain === null) await stopForIncident(client, opening, text);
    await alertIncident(client, { orgId, incidentId, text }, opening.now);
    return { incidentId, held };
  });
  if (!opened) return null;
  let { held } = opened;
  if (domain !== null) {
    for (let chunk = held; chunk === holdAtOnce; held += chunk)
      chunk = await holdChunk(database.engine, { orgId, roundId, domain }, opened.incidentId);
  }
  return { orgId, roundId, domain, kind, incidentId: opened.incidentId, held, text };
}

/** Openings of one round come one after the other; what the one before has done is seen by statements after the lock. */
async function lockRound(client: Client, { orgId, roundId, domain, now }: Opening): Promise<boolean> {
  await client.query("select from round where org_id = $1 and id = $2 for no key update", [orgId, roundId]);
  const free = await client.query(
    `select where not exists (select from domain_hold where org_id = $1 and round_id = $2 and domain = $3)
       and ($3::text is not null or exists (select from round where org_id = $1 and id = $2 and state = 'open'))
       and not exists (select from incident where org_id = $1 and round_id = $2 and domain is not distinct from $3 and greatest(continued_at, closed_at) > $4)`,
    [orgId, roundId, domain, now],
  );
  return free.rowCount === 1;
}

/** One that was continued opens again under its old number, so that its people stay together. */
async function writeIncident(client: Client, opening: Opening): Promise<number> {
  const written = await client.query<{ id: number }>(
    `insert into incident (org_id, round_id, domain, kind, counted_from, opened_at, evidence) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (org_id, round_id, domain, kind) where state <> 'closed'
     do update set state = 'open', opened_at = excluded.opened_at, evidence = excluded.evidence
     returning id`,
    [
      opening.orgId,
      opening.roundId,
      opening.domain,
      opening.kind,
      opening.countedFrom,
      opening.now,
      JSON.stringify(opening.evidence),
    ],
  );
  return written.rows[0]?.id ?? 0;
}

async function holdDomain(
  client: Client,
  place: RoundKey & { domain: string; now: Date },
  incidentId: number,
): Promise<number> {
  await client.query(
    "insert into domain_hold (org_id, round_id, domain, incident_id, since) values ($1, $2, $3, $4, $5)",
    [place.orgId, place.roundId, place.domain, incidentId, place.now],
  );
  return holdChunk(client, place, incidentId);
}

/** What a node is making right now is withdrawn by the fence; a row that somebody is writing is past holding, and skipped. */
async function holdChunk(
  engine: Queryable,
  { orgId, roundId, domain }: RoundKey & { domain: string },
  incidentId: number,
): Promise<number> {
  const held = await engine.query(
    `with picked as (
       select org_id, id from delivery
       where org_id = $1 and round_id = $2 and domain = $3 and settled_at is null and state in ('queued', 'claimed')
         and exists (select from domain_hold where org_id = $1 and round_id = $2 and domain = $3 and incident_id = $4)
       limit $5 for update skip locked
     )
     update delivery d set state = 'held', due_at = null, node_id = null, held_by = $4, fence = d.fence + 1
     from picked p where d.org_id = p.org_id and d.id = p.id`,
    [orgId, roundId, domain, incidentId, holdAtOnce],
  );
  return held.rowCount ?? 0;
}

async function stopForIncident(client: Client, { orgId, roundId }: RoundKey, because: string): Promise<void> {
  await client.query("update round set state = 'stopped', stopped_because = $3 where org_id = $1 and id = $2", [
    orgId,
    roundId,
    because,
  ]);
}

async function alertIncident(
  client: Client,
  { orgId, incidentId, text }: { orgId: number; incidentId: number; text: string },
  now: Date,
): Promise<void> {
  await client.query(
    `insert into alert (org_id, kind, subject, text, at) values ($1, 'incident', $2, $3, $4)
     on conflict (org_id, kind, subject) do update set text = excluded.text, at = excluded.at, seen_at = null, closed_at = null`,
    [orgId, `incident:${String(incidentId)}`, text, now],
  );
}

/**
 * Puts the people whom a standing incident has cost a flag under its number, those who are refused after it opened
 * included. Whose row is being written is left for the next time, so that nobody waits for anybody.
 */
export async function groupPeople(
  client: Queryable,
  { orgId, roundId }: RoundKey,
  domains: readonly string[],
): Promise<void> {
  const standing = await client.query<{ id: number }>({
    name: "list-standing-incidents",
    text: `select id from incident where org_id = $1 and round_id = $2 and state <> 'closed'
             and (domain = any($3::text[]) or (domain is null and kind = 'refused-because-of-us'))
           order by domain nulls last, id`,
    values: [orgId, roundId, domains],
  });
  for (const { id } of standing.rows) await groupPeopleOf(client, orgId, id);
}

/** The same for one incident. */
export async function groupPeopleOf(client: Queryable, orgId: number, incidentId: number): Promise<void> {
  await client.query({
    name: "group-people-of-incident",
    text: `
      with grouped as (
        select e.id from incident i
        join employee e on e.org_id = i.org_id and e.flag_incident is null and e.flagged_at >= i.counted_from
          and e.flag = case i.kind when 'many-unknown' then 'hard' else 'refused-by-their-system' end
        join delivery d on d.org_id = i.org_id and d.round_id = i.round_id and d.employee_id = e.id and d.state = 'bounced'
          and (i.domain is null or d.domain = i.domain) and (i.kind <> 'refused-because-of-us' or d.cause = any($3::text[]))
        where i.org_id = $1 and i.id = $2 and (i.domain is not null or i.kind = 'refused-because-of-us')
        for no key update of e skip locked
      )
      update employee e set flag_incident = $2 from grouped g where e.org_id = $1 and e.id = g.id`,
    values: [orgId, incidentId, causesBlamingUs],
  });
}

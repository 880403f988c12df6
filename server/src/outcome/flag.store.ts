/**
 * The bounce flag: raised together with the outcome that causes it, cleared by a person. Raising it also stops every
 * mail to that person that has not left yet; clearing sends again what had bounced. Its history is never deleted.
 */
import type { Client, Queryable } from "../ground/database.store.ts";
import type { Effect } from "./delivery.ts";
import type { Flag } from "./flag.ts";
import { heavierFlag, stopsMail } from "./flag.ts";

type FlagEffect = Extract<Effect, { kind: "flag-employee" }>;

/**
 * Raises the flag on the person of this delivery. A heavier flag that already stands stays. An answer that went to another
 * address than the person's own says nothing about that one.
 */
export async function flagEmployee(
  client: Client,
  delivery: { orgId: number; id: number },
  effect: FlagEffect,
  at: Date,
): Promise<void> {
  const person = await client.query<{ id: number; flag: Flag | null }>(
    `select e.id, e.flag from employee e join delivery d on d.org_id = e.org_id and d.employee_id = e.id
     where d.org_id = $1 and d.id = $2 and (d.kind <> 'answer' or lower(d.address) = lower(e.email)) for no key update of e`,
    [delivery.orgId, delivery.id],
  );
  const found = person.rows[0];
  if (!found || heavierFlag(found.flag, effect.flag) === found.flag) return;
  const text = effect.text.replaceAll("\0", "").slice(0, 2000);
  await client.query(
    `update employee set flag = $3, flag_cause = $4, flag_text = $5, flagged_at = $6, flag_incident = null, updated_at = $6 where org_id = $1 and id = $2`,
    [delivery.orgId, found.id, effect.flag, effect.verdict.cause, text, at],
  );
  await client.query(
    `insert into flag_event (org_id, employee_id, delivery_id, kind, flag, cause, text, at) values ($1, $2, $3, 'raised', $4, $5, $6, $7)`,
    [delivery.orgId, found.id, delivery.id, effect.flag, effect.verdict.cause, text, at],
  );
  if (stopsMail(effect.flag))
    await suppressWaiting(client, { orgId: delivery.orgId, employeeId: found.id }, "flagged", at);
  if (!found.flag) await alertBounce(client, delivery.orgId, found.id, at);
}

/** Takes a soft flag off the person of this delivery, because mail is accepted again. */
export async function liftSoftFlag(client: Client, delivery: { orgId: number; id: number }, at: Date): Promise<void> {
  await client.query(
    `with lifted as (
       update employee e set flag = null, flag_cause = null, flag_text = null, flagged_at = null, flag_incident = null, updated_at = $3
       from delivery d where d.org_id = $1 and d.id = $2 and e.org_id = d.org_id and e.id = d.employee_id and e.flag = 'soft'
       returning e.org_id, e.id)
     insert into flag_event (org_id, employee_id, delivery_id, kind, flag, reason, at)
     select org_id, id, $2, 'cleared', 'soft', 'a later mail was accepted', $3 from lifted`,
    [delivery.orgId, delivery.id, at],
  );
}

/** Stops every survey mail to this person that has not left yet; an answer to their own question goes out. The fence moves on, so one that is just being made is withdrawn. */
export async function suppressWaiting(
  client: Queryable,
  person: { orgId: number; employeeId: number },
  because: string,
  at: Date,
): Promise<void> {
  await client.query(
    `update delivery d set state = 'suppressed', suppressed_because = $3, settled_at = $4, node_id = null, fence = d.fence + 1
     from round r
     where r.org_id = $1 and d.org_id = r.org_id and d.round_id = r.id and d.employee_id = $2
       and d.kind <> 'answer' and d.settled_at is null and d.state in ('queued', 'held', 'claimed')`,
    [person.orgId, person.employeeId, because, at],
  );
}

async function alertBounce(client: Client, orgId: number, employeeId: number, at: Date): Promise<void> {
  await client.query(
    `insert into alert (org_id, kind, subject, text, at) values ($1, 'bounced', $2, '', $3)
     on conflict (org_id, kind, subject) do update set at = excluded.at, seen_at = null`,
    [orgId, `employee:${String(employeeId)}`, at],
  );
}

export interface Cleared {
  /** Whether a flag stood. */
  readonly cleared: boolean;
  /** Mails that go out again. */
  readonly requeued: number;
}

/** Takes the flag off one person: `clearFlags` for a list of one. */
export async function clearFlag(
  client: Client,
  person: { orgId: number; employeeId: number },
  reason: string,
  now: Date,
): Promise<Cleared> {
  const people = { orgId: person.orgId, employeeIds: [person.employeeId] };
  const { cleared, requeued } = await clearFlags(client, people, reason, now);
  return { cleared: cleared > 0, requeued };
}

/**
 * Takes the flags off, with a reason for the history, and sends again what had bounced, expired or been suppressed for
 * these people in rounds that are not over: a new mail each, to the address as it is now. Counts people and mails.
 */
export async function clearFlags(
  client: Client,
  people: { orgId: number; employeeIds: readonly number[] },
  reason: string,
  now: Date,
): Promise<{ readonly cleared: number; readonly requeued: number }> {
  const cleared = await client.query<{ employee_id: number }>(
    `with standing as (
       select org_id, id, flag, flag_cause, flag_incident from employee
       where org_id = $1 and id = any($2::bigint[]) and flag is not null order by id for no key update
     ), gone as (
       update employee e set flag = null, flag_cause = null, flag_text = null, flagged_at = null, flag_incident = null, updated_at = $4
       from standing s where e.org_id = s.org_id and e.id = s.id
     )
     insert into flag_event (org_id, employee_id, kind, flag, cause, incident_id, reason, at)
     select org_id, id, 'cleared', flag, flag_cause, flag_incident, $3, $4 from standing returning employee_id`,
    [people.orgId, people.employeeIds, reason, now],
  );
  if (cleared.rowCount === 0) return { cleared: 0, requeued: 0 };
  const requeued = await client.query(
    `update delivery d set state = 'queued', due_at = $3, settled_at = null, suppressed_because = null, address = e.email,
       generation = d.generation + 1, fence = d.fence + 1, attempts = 0, first_tried_at = null, message_date = null, possible_duplicate = false
     from employee e, round r
     where d.org_id = $1 and d.kind <> 'answer' and d.employee_id = any($2::bigint[]) and e.org_id = d.org_id and e.id = d.employee_id
       and r.org_id = d.org_id and r.id = d.round_id and r.state in ('open', 'paused', 'stopped', 'launching') and r.closes_at > $3
       and (d.state in ('bounced', 'expired') or (d.state = 'suppressed' and d.suppressed_because = 'flagged'))`,
    [people.orgId, cleared.rows.map((row) => row.employee_id), now],
  );
  return { cleared: cleared.rowCount ?? 0, requeued: requeued.rowCount ?? 0 };
}

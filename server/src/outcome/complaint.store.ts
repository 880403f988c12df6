/**
 * The second flag: a person marked survey mail as unwanted (RFC 5965). It stands beside the bounce flag and outlasts its
 * clearing. It is taken back for one person at a time, with a reason in words, and sends nothing again by itself: what was
 * complained about is not repeated, and the next round includes the person.
 */
import type { Client } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import { suppressWaiting } from "./flag.store.ts";

/** Marks the person of this delivery and stops their survey mail that has not left yet. Once is enough. */
export async function markComplained(client: Client, delivery: { orgId: number; id: number }, at: Date): Promise<void> {
  const marked = await client.query<{ id: number }>(
    `update employee e set complained_at = $3, updated_at = $3 from delivery d
     where d.org_id = $1 and d.id = $2 and e.org_id = d.org_id and e.id = d.employee_id and e.complained_at is null
     returning e.id`,
    [delivery.orgId, delivery.id, at],
  );
  const person = marked.rows[0];
  if (!person) return;
  await client.query(
    `insert into flag_event (org_id, employee_id, delivery_id, kind, flag, at) values ($1, $2, $3, 'raised', 'complained', $4)`,
    [delivery.orgId, person.id, delivery.id, at],
  );
  await suppressWaiting(client, { orgId: delivery.orgId, employeeId: person.id }, "complained", at);
}

const shortestReason = 3;

/** Takes it back because the person said so. True when it stood. Refuses without a reason. */
export async function takeBackComplaint(
  client: Client,
  person: { readonly orgId: number; readonly employeeId: number },
  reason: string,
  at: Date,
): Promise<boolean> {
  const words = reason.replaceAll("\0", "").trim().slice(0, 500);
  if (words.length < shortestReason) {
    throw new Refusal(
      "complaint-needs-a-reason",
      "Say why survey mail may go to this person again, such as: asked her, she agrees. Nothing was changed.",
    );
  }
  const taken = await client.query(
    `with standing as (
       update employee set complained_at = null, updated_at = $4
       where org_id = $1 and id = $2 and complained_at is not null returning org_id, id)
     insert into flag_event (org_id, employee_id, kind, flag, reason, at)
     select org_id, id, 'cleared', 'complained', $3, $4 from standing`,
    [person.orgId, person.employeeId, words, at],
  );
  return (taken.rowCount ?? 0) > 0;
}

/**
 * Keeps what a person, or a mailbox on its own, wrote back: in the thread of an employee and a round, with its attachments
 * as bytes. Whose it is, a token says first and the address second. A sender that writes without end, and mail from our
 * own addresses, are no replies: that is how loops look.
 */
import type { Client } from "../../ground/database.store.ts";
import { addJob } from "../../ground/jobs.job.ts";
import type { RecognisedMail } from "../recognise/recognised.ts";

export interface IncomingReply {
  readonly orgId: number;
  readonly inboundId: number;
  readonly receivedAt: Date;
  readonly automatic: boolean;
  readonly reason: string | null;
  /** The delivery whose token it carries. */
  readonly delivery: { readonly id: number; readonly roundId: number; readonly employeeId: number } | null;
}

/** A person writes a few times; a robot does not stop. */
const mostAnHour = { fromPerson: 20, automatic: 5 };
const hourMs = 3_600_000;

/** Why it is no reply; null when it may be kept as one. `ownAddresses` in lower case, the bounce domain as `@domain`. */
export async function findLoop(
  client: Client,
  mail: RecognisedMail,
  {
    orgId,
    automatic,
    now,
    ownAddresses,
  }: { orgId: number; automatic: boolean; now: Date; ownAddresses: readonly string[] },
): Promise<string | null> {
  const address = addressOf(mail);
  if (ownAddresses.includes(address) || ownAddresses.includes(address.replace(/^[^@]*/, "")))
    return "It comes from an address of ours, so it would go round in circles.";
  const counted = await client.query<{ count: number }>(
    "select count(*) from reply where org_id = $1 and from_address = $2 and automatic = $3 and at > $4",
    [orgId, address, automatic, new Date(now.getTime() - hourMs)],
  );
  const most = automatic ? mostAnHour.automatic : mostAnHour.fromPerson;
  return (counted.rows[0]?.count ?? 0) < most
    ? null
    : `More than ${String(most)} mails came from this address within an hour.`;
}

export async function keepReply(client: Client, mail: RecognisedMail, reply: IncomingReply): Promise<void> {
  const address = addressOf(mail);
  const thread = await findThread(client, reply, address);
  const kept = await client.query<{ id: number }>(
    `insert into reply (org_id, inbound_id, employee_id, delivery_id, round_id, matched_by, automatic, reason, from_text, from_address, subject, visible_text, message_id, reference_ids, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) on conflict (inbound_id) do nothing returning id`,
    [
      reply.orgId,
      reply.inboundId,
      thread.employeeId,
      reply.delivery?.id ?? null,
      thread.roundId,
      thread.matchedBy,
      reply.automatic,
      reply.reason,
      clean(mail.from?.name || address, 500),
      address,
      clean(mail.subject, 1000),
      clean(mail.visibleText ?? "", 100_000),
      mail.thread.messageId,
      mail.thread.references,
      reply.receivedAt,
    ],
  );
  const id = kept.rows[0]?.id;
  if (id === undefined) return;
  for (const [position, { name, saidType, bytes }] of mail.attachments.entries()) {
    await client.query(
      "insert into reply_attachment (org_id, reply_id, position, file_name, said_type, content) values ($1, $2, $3, $4, $5, $6)",
      [reply.orgId, id, position, clean(name, 200), clean(saidType, 100), Buffer.from(bytes)],
    );
  }
  if (!reply.automatic)
    await addJob(
      client,
      "authenticate-reply",
      { inboundId: reply.inboundId },
      `authenticate:${String(reply.inboundId)}`,
    );
}

interface Thread {
  readonly employeeId: number | null;
  readonly roundId: number | null;
  readonly matchedBy: "token" | "address" | "nobody";
}

/** A reply to an answer goes on in the thread that was answered; one that is known by its address alone, in the person's latest round. */
async function findThread(client: Client, { orgId, delivery }: IncomingReply, address: string): Promise<Thread> {
  if (delivery) {
    const answered = await client.query<{ round_id: number | null }>(
      "select r.round_id from answer a join reply r on r.org_id = a.org_id and r.id = a.reply_id where a.org_id = $1 and a.delivery_id = $2",
      [orgId, delivery.id],
    );
    const before = answered.rows[0];
    return {
      employeeId: delivery.employeeId,
      roundId: before ? before.round_id : delivery.roundId,
      matchedBy: "token",
    };
  }
  const person = await client.query<{ id: number; round_id: number | null }>(
    `select e.id, (select d.round_id from delivery d where d.org_id = e.org_id and d.employee_id = e.id and d.kind <> 'answer' and d.first_tried_at is not null
        order by d.round_id desc limit 1) as round_id
     from employee e where e.org_id = $1 and e.email_key = $2`,
    [orgId, address],
  );
  const found = person.rows[0];
  if (!found) return { employeeId: null, roundId: null, matchedBy: "nobody" };
  return { employeeId: found.id, roundId: found.round_id, matchedBy: "address" };
}

function addressOf(mail: RecognisedMail): string {
  return clean(mail.from?.address ?? "", 320).toLowerCase();
}

/** PostgreSQL text holds no NUL, and outside words may be of any length. */
export function clean(text: string, longest: number): string {
  return text.replaceAll("\0", "").slice(0, longest);
}

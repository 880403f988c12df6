/**
 * Answers a reply: one delivery of kind `answer` in the organisation's round of answers, claimed, marked, signed, retried
 * and settled like any mail, in the thread of what it answers. It goes to the address that wrote, never to a Reply-To that
 * nobody vouches for. Pressing the button twice sends it once.
 */
import { readAddress } from "@roundtrip/mail/address";
import type { Client } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import { type AnswerText, answerSubject } from "../outbound/message/compose-answer.ts";

const longestText = 20_000;
/** Answers have no closing time; their retries end by the retry policy. */
const neverCloses = new Date("9999-01-01T00:00:00Z");

interface ReplyRow {
  readonly employee_id: number | null;
  readonly name: string;
  readonly automatic: boolean;
  readonly from_address: string;
  readonly subject: string;
  readonly message_id: string | null;
  readonly reference_ids: readonly string[];
}

/** Runs inside the organisation's transaction. Returns the delivery's id; of one that was written before, the same. */
export async function answerReply(
  client: Client,
  { orgId, replyId, text }: { readonly orgId: number; readonly replyId: number; readonly text: string },
  now: Date,
): Promise<number> {
  const words = text.replaceAll("\0", "").replaceAll(/\r\n?/g, "\n").toWellFormed().trim();
  if (words === "") throw new Refusal("answer-is-empty", "Write something first. Nothing was sent.");
  if (words.length > longestText)
    throw new Refusal(
      "answer-too-long",
      `An answer holds at most ${String(longestText)} characters. Shorten it. Nothing was sent.`,
    );
  const reply = await readReply(client, orgId, replyId);
  const address = readAddress(reply.from_address);
  if (!address.ok || reply.employee_id === null || reply.automatic) throw refuse(reply);
  const roundId = await lockRoundOfAnswers(client, orgId, now);
  const before = await client.query<{ delivery_id: number }>(
    "select delivery_id from answer where org_id = $1 and reply_id = $2 and text = $3",
    [orgId, replyId, words],
  );
  if (before.rows[0]) return before.rows[0].delivery_id;
  const answer: AnswerText = {
    subject: answerSubject(reply.subject),
    text: words,
    inReplyTo: reply.message_id,
    references: reply.reference_ids,
  };
  const slots = { name: reply.name, attributes: {}, answer };
  const added = await client.query<{ id: number }>(
    `insert into delivery (org_id, round_id, employee_id, kind, wave, state, address, language, slots, due_at)
     select $1, $2, $3, 'answer', (select coalesce(max(wave) + 1, 0) from delivery where org_id = $1 and round_id = $2 and employee_id = $3 and kind = 'answer'),
       'queued', $4, 'en', $5, $6 returning id`,
    [orgId, roundId, reply.employee_id, address.value.text, slots, now],
  );
  const deliveryId = added.rows[0]?.id ?? 0;
  await client.query(
    `with domain as (
       insert into round_domain (org_id, round_id, domain, people) select org_id, round_id, domain, 1 from delivery where org_id = $1 and id = $3
       on conflict (org_id, round_id, domain) do update set people = round_domain.people + 1)
     update round set enqueued = enqueued + 1, state = 'open', stopped_because = null where org_id = $1 and id = $2`,
    [orgId, roundId, deliveryId],
  );
  await client.query("insert into answer (org_id, reply_id, delivery_id, text, at) values ($1, $2, $3, $4, $5)", [
    orgId,
    replyId,
    deliveryId,
    words,
    now,
  ]);
  return deliveryId;
}

async function readReply(client: Client, orgId: number, replyId: number): Promise<ReplyRow> {
  const found = await client.query<ReplyRow>(
    `select r.employee_id, coalesce(e.name, '') as name, r.automatic, r.from_address, r.subject, r.message_id, r.reference_ids
     from reply r left join employee e on e.org_id = r.org_id and e.id = r.employee_id where r.org_id = $1 and r.id = $2`,
    [orgId, replyId],
  );
  const reply = found.rows[0];
  if (!reply)
    throw new Refusal("no-such-reply", "There is no such reply. roundtrip replies lists them with their numbers.");
  return reply;
}

function refuse({ automatic, employee_id, from_address }: ReplyRow): Refusal {
  if (automatic)
    return new Refusal(
      "reply-is-automatic",
      "Their mailbox wrote this by itself, and answering it could go on for ever. Write to the person instead.",
    );
  if (employee_id === null)
    return new Refusal(
      "reply-of-nobody",
      `${from_address || "The sender"} is none of the people here. Write from your own mail program, or add them and read the mail again.`,
    );
  return new Refusal(
    "reply-without-address",
    `${from_address || "The sender's address"} is no address that mail can be sent to.`,
  );
}

/** Made with the first answer. The lock keeps two answers to one person from taking the same place. */
async function lockRoundOfAnswers(client: Client, orgId: number, now: Date): Promise<number> {
  await client.query(
    `insert into round (org_id, name, kind, state, sender_name, closes_at, launched_at) select $1, 'Answers', 'answer', 'open', name, $2, $3 from organisation where org_id = $1
     on conflict (org_id) where kind = 'answer' do nothing`,
    [orgId, neverCloses, now],
  );
  const found = await client.query<{ id: number }>(
    "select id from round where org_id = $1 and kind = 'answer' for update",
    [orgId],
  );
  return found.rows[0]?.id ?? 0;
}

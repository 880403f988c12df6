/** Reads what came back for one organisation: threads of people's replies with their answers, attachments, complaints, and the tray of what nobody could match. */
import type { Client } from "../ground/database.store.ts";
import type { DeliveryState } from "../outcome/delivery.ts";
import type { Verdict } from "./verdict.ts";

export interface Reply {
  readonly id: number;
  readonly employeeId: number | null;
  readonly roundId: number | null;
  readonly round: string | null;
  /** The person's name and address as we have them; null where nobody matched. */
  readonly person: { readonly name: string; readonly email: string } | null;
  readonly from: string;
  readonly address: string;
  readonly matchedBy: "token" | "address" | "nobody";
  readonly subject: string;
  readonly text: string;
  readonly at: Date;
  readonly verdict: Verdict | null;
  readonly attachments: readonly { readonly position: number; readonly name: string; readonly bytes: number }[];
  readonly answers: readonly {
    readonly text: string;
    readonly at: Date;
    readonly state: DeliveryState;
    readonly said: string;
  }[];
}

const mostReplies = 100;
const shownText = 4000;

/** People's replies, the newest first. Runs inside the organisation's transaction, as all here. */
export async function listReplies(client: Client, orgId: number): Promise<readonly Reply[]> {
  const found = await client.query<
    Omit<Reply, "person" | "answers"> & { name: string | null; email: string | null; answers: readonly AnswerRow[] }
  >(
    `select r.id, r.employee_id as "employeeId", r.round_id as "roundId", o.name as round, e.name, e.email, r.from_text as "from", r.from_address as address,
       r.matched_by as "matchedBy", r.subject, left(r.visible_text, $3) as text, r.at, r.verdict,
       coalesce((select json_agg(json_build_object('position', a.position, 'name', a.file_name, 'bytes', length(a.content)) order by a.position)
         from reply_attachment a where a.org_id = r.org_id and a.reply_id = r.id), '[]') as attachments,
       coalesce((select json_agg(json_build_object('text', a.text, 'at', a.at, 'state', d.state, 'said', coalesce(d.last_text, '')) order by a.id)
         from answer a join delivery d on d.org_id = a.org_id and d.id = a.delivery_id where a.org_id = r.org_id and a.reply_id = r.id), '[]') as answers
     from reply r left join employee e on e.org_id = r.org_id and e.id = r.employee_id left join round o on o.org_id = r.org_id and o.id = r.round_id
     where r.org_id = $1 and not r.automatic order by r.id desc limit $2`,
    [orgId, mostReplies, shownText],
  );
  return found.rows.map(({ name, email, answers, ...reply }) => ({
    ...reply,
    person: email === null ? null : { name: name ?? "", email },
    answers: answers.map((answer) => ({ ...answer, at: new Date(answer.at) })),
  }));
}

interface AnswerRow {
  readonly text: string;
  readonly at: string;
  readonly state: DeliveryState;
  readonly said: string;
}

export async function countReplies(
  client: Client,
  orgId: number,
): Promise<{ readonly people: number; readonly automatic: number }> {
  const counted = await client.query<{ people: number; automatic: number }>(
    "select count(*) filter (where not automatic) as people, count(*) filter (where automatic) as automatic from reply where org_id = $1",
    [orgId],
  );
  return counted.rows[0] ?? { people: 0, automatic: 0 };
}

export interface Attachment {
  readonly name: string;
  readonly content: Buffer;
}

export async function readAttachment(
  client: Client,
  { orgId, replyId, position }: { readonly orgId: number; readonly replyId: number; readonly position: number },
): Promise<Attachment | null> {
  const found = await client.query<Attachment>(
    "select file_name as name, content from reply_attachment where org_id = $1 and reply_id = $2 and position = $3",
    [orgId, replyId, position],
  );
  return found.rows[0] ?? null;
}

export interface Unmatched {
  readonly id: number;
  readonly from: string;
  readonly subject: string;
  readonly to: string;
  readonly kind: string | null;
  readonly note: string;
  readonly at: Date;
  readonly bytes: number;
}

const mostUnmatched = 50;

export async function listUnmatched(
  client: Client,
  orgId: number,
): Promise<{ readonly mails: readonly Unmatched[]; readonly count: number }> {
  const found = await client.query<Unmatched & { total: number }>(
    `select id, coalesce(nullif(from_text, ''), nullif(envelope_from, ''), 'nobody named') as "from", coalesce(subject, '') as subject, envelope_to as "to", kind,
       coalesce(note, '') as note, received_at as at, octet_length(raw) as bytes, count(*) over () as total
     from inbound_mail where org_id = $1 and state in ('unmatched', 'unreadable') order by id desc limit $2`,
    [orgId, mostUnmatched],
  );
  return { mails: found.rows, count: found.rows[0]?.total ?? 0 };
}

export interface Complainer {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly at: Date;
}

export async function listComplainers(client: Client, orgId: number): Promise<readonly Complainer[]> {
  const found = await client.query<Complainer>(
    "select id, name, email, complained_at as at from employee where org_id = $1 and complained_at is not null order by complained_at desc, id limit 100",
    [orgId],
  );
  return found.rows;
}

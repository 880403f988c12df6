/**
 * The queue is the delivery table itself: claim, submitting mark, release, take-over, late resend.
 * Every statement names the fence it was given, so a node that lost its claim can change nothing any more.
 */
import type { DeliveryState } from "../../outcome/delivery.ts";
import type { Queryable } from "../../ground/database.store.ts";
import type { AnswerText } from "../message/compose-answer.ts";
import { leftOutBecause } from "../audience/left-out.ts";

export interface OpenRound {
  readonly orgId: number;
  readonly roundId: number;
  /** How urgent: answers, like test rounds, are few, and somebody waits for them. */
  readonly kind: "test" | "live";
  readonly closesAt: Date;
  readonly neverSendTwice: boolean;
}

/** A delivery that this node holds, with all that composing and deciding need. */
export interface Claimed {
  readonly orgId: number;
  readonly id: number;
  readonly roundId: number;
  readonly kind: string;
  readonly fence: number;
  readonly address: string;
  readonly domain: string;
  readonly language: string;
  /** The person's values as they were when the round was enqueued. */
  readonly slots: PersonSlots;
  readonly generation: number;
  readonly messageDate: Date;
  readonly attempts: number;
  readonly firstTriedAt: Date | null;
  readonly possibleDuplicate: boolean;
  readonly softFlagged: boolean;
}

export interface PersonSlots {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Of a delivery of kind `answer`: what is said to this one person. */
  readonly answer?: AnswerText;
}

/** Test rounds first: they are small, and somebody is waiting for them. */
export async function listOpenRounds(engine: Queryable): Promise<readonly OpenRound[]> {
  const rounds = await engine.query<{
    org_id: number;
    id: number;
    kind: "test" | "live";
    closes_at: Date;
    never_send_twice: boolean;
  }>({
    name: "list-open-rounds",
    text: "select org_id, id, case kind when 'live' then 'live' else 'test' end as kind, closes_at, never_send_twice from round where state = 'open' order by kind = 'live', org_id, id",
  });
  return rounds.rows.map((row) => ({
    orgId: row.org_id,
    roundId: row.id,
    kind: row.kind,
    closesAt: row.closes_at,
    neverSendTwice: row.never_send_twice,
  }));
}

/** The domains of a round that may be sent to: those that no incident holds. */
export async function listRoundDomains(engine: Queryable, round: OpenRound): Promise<readonly string[]> {
  const found = await engine.query<{ domain: string }>({
    name: "list-round-domains",
    text: `select d.domain from round_domain d where d.org_id = $1 and d.round_id = $2
             and not exists (select from domain_hold h where h.org_id = d.org_id and h.round_id = d.round_id and h.domain = d.domain)`,
    values: [round.orgId, round.roundId],
  });
  return found.rows.map((row) => row.domain);
}

const claim = `
  with holder as materialized (
    -- A node that was declared dead claims nothing, and one that claims is not declared dead meanwhile: what is claimed
    -- behind the back of the take-over would belong to nobody.
    select n.id from node n where n.id = $7 and n.ended_at is null for share
  ), picked as materialized (
    select x.org_id, x.id, x.employee_id, x.kind
    from holder cross join unnest($3::text[], $4::integer[]) as want (domain, most) cross join lateral (
      select d.org_id, d.id, d.employee_id, d.kind from delivery d
      where d.org_id = $1 and d.round_id = $2 and d.domain = want.domain and d.settled_at is null
        and d.state = 'queued' and d.due_at <= $5
      order by d.due_at, d.id limit want.most for update skip locked
    ) x
    limit $6
  ), judged as (
    select p.org_id, p.id, coalesce(e.flag = 'soft', false) as soft_flagged,
      -- Whoever asks is answered, flagged or opted out though they be.
      case when p.kind <> 'answer' then ${leftOutBecause("e", "$5::timestamptz")} end as because
    -- "offset 0" keeps this a look-up by key: a planner without statistics would read the whole organisation per mail.
    from picked p cross join lateral (select * from employee e where e.org_id = p.org_id and e.id = p.employee_id offset 0) e
  )
  update delivery d set
    state = case when j.because is null then 'claimed' else 'suppressed' end,
    suppressed_because = j.because,
    node_id = case when j.because is null then $7::bigint end,
    settled_at = case when j.because is not null then $5::timestamptz end,
    fence = d.fence + 1,
    waits_because = null,
    message_date = coalesce(d.message_date, $5)
  from judged j where d.org_id = j.org_id and d.id = j.id
  returning d.id, d.state, d.kind, d.fence, d.address, d.domain, d.language, d.slots, d.generation, d.message_date, d.attempts, d.first_tried_at, d.possible_duplicate, j.soft_flagged`;

interface ClaimRow {
  id: number;
  state: DeliveryState;
  kind: string;
  fence: number;
  address: string;
  domain: string;
  language: string;
  slots: PersonSlots;
  generation: number;
  message_date: Date;
  attempts: number;
  first_tried_at: Date | null;
  possible_duplicate: boolean;
  soft_flagged: boolean;
}

/** How many mails are wanted for a domain at the most. */
export interface Want {
  readonly domain: string;
  readonly most: number;
}

/**
 * Claims due deliveries of one round for this node, domain by domain, `most` in all. People who were flagged, left or
 * opted out since the enqueue are suppressed here instead: the last look before a mail is made. `looked` counts both.
 */
export async function claimDue(
  engine: Queryable,
  round: OpenRound,
  nodeId: number,
  { now, most, wants }: { now: Date; most: number; wants: readonly Want[] },
): Promise<{ claimed: readonly Claimed[]; looked: number }> {
  const rows = await engine.query<ClaimRow>({
    name: "claim-due",
    text: claim,
    values: [
      round.orgId,
      round.roundId,
      wants.map((want) => want.domain),
      wants.map((want) => want.most),
      now,
      most,
      nodeId,
    ],
  });
  const claimed = rows.rows
    .filter((row) => row.state === "claimed")
    .map((row) => ({
      orgId: round.orgId,
      id: row.id,
      roundId: round.roundId,
      kind: row.kind,
      fence: row.fence,
      address: row.address,
      domain: row.domain,
      language: row.language,
      slots: row.slots,
      generation: row.generation,
      messageDate: row.message_date,
      attempts: row.attempts,
      firstTriedAt: row.first_tried_at,
      possibleDuplicate: row.possible_duplicate,
      softFlagged: row.soft_flagged,
    }));
  return { claimed, looked: rows.rows.length };
}

export interface Mark {
  readonly orgId: number;
  readonly id: number;
  readonly fence: number;
}

const mark = `
  update delivery d set state = 'submitting'
  from unnest($1::integer[], $2::bigint[], $3::integer[]) as m (org_id, id, fence), round r
  where d.org_id = m.org_id and d.id = m.id and d.fence = m.fence and d.state = 'claimed' and d.node_id = $4
    and r.org_id = d.org_id and r.id = d.round_id and r.state = 'open'
    and exists (select from node n where n.id = $4 and n.ended_at is null and n.lease_until > clock_timestamp())
  returning d.id, d.fence`;

/**
 * Commits "this mail is about to be handed over" for each mark, before its last byte leaves. False: the claim, the
 * lease or the round is no longer ours to send, and the mail must not go.
 */
export async function markSubmitting(
  engine: Queryable,
  nodeId: number,
  marks: readonly Mark[],
): Promise<readonly boolean[]> {
  const values = [marks.map((m) => m.orgId), marks.map((m) => m.id), marks.map((m) => m.fence), nodeId];
  const marked = await engine.query<{ id: number; fence: number }>({ name: "mark-submitting", text: mark, values });
  // A node may hold an old claim of the same mail beside the new one: only the fence tells them apart.
  const fences = new Map(marked.rows.map((row) => [row.id, row.fence]));
  return marks.map((m) => fences.get(m.id) === m.fence);
}

/** Gives claims back untouched: nothing of these mails has left, and the try is not counted. */
export async function releaseClaims(
  engine: Queryable,
  nodeId: number,
  marks: readonly Mark[],
  now: Date,
): Promise<void> {
  if (marks.length === 0) return;
  await engine.query({
    name: "release-claims",
    text: `update delivery d set state = 'queued', node_id = null, due_at = coalesce(d.due_at, $5), fence = d.fence + 1
           from unnest($1::integer[], $2::bigint[], $3::integer[]) as m (org_id, id, fence)
           where d.org_id = m.org_id and d.id = m.id and d.fence = m.fence and d.node_id = $4`,
    values: [marks.map((m) => m.orgId), marks.map((m) => m.id), marks.map((m) => m.fence), nodeId, now],
  });
}

/** A claim that is put off: none of our addresses may carry it before `until`. */
export interface PutOff extends Mark {
  readonly until: Date;
  /** Null where it is only a matter of seconds. */
  readonly because: WaitsBecause | null;
}

export type WaitsBecause = "warming-up" | "no-address";

/** What was never tried is dated anew when its time comes: nobody has seen the old date. */
const undated = "case when d.first_tried_at is null and not d.possible_duplicate then null else d.message_date end";

/** Gives claims back for later. Nothing of these mails has left, and the try is not counted. */
export async function putOffClaims(engine: Queryable, nodeId: number, waits: readonly PutOff[]): Promise<void> {
  if (waits.length === 0) return;
  await engine.query({
    name: "put-off-claims",
    text: `update delivery d set state = 'queued', node_id = null, fence = d.fence + 1, due_at = w.until, waits_because = w.because, message_date = ${undated}
           from unnest($1::integer[], $2::bigint[], $3::integer[], $4::timestamptz[], $5::text[]) as w (org_id, id, fence, until, because)
           where d.org_id = w.org_id and d.id = w.id and d.fence = w.fence and d.node_id = $6 and d.state = 'claimed'`,
    values: [
      waits.map((wait) => wait.orgId),
      waits.map((wait) => wait.id),
      waits.map((wait) => wait.fence),
      waits.map((wait) => wait.until),
      waits.map((wait) => wait.because),
      nodeId,
    ],
  });
}

/**
 * Puts off what is due to these domains without claiming it, `most` mails at a time; returns how many. Where `what` is
 * `untried`, retries are left alone: they have addresses of their own to go by.
 */
export async function putOffDue(
  engine: Queryable,
  round: OpenRound,
  domains: readonly string[],
  wait: {
    readonly now: Date;
    readonly until: Date;
    readonly because: WaitsBecause;
    readonly what: "all" | "untried";
    readonly most: number;
  },
): Promise<number> {
  const moved = await engine.query({
    name: "put-off-due",
    text: `with due as (
             select d.org_id, d.id from delivery d
             where d.org_id = $1 and d.round_id = $2 and d.domain = any ($3) and d.settled_at is null and d.state = 'queued'
               and d.due_at <= $4 and ($7 = 'all' or d.first_tried_at is null)
             order by d.due_at, d.id limit $8 for update skip locked
           )
           update delivery d set due_at = $5, waits_because = $6, message_date = ${undated}
           from due where d.org_id = due.org_id and d.id = due.id`,
    values: [round.orgId, round.roundId, domains, wait.now, wait.until, wait.because, wait.what, wait.most],
  });
  return moved.rowCount ?? 0;
}

/** Lets mail that waits for an address ask again at `at`, of one organisation or (null) of all; returns how many. */
export async function wakeWaiting(owner: Queryable, orgId: number | null, at: Date): Promise<number> {
  const woken = await owner.query({
    name: "wake-waiting",
    text: `update delivery set due_at = $2 where settled_at is null and state = 'queued' and waits_because is not null
             and due_at > $2 and ($1::integer is null or org_id = $1)`,
    values: [orgId, at],
  });
  return woken.rowCount ?? 0;
}

/**
 * Sends once more what has waited long enough for evidence: same bytes, same Message-ID, marked as a possible
 * duplicate. "Never send twice" and a second lost answer have no due time, so they wait for a person.
 */
export async function requeueUnknown(engine: Queryable, round: OpenRound, now: Date): Promise<number> {
  const requeued = await engine.query({
    name: "requeue-unknown",
    text: `update delivery set state = 'queued', possible_duplicate = true, fence = fence + 1
           where org_id = $1 and round_id = $2 and settled_at is null and first_tried_at is not null and state = 'unknown' and due_at <= $3`,
    values: [round.orgId, round.roundId, now],
  });
  return requeued.rowCount ?? 0;
}

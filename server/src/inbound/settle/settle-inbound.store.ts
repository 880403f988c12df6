/**
 * Settles one incoming mail: finds the delivery by its token, lets `outcome/` decide the step, and writes step, the
 * other side's words, effects and the mail's own state in one transaction. Settling again changes nothing.
 */
import { readReturnPath, type ReturnPathKey, returnPathDay } from "@roundtrip/mail/verp";
import { type Client, type Database, inTransaction } from "../../ground/database.store.ts";
import {
  type Delivery,
  type DeliveryState,
  decideStep,
  isSettled,
  type SendingRules,
  type Step,
} from "../../outcome/delivery.ts";
import type { FailedDelivery } from "../../outcome/brake/apply-brakes.store.ts";
import { carryOut } from "../../outcome/outcome.store.ts";
import type { Recognised, RecognisedRecipient } from "../recognise/recognised.ts";
import { clean, findLoop, keepReply } from "./reply.store.ts";
import { decideSettlement, type Settlement } from "./decide-settlement.ts";

export interface InboundMail {
  readonly id: number;
  readonly orgId: number | null;
  readonly receivedAt: Date;
  readonly envelopeTo: string;
  readonly raw: Buffer;
  readonly token: Token | null;
}

interface Token {
  readonly org: number;
  readonly delivery: number;
  readonly generation: number;
}

export interface SettleFacts {
  readonly rules: Omit<SendingRules, "neverSendTwice">;
  readonly bounceDomain: string;
  readonly returnPathKeys: readonly ReturnPathKey[];
  readonly sendingDomain: string;
  readonly messageIdKeys: readonly ReturnPathKey[];
  /** In lower case; a whole domain of ours as `@domain`. */
  readonly ownAddresses: readonly string[];
  readonly now: Date;
}

/** Null when it is settled already or does not exist. */
export async function readInboundMail(database: Database, inboundId: number): Promise<InboundMail | null> {
  const found = await database.engine.query<{
    id: number;
    org_id: number | null;
    received_at: Date;
    envelope_to: string;
    raw: Buffer;
    token_delivery: number | null;
    token_generation: number | null;
  }>(
    "select id, org_id, received_at, envelope_to, raw, token_delivery, token_generation from inbound_mail where id = $1 and state = 'received'",
    [inboundId],
  );
  const row = found.rows[0];
  if (!row) return null;
  const token =
    row.org_id !== null && row.token_delivery !== null
      ? { org: row.org_id, delivery: row.token_delivery, generation: row.token_generation ?? 0 }
      : null;
  return {
    id: row.id,
    orgId: row.org_id,
    receivedAt: row.received_at,
    envelopeTo: row.envelope_to,
    raw: row.raw,
    token,
  };
}

/** Returns the failure it wrote, if it did: for the brakes, once this is committed. */
export async function settleInbound(
  database: Database,
  mail: InboundMail,
  recognised: Recognised,
  facts: SettleFacts,
): Promise<FailedDelivery | null> {
  return inTransaction(database.engine, async (client) => {
    const waiting = await client.query("select from inbound_mail where id = $1 and state = 'received' for update", [
      mail.id,
    ]);
    if (waiting.rowCount === 0) return null;
    const token = mail.token ?? findToken(recognised, mail.receivedAt, facts);
    const concerned = token ? await lockDelivery(client, token) : null;
    const orgId = token?.org ?? (await findOrganisation(client, mail.envelopeTo));
    const decided = decideSettlement(recognised, concerned?.address ?? null);
    const settlement = await withoutLoops(client, decided, { recognised, orgId, facts });
    const matter: Case = { mail, recognised, settlement, concerned, token, orgId };
    const failed = await carryOutSettlement(client, matter, facts);
    await closeMail(client, matter);
    return failed;
  });
}

/** The second place a token may stand: our own header, or our Message-ID, in what a notice returns or a reply refers to. */
function findToken(mail: Recognised, receivedAt: Date, facts: SettleFacts): Token | null {
  if (mail.kind === "unreadable") return null;
  // A mail that is read again later is as old as it was when it came.
  const today = returnPathDay(receivedAt);
  const { ownReference, messageIds } = mail.references;
  if (ownReference !== null) {
    const read = readReturnPath(
      `${ownReference}@${facts.bounceDomain}`,
      facts.returnPathKeys,
      facts.bounceDomain,
      today,
    );
    if (read.ok) return read.value;
  }
  for (const id of messageIds) {
    const read = readReturnPath(id.replaceAll(/^<|>$/g, ""), facts.messageIdKeys, facts.sendingDomain, today);
    if (read.ok) return read.value;
  }
  return null;
}

interface Concerned extends Delivery {
  readonly orgId: number;
  readonly id: number;
  readonly roundId: number;
  readonly domain: string;
  readonly employeeId: number;
  readonly address: string;
  readonly generation: number;
  readonly fence: number;
  readonly closesAt: Date;
  readonly neverSendTwice: boolean;
}

async function lockDelivery(client: Client, token: Token): Promise<Concerned | null> {
  const found = await client.query<{
    round_id: number;
    domain: string;
    employee_id: number;
    address: string;
    state: DeliveryState;
    attempts: number;
    first_tried_at: Date | null;
    possible_duplicate: boolean;
    soft_flagged: boolean;
    generation: number;
    fence: number;
    closes_at: Date;
    never_send_twice: boolean;
  }>(
    `select d.round_id, d.domain, d.employee_id, d.address, d.state, d.attempts, d.first_tried_at, d.possible_duplicate, coalesce(e.flag = 'soft', false) as soft_flagged, d.generation, d.fence, r.closes_at, r.never_send_twice
     from delivery d join round r on r.org_id = d.org_id and r.id = d.round_id join employee e on e.org_id = d.org_id and e.id = d.employee_id
     where d.org_id = $1 and d.id = $2 for update of d`,
    [token.org, token.delivery],
  );
  const row = found.rows[0];
  if (!row) return null;
  return {
    orgId: token.org,
    id: token.delivery,
    roundId: row.round_id,
    domain: row.domain,
    employeeId: row.employee_id,
    address: row.address,
    state: row.state,
    attempts: row.attempts,
    firstTriedAt: row.first_tried_at,
    possibleDuplicate: row.possible_duplicate,
    softFlagged: row.soft_flagged,
    generation: row.generation,
    fence: row.fence,
    closesAt: row.closes_at,
    neverSendTwice: row.never_send_twice,
  };
}

/** One mail with all that was found out about it. */
interface Case {
  readonly mail: InboundMail;
  readonly recognised: Recognised;
  readonly settlement: Settlement;
  readonly concerned: Concerned | null;
  readonly token: Token | null;
  readonly orgId: number | null;
}

/** Null unless the delivery has bounced by it. */
async function carryOutSettlement(client: Client, matter: Case, facts: SettleFacts): Promise<FailedDelivery | null> {
  const { settlement, concerned, token } = matter;
  const { mail, recognised, orgId: org } = matter;
  if (settlement.kind === "reply" && org !== null && recognised.kind !== "unreadable") {
    const { automatic, reason } = settlement;
    const reply = {
      orgId: org,
      inboundId: mail.id,
      receivedAt: mail.receivedAt,
      automatic,
      reason,
      delivery: concerned,
    };
    await keepReply(client, recognised, reply);
  }
  const event =
    settlement.kind === "delivery" ? settlement.event : settlement.kind === "reply" ? settlement.evidence : null;
  if (!event || !concerned) return null;
  if (settlement.kind === "delivery") await noteNotice(client, matter, settlement);
  // News of an earlier mail, to an address that has been put right since, says nothing about the present one.
  if (token?.generation !== concerned.generation) return null;
  const rules = { ...facts.rules, neverSendTwice: concerned.neverSendTwice };
  const step = decideStep(concerned, event, rules, { now: facts.now, closesAt: concerned.closesAt, chance: 0 });
  if (!step) return null;
  await writeStep(client, concerned, { step, said: readSaid(settlement), now: facts.now });
  await carryOut(client, concerned, step.effects, facts.now);
  if (step.state !== "bounced" || event.kind !== "notice-failed") return null;
  const { orgId, roundId, domain } = concerned;
  return { orgId, roundId, domain, verdict: event.verdict, text: event.text, at: facts.now };
}

/** What the notice says about the recipient, in the columns that keep it. */
interface Said {
  readonly code: number | null;
  readonly enhanced: string | null;
  readonly text: string | null;
  readonly cause: string | null;
  readonly rule: string | null;
}

function readSaid(settlement: Settlement): Said {
  const recipient: RecognisedRecipient | null = settlement.kind === "delivery" ? settlement.recipient : null;
  if (!recipient) return { code: null, enhanced: null, text: null, cause: null, rule: null };
  return {
    code: recipient.replyCode === null ? null : Number(recipient.replyCode),
    enhanced: recipient.status,
    text: clean(recipient.text, 2000),
    cause: recipient.cause,
    rule: recipient.rule,
  };
}

async function writeStep(
  client: Client,
  { orgId, id }: Concerned,
  { step, said, now }: { step: Step; said: Said; now: Date },
): Promise<void> {
  const cause = step.state === "delivered" ? null : said.cause;
  await client.query(
    `update delivery set state = $3, due_at = $4, settled_at = case when $5 then coalesce(settled_at, $6) end, node_id = null,
       cause = coalesce($7, cause), last_code = coalesce($8, last_code), last_enhanced = coalesce($9, last_enhanced), last_text = coalesce($10, last_text)
     where org_id = $1 and id = $2`,
    [orgId, id, step.state, step.dueAt, isSettled(step.state), now, cause, said.code, said.enhanced, said.text],
  );
}

async function noteNotice(
  client: Client,
  { mail, concerned, token, settlement }: Case,
  { result }: { result: string },
): Promise<void> {
  if (!concerned) return;
  const { code, enhanced, text, cause, rule } = readSaid(settlement);
  await client.query(
    `insert into attempt (org_id, delivery_id, generation, fence, at, result, code, enhanced, text, cause, rule, source, inbound_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'notice', $12) on conflict do nothing`,
    [
      concerned.orgId,
      concerned.id,
      token?.generation ?? 0,
      concerned.fence,
      mail.receivedAt,
      result,
      code,
      enhanced,
      text ?? "",
      cause,
      rule,
      mail.id,
    ],
  );
}

/** A reply whose sender does not stop, or is ourselves, waits in the tray for a person. */
async function withoutLoops(
  client: Client,
  settlement: Settlement,
  { recognised, orgId, facts }: { recognised: Recognised; orgId: number | null; facts: SettleFacts },
): Promise<Settlement> {
  if (settlement.kind !== "reply" || recognised.kind === "unreadable") return settlement;
  if (orgId === null) return { kind: "unmatched", because: "Nobody can say which organisation it is for." };
  const { now, ownAddresses } = facts;
  const because = await findLoop(client, recognised, { orgId, automatic: settlement.automatic, now, ownAddresses });
  return because === null ? settlement : { kind: "unmatched", because };
}

/** Whose reply address a mail came to; where there is but one organisation, everything is its. */
async function findOrganisation(client: Client, envelopeTo: string): Promise<number | null> {
  const local = envelopeTo.split("@")[0] ?? "";
  const found = await client.query<{ org_id: number }>(
    `select org_id from organisation where lower(reply_local) = lower($1)
       or (select count(*) from organisation) = 1 order by org_id limit 1`,
    [local],
  );
  return found.rows[0]?.org_id ?? null;
}

async function closeMail(client: Client, { mail, recognised, settlement, orgId }: Case): Promise<void> {
  const unread = recognised.kind === "unreadable" ? "unreadable" : "unmatched";
  const writer = recognised.kind === "unreadable" ? null : recognised.from;
  const from = clean(writer ? [writer.name, writer.address].filter(Boolean).join(" · ") : "", 500);
  const subject = clean(recognised.kind === "unreadable" ? "" : recognised.subject, 500);
  const [state, note] = settlement.kind === "unmatched" ? [unread, settlement.because] : ["settled", null];
  await client.query(
    `update inbound_mail set state = $2, kind = $3, note = $4, org_id = coalesce(org_id, $5), from_text = $6, subject = $7, settled_at = now() where id = $1`,
    [mail.id, state, recognised.kind, note, orgId, from, subject],
  );
}

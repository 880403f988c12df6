/**
 * Writes down what attempts came to: the new state, the other side's own words, and the effects, in one transaction.
 * Writing the same outcome twice changes nothing; an outcome under an old fence leaves the state alone and is kept as an
 * attempt. An acceptance needs no attempt of its own: all that it says stands in the delivery.
 */
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";
import { type Client, type Database, inTransaction, type Queryable } from "../ground/database.store.ts";
import type { CauseVerdict } from "./cause/cause.ts";
import { markComplained } from "./complaint.store.ts";
import { type Effect, isSettled, type Step } from "./delivery.ts";
import { flagEmployee, liftSoftFlag } from "./flag.store.ts";
import { findPeers } from "./peer.store.ts";
import type { Place } from "./place.ts";

export interface AttemptOutcome {
  readonly orgId: number;
  readonly id: number;
  readonly generation: number;
  readonly fence: number;
  readonly at: Date;
  readonly result: "accepted" | "refused" | "failed" | "unknown";
  readonly step: Step;
  readonly word: RemoteWord;
  readonly verdict: CauseVerdict | null;
  readonly place: Place | null;
}

const record = `
  with given as (
    select * from unnest($1::integer[], $2::bigint[], $3::smallint[], $4::integer[], $5::timestamptz[], $6::text[], $7::text[], $8::timestamptz[],
      $9::smallint[], $10::boolean[], $11::text[], $12::smallint[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::boolean[])
      as g (org_id, id, generation, fence, at, result, state, due_at, attempts, possible_duplicate, step, code, enhanced, text, cause, rule, host, ip, local_ip, tls, settled)
  ), noted as (
    insert into attempt (org_id, delivery_id, generation, fence, at, result, step, code, enhanced, text, cause, rule, remote_host, remote_ip, local_ip, tls)
    select org_id, id, generation, fence, at, result, step, code, enhanced, text, cause, rule, host, ip, local_ip, tls from given
    on conflict do nothing
  )
  update delivery d set
    state = g.state, due_at = g.due_at, attempts = g.attempts, possible_duplicate = g.possible_duplicate,
    node_id = null, settled_at = case when g.settled then g.at end, first_tried_at = coalesce(d.first_tried_at, g.at),
    cause = g.cause, last_code = g.code, last_enhanced = g.enhanced, last_text = g.text,
    -- This try has a row of its own; an earlier acceptance must not be taken for it.
    peer_id = null
  from given g
  where d.org_id = g.org_id and d.id = g.id and d.fence = g.fence and d.state in ('claimed', 'submitting', 'unknown')
  returning d.id, d.fence`;

interface Written {
  readonly id: number;
  readonly fence: number;
}

/** Records a batch of attempts; all or nothing. */
export async function recordOutcomes(database: Database, outcomes: readonly AttemptOutcome[]): Promise<void> {
  const plain = outcomes.filter(isPlainAcceptance);
  if (plain.length === outcomes.length) {
    await acceptPlainly(database, plain);
    return;
  }
  await inTransaction(database.engine, async (client) => {
    const written = await writeOutcomes(client, outcomes);
    // By fence as well: an old outcome of the same mail may be in the batch, and its effects must not count.
    const isWritten = ({ id, fence }: AttemptOutcome) => written.some((row) => row.id === id && row.fence === fence);
    for (const outcome of outcomes.filter((each) => each.step.effects.length > 0))
      if (isWritten(outcome)) await carryOut(client, outcome, outcome.step.effects, outcome.at);
  });
}

// ---- acceptances ------------------------------------------------------------------------------------------------

type Acceptance = AttemptOutcome & { readonly place: Place };

/** Nothing follows from it, and both ends of the connection are known. */
function isPlainAcceptance(outcome: AttemptOutcome): outcome is Acceptance {
  const { step, result, word, place } = outcome;
  const isAccepted = result === "accepted" && step.state === "accepted" && word.step === "body";
  return isAccepted && step.effects.length === 0 && place !== null;
}

const accept = `
  update delivery d set
    state = 'accepted', due_at = null, attempts = g.attempts, possible_duplicate = g.possible_duplicate, node_id = null,
    settled_at = g.at, first_tried_at = coalesce(d.first_tried_at, g.at), cause = null,
    last_code = g.code, last_enhanced = g.enhanced, last_text = g.text, peer_id = g.peer_id
  from unnest($1::integer[], $2::bigint[], $3::integer[], $4::timestamptz[], $5::smallint[], $6::boolean[], $7::smallint[], $8::text[], $9::text[], $10::bigint[])
    as g (org_id, id, fence, at, attempts, possible_duplicate, code, enhanced, text, peer_id)
  where d.org_id = g.org_id and d.id = g.id and d.fence = g.fence and d.state in ('claimed', 'submitting', 'unknown')
  returning d.id, d.fence`;

async function acceptPlainly(database: Database, outcomes: readonly Acceptance[]): Promise<void> {
  const peers = await findPeers(database, outcomes);
  const column = <Value>(read: (outcome: Acceptance) => Value): Value[] => outcomes.map(read);
  const { rows } = await database.engine.query<Written>({
    name: "accept-plainly",
    text: accept,
    values: [
      column((o) => o.orgId),
      column((o) => o.id),
      column((o) => o.fence),
      column((o) => o.at.toISOString()),
      column((o) => o.step.attempts),
      column((o) => o.step.possibleDuplicate),
      column((o) => o.word.code),
      column((o) => o.word.enhanced),
      column((o) => cleanText(o.word.text)),
      peers,
    ],
  });
  if (rows.length === outcomes.length) return;
  // Written before, or under an old fence: the statement that keeps attempts sorts that out.
  const written = new Map(rows.map((row) => [row.id, row.fence]));
  const standing = outcomes.filter(({ id, fence }) => written.get(id) !== fence);
  await keepLateAttempts(database.engine, standing);
}

/** An acceptance that changed nothing is evidence all the same, unless it stands in its delivery already. */
async function keepLateAttempts(engine: Queryable, outcomes: readonly AttemptOutcome[]): Promise<void> {
  const standing = await engine.query<Written>({
    name: "find-acceptances",
    text: `select d.id, d.fence from delivery d join unnest($1::integer[], $2::bigint[]) as g (org_id, id) on d.org_id = g.org_id and d.id = g.id
           where d.state = 'accepted' and d.peer_id is not null`,
    values: [outcomes.map(({ orgId }) => orgId), outcomes.map(({ id }) => id)],
  });
  const isStanding = ({ id, fence }: AttemptOutcome) =>
    standing.rows.some((row) => row.id === id && row.fence === fence);
  const late = outcomes.filter((outcome) => !isStanding(outcome));
  if (late.length > 0) await writeOutcomes(engine, late);
}

// ---- everything else --------------------------------------------------------------------------------------------

async function writeOutcomes(engine: Queryable, outcomes: readonly AttemptOutcome[]): Promise<readonly Written[]> {
  const column = <Value>(read: (outcome: AttemptOutcome) => Value): Value[] => outcomes.map(read);
  const written = await engine.query<Written>({
    name: "record-outcomes",
    text: record,
    values: [
      column((o) => o.orgId),
      column((o) => o.id),
      column((o) => o.generation),
      column((o) => o.fence),
      // Written here: the driver's own way with dates costs several times as much.
      column((o) => o.at.toISOString()),
      column((o) => o.result),
      column((o) => o.step.state),
      column((o) => o.step.dueAt),
      column((o) => o.step.attempts),
      column((o) => o.step.possibleDuplicate),
      column((o) => o.word.step),
      column((o) => o.word.code),
      column((o) => o.word.enhanced),
      column((o) => cleanText(o.word.text)),
      column((o) => o.verdict?.cause ?? null),
      column((o) => o.verdict?.rule ?? null),
      column((o) => o.place?.host ?? null),
      column((o) => o.place?.address ?? null),
      column((o) => o.place?.localAddress ?? null),
      column((o) => o.place?.tls ?? null),
      column((o) => isSettled(o.step.state)),
    ],
  });
  return written.rows;
}

/** What a delivery, its person and its organisation are called where effects are carried out. */
export interface Concerned {
  readonly orgId: number;
  readonly id: number;
}

/** Carries out the effects of a step, inside the transaction that wrote it. */
export async function carryOut(
  client: Client,
  concerned: Concerned,
  effects: readonly Effect[],
  at: Date,
): Promise<void> {
  for (const effect of effects) {
    switch (effect.kind) {
      case "flag-employee":
        await flagEmployee(client, concerned, effect, at);
        break;
      case "mark-complained":
        await markComplained(client, concerned, at);
        break;
      case "lift-soft-flag":
        await liftSoftFlag(client, concerned, at);
        break;
      case "alert-operator":
        await client.query(
          `insert into alert (org_id, kind, subject, text, at)
           select d.org_id, 'refused-because-of-us', $3, $4, $5 from delivery d where d.org_id = $1 and d.id = $2
           on conflict (org_id, kind, subject) do nothing`,
          [concerned.orgId, concerned.id, effect.verdict.cause, cleanText(effect.text), at],
        );
        break;
    }
  }
}

/** PostgreSQL text holds no NUL, and a remote's words may be anything. */
function cleanText(text: string): string {
  return text.replaceAll("\0", "").slice(0, 2000);
}

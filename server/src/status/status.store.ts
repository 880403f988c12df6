/** Gathers what the status page shows, for one organisation. */
import type { Client } from "../ground/database.store.ts";
import type { Cause } from "../outcome/cause/cause.ts";
import type { Flag } from "../outcome/flag.ts";
import { countLedger } from "../outcome/ledger.store.ts";
import type { StatusFacts } from "./status-page.ts";

const mostPeople = 50;

/** Runs inside the organisation's transaction, so that all figures are of one moment. */
export async function readStatus(client: Client, orgId: number, mailboxUrl: string | null): Promise<StatusFacts> {
  const organisation = await client.query<{ name: string }>("select name from organisation where org_id = $1", [orgId]);
  const rounds = await client.query<{
    id: number;
    name: string;
    kind: string;
    state: string;
    stopped_because: string | null;
  }>("select id, name, kind, state, stopped_because from round where org_id = $1 order by id desc limit 10", [orgId]);
  const flagged = await client.query<{
    id: number;
    name: string;
    email: string;
    flag: Flag;
    cause: Cause | null;
    text: string | null;
    total: number;
  }>(
    `select id, name, email, flag, flag_cause as cause, flag_text as text, count(*) over () as total
     from employee where org_id = $1 and flag is not null order by flagged_at desc, id limit $2`,
    [orgId, mostPeople],
  );
  const replies = await client.query<{ from: string; subject: string; excerpt: string; automatic: boolean }>(
    `select from_text as "from", subject, left(visible_text, 200) as excerpt, automatic from reply where org_id = $1 order by id desc limit 100`,
    [orgId],
  );
  const unmatched = await client.query<{ count: number }>(
    "select count(*) from inbound_mail where org_id = $1 and state in ('unmatched', 'unreadable')",
    [orgId],
  );
  const statuses = [];
  for (const round of rounds.rows) {
    const { ledger, sums } = await countLedger(client, orgId, round.id);
    statuses.push({
      name: round.name,
      kind: round.kind,
      state: round.state,
      stoppedBecause: round.stopped_because,
      ledger,
      sums,
    });
  }
  return {
    organisation: organisation.rows[0]?.name ?? "",
    rounds: statuses,
    flagged: flagged.rows.map((row) => ({
      id: row.id,
      name: row.name,
      email: row.email,
      flag: row.flag,
      cause: row.cause,
      text: row.text ?? "",
    })),
    flaggedCount: flagged.rows[0]?.total ?? 0,
    replies: replies.rows,
    unmatched: unmatched.rows[0]?.count ?? 0,
    mailboxUrl,
  };
}

/** Keeps the raw bytes of incoming mail, once, together with the job that will read them. What is kept is committed before anyone is told 250. */
import { createHash } from "node:crypto";
import { type Database, inTransaction } from "../../ground/database.store.ts";
import { addJob } from "../../ground/jobs.job.ts";

export interface IncomingMail {
  readonly receivedAt: Date;
  readonly envelopeFrom: string;
  readonly envelopeTo: string;
  readonly remoteIp: string;
  /** The name that the other side said hello with. */
  readonly helo: string;
  readonly raw: Buffer;
  readonly token: { readonly org: number; readonly delivery: number; readonly generation: number } | null;
}

/** One delivery causes a handful of notices. Whoever has its return path must not fill our disk through it. */
const mostADay = 50;
const dayMs = 86_400_000;

/** Whether this return path has taken as much today as it takes. */
export async function hasTakenEnough(
  database: Database,
  token: { readonly org: number; readonly delivery: number },
  now: Date,
): Promise<boolean> {
  const counted = await database.engine.query<{ count: number }>(
    "select count(*) from inbound_mail where org_id = $1 and token_delivery = $2 and received_at > $3",
    [token.org, token.delivery, new Date(now.getTime() - dayMs)],
  );
  return (counted.rows[0]?.count ?? 0) >= mostADay;
}

/** Commits the mail; the same bytes to the same address again are the same mail and change nothing. */
export async function keepIncomingMail(database: Database, mail: IncomingMail): Promise<void> {
  await inTransaction(database.engine, async (client) => {
    const kept = await client.query<{ id: number }>(
      `insert into inbound_mail (org_id, received_at, envelope_from, envelope_to, remote_ip, digest, raw, token_delivery, token_generation, helo)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (envelope_to, digest) do nothing returning id`,
      [
        mail.token?.org ?? null,
        mail.receivedAt,
        mail.envelopeFrom,
        mail.envelopeTo.toLowerCase(),
        mail.remoteIp,
        createHash("sha256").update(mail.raw).digest(),
        mail.raw,
        mail.token?.delivery ?? null,
        mail.token?.generation ?? null,
        mail.helo.replaceAll("\0", "").slice(0, 255),
      ],
    );
    const inboundId = kept.rows[0]?.id;
    if (inboundId !== undefined)
      await addJob(client, "settle-inbound", { inboundId }, `settle-inbound:${String(inboundId)}`);
  });
}

/** Keeps the raw bytes of incoming mail, once, together with the job that will read them. What is kept is committed before anyone is told 250. */
import { createHash } from "node:crypto";
import { type Database, inTransaction } from "../../ground/database.store.ts";
import { addJob } from "../../ground/jobs.job.ts";

export interface IncomingMail {
  readonly receivedAt: Date;
  readonly envelopeFrom: string;
  readonly envelopeTo: string;
  readonly remoteIp: string;
  readonly raw: Buffer;
  readonly token: { readonly org: number; readonly delivery: number; readonly generation: number } | null;
}

/** Commits the mail; the same bytes to the same address again are the same mail and change nothing. */
export async function keepIncomingMail(database: Database, mail: IncomingMail): Promise<void> {
  await inTransaction(database.engine, async (client) => {
    const kept = await client.query<{ id: number }>(
      `insert into inbound_mail (org_id, received_at, envelope_from, envelope_to, remote_ip, digest, raw, token_delivery, token_generation)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (envelope_to, digest) do nothing returning id`,
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
      ],
    );
    const inboundId = kept.rows[0]?.id;
    if (inboundId !== undefined)
      await addJob(client, "settle-inbound", { inboundId }, `settle-inbound:${String(inboundId)}`);
  });
}

/** The organisation that runs surveys here. There is one for now: the first start makes it. */
import type { Database } from "../ground/database.store.ts";

export interface OrganisationFacts {
  readonly name: string;
  /** The parts before the @ of the From and Reply-To addresses. */
  readonly fromLocal: string;
  readonly replyLocal: string;
}

/** Returns the organisation's id; several nodes may start at once. */
export async function ensureOrganisation(database: Database, facts: OrganisationFacts): Promise<number> {
  const client = await database.owner.connect();
  try {
    await client.query("begin");
    await client.query("lock table organisation in share row exclusive mode");
    const standing = await client.query<{ org_id: number }>("select org_id from organisation order by org_id limit 1");
    const found =
      standing.rows[0] ??
      (
        await client.query<{ org_id: number }>(
          "insert into organisation (name, from_local, reply_local) values ($1, $2, $3) returning org_id",
          [facts.name, facts.fromLocal, facts.replyLocal],
        )
      ).rows[0];
    await client.query("commit");
    if (!found) throw new Error("The organisation could not be made");
    return found.org_id;
  } finally {
    client.release();
  }
}

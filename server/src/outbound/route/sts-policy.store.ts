/** Keeps MTA-STS policies across restarts and nodes, so that a policy seen once protects until its max_age ends (RFC 8461 §3.3). */
import type { Queryable } from "../../ground/database.store.ts";
import type { StsPolicy } from "./sts-policy.ts";

export interface KeptStsPolicy {
  /** As the TXT record announced it. */
  readonly id: string;
  readonly policy: StsPolicy;
  readonly fetchedAt: Date;
}

export async function findStsPolicy(engine: Queryable, domain: string): Promise<KeptStsPolicy | null> {
  const { rows } = await engine.query<{
    policy_id: string;
    mode: StsPolicy["mode"];
    mx: string[];
    max_age_seconds: number;
    fetched_at: Date;
  }>("select policy_id, mode, mx, max_age_seconds, fetched_at from tls_policy where domain = $1", [domain]);
  const [row] = rows;
  if (!row) return null;
  const policy = { mode: row.mode, mx: row.mx, maxAgeSeconds: row.max_age_seconds };
  return { id: row.policy_id, policy, fetchedAt: row.fetched_at };
}

/** Of two nodes that fetched at the same time the later one stays. */
export async function saveStsPolicy(engine: Queryable, domain: string, kept: KeptStsPolicy): Promise<void> {
  const { id, policy, fetchedAt } = kept;
  await engine.query(
    `insert into tls_policy (domain, policy_id, mode, mx, max_age_seconds, fetched_at) values ($1, $2, $3, $4, $5, $6)
     on conflict (domain) do update
       set policy_id = excluded.policy_id, mode = excluded.mode, mx = excluded.mx,
           max_age_seconds = excluded.max_age_seconds, fetched_at = excluded.fetched_at
       where tls_policy.fetched_at <= excluded.fetched_at`,
    [domain, id, policy.mode, policy.mx, policy.maxAgeSeconds, fetchedAt],
  );
}

/** DKIM keys of a sending domain: made once, sealed at rest, loaded as a ready signer. A key that cannot sign is a Refusal, never an unsigned mail. */
import type { DkimSigner } from "@roundtrip/mail/dkim/sign-dkim";
import { createDkimSigner, explainDkimKeyProblem } from "@roundtrip/mail/dkim/sign-dkim";
import { generateDkimKey } from "@roundtrip/mail/dkim/generate-dkim-key";
import type { Database, Queryable } from "../../ground/database.store.ts";
import { Refusal } from "../../ground/refusal.ts";
import { openSecret, sealSecret } from "../../ground/secrets.ts";

/** Longer than the longest retry (72 h), a late resend and a slow receiver together. */
const signatureLastsMs = 10 * 24 * 3_600_000;

export interface SealKeys {
  readonly masterKey: Buffer;
  readonly random: (bytes: number) => Buffer;
}

/** Makes an RSA key for the domain when it has none yet. Several nodes may try at once; the first one's key stays. */
export async function ensureDkimKey(
  database: Database,
  place: { orgId: number; domain: string; selector: string },
  keys: SealKeys,
): Promise<void> {
  const { orgId, domain, selector } = place;
  const standing = await database.owner.query("select from sending_domain where org_id = $1 and domain = $2", [
    orgId,
    domain,
  ]);
  if (standing.rowCount !== 0) return;
  const pair = await generateDkimKey("rsa");
  const sealed = sealSecret(keys.masterKey, Buffer.from(pair.privateKeyPem), sealContext(place), keys.random);
  await database.owner.query(
    `insert into sending_domain (org_id, domain, selector, key_algorithm, sealed_key, public_record) values ($1, $2, $3, 'rsa', $4, $5) on conflict do nothing`,
    [orgId, domain, selector, sealed, pair.record],
  );
}

/** The signer of this domain. Refuses, in words for the operator, when there is no key or it cannot sign. */
export async function loadSigner(
  engine: Queryable,
  orgId: number,
  domain: string,
  masterKey: Buffer,
): Promise<DkimSigner> {
  const found = await engine.query<{ selector: string; sealed_key: Buffer }>(
    "select selector, sealed_key from sending_domain where org_id = $1 and domain = $2 order by created_at desc limit 1",
    [orgId, domain],
  );
  const row = found.rows[0];
  if (!row)
    throw new Refusal(
      "no-dkim-key",
      `There is no DKIM key for ${domain}. Nothing is sent unsigned: make a key for this domain first.`,
    );
  const privateKey = openKey(row.sealed_key, { orgId, domain, selector: row.selector }, masterKey);
  const signer = createDkimSigner({ domain, selector: row.selector, privateKey, expiresAfterMs: signatureLastsMs });
  if (!signer.ok)
    throw new Refusal(
      "dkim-key-unusable",
      `The DKIM key of ${domain} cannot sign, so nothing is sent. ${explainDkimKeyProblem(signer.error)}`,
    );
  return signer.value;
}

function openKey(
  sealed: Buffer,
  place: { orgId: number; domain: string; selector: string },
  masterKey: Buffer,
): string {
  try {
    return openSecret(masterKey, sealed, sealContext(place)).toString("utf8");
  } catch (cause) {
    throw new Refusal(
      "dkim-key-sealed",
      `The DKIM key of ${place.domain} cannot be opened with this master key, so nothing is sent. Restore the master key that it was sealed with, or make a new DKIM key.`,
      { cause },
    );
  }
}

function sealContext(place: { orgId: number; domain: string; selector: string }): string {
  return `dkim:${String(place.orgId)}:${place.domain}:${place.selector}`;
}

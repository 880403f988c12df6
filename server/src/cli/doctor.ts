/** `roundtrip doctor`: looks at this installation from outside in, and says what is wrong and what cures it. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { readConfig } from "../ground/config.ts";
import { findMasterKey } from "../ground/master-key.files.ts";
import { Refusal } from "../ground/refusal.ts";
import { loadSigner } from "../outbound/sign/dkim-key.store.ts";
import { visitDatabase } from "./visit.ts";

export interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

export async function diagnose(environment: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const config = await tried("The configuration can be used.", () => readConfig(environment));
  if (!config.value) return [config.finding];
  const { dataDir, masterKey, sendingDomain } = config.value;
  const folder = await tried(`The data directory ${resolve(dataDir)} can be written.`, () => {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
    return true;
  });
  const key = await tried("The master key is there.", () => findMasterKey(masterKey, resolve(dataDir)));
  const database = await tried(
    "The database answers, its tables are up to date, and the ledger of every round sums.",
    () =>
      visitDatabase(environment, async ({ database: opened }) => {
        const wrong = await opened.owner.query<{ id: number }>(
          "select r.id from round r where r.enqueued <> (select count(*) from delivery d where d.org_id = r.org_id and d.round_id = r.id)",
        );
        if (wrong.rows.length > 0)
          throw new Refusal(
            "ledger",
            `The ledger of round ${wrong.rows.map((row) => String(row.id)).join(", ")} does not sum. Stop sending and report this.`,
          );
        return true;
      }),
  );
  const signing = await tried(`Mail from ${sendingDomain} can be signed.`, () =>
    visitDatabase(environment, async ({ database: opened, orgId }) => {
      if (!key.value) throw new Refusal("no-master-key", "Without the master key nothing can be signed.");
      return loadSigner(opened.engine, orgId, sendingDomain, key.value);
    }),
  );
  return [config.finding, folder.finding, key.finding, database.finding, signing.finding];
}

async function tried<Value>(
  promise: string,
  work: () => Value | Promise<Value>,
): Promise<{ finding: Finding; value: Value | null }> {
  try {
    return { finding: { ok: true, text: promise }, value: await work() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { finding: { ok: false, text }, value: null };
  }
}

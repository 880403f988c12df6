/** `roundtrip doctor`: looks at this installation from outside in, and says what is wrong and what cures it. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { readConfig } from "../ground/config.ts";
import { explainLatch } from "../ground/instance.ts";
import { readInstanceMarker } from "../ground/instance-marker.files.ts";
import { previewInstance } from "../ground/instance.store.ts";
import { findMasterKey } from "../ground/master-key.files.ts";
import { Refusal } from "../ground/refusal.ts";
import { loadSigner } from "../outbound/sign/dkim-key.store.ts";
import { checkSendingAddresses } from "./check-sending-addresses.ts";
import type { Finding } from "./finding.ts";
import { type Visit, visitDatabase } from "./visit.ts";

export async function diagnose(environment: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const config = await tried("The configuration can be used.", () => readConfig(environment));
  if (!config.value) return [config.finding];
  const { dataDir, masterKey } = config.value;
  const folder = await tried(`The data directory ${resolve(dataDir)} can be written.`, () => {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
    return true;
  });
  const key = await tried("The master key is there.", () => findMasterKey(masterKey, resolve(dataDir)));
  const database = await tried("The database answers, and its tables are up to date.", () =>
    visitDatabase(environment, (visit) => lookInside(visit, key.value)),
  );
  return [config.finding, folder.finding, key.finding, database.finding, ...(database.value ?? [])];
}

async function lookInside(visit: Visit, masterKey: Buffer | null): Promise<readonly Finding[]> {
  const { config, database, orgId } = visit;
  const ledger = await tried("The ledger of every round sums.", () => checkLedgers(visit));
  const latch = await tried("The database is where it was: mail may be sent from it.", () => checkLatch(visit));
  const signing = await tried(`Mail from ${config.sendingDomain} can be signed.`, () => {
    if (!masterKey) throw new Refusal("no-master-key", "Without the master key nothing can be signed.");
    return loadSigner(database.engine, orgId, config.sendingDomain, masterKey);
  });
  const addresses = config.channel.kind === "mx" ? await checkSendingAddresses(database, config.channel) : [];
  return [ledger.finding, latch.finding, signing.finding, ...addresses];
}

async function checkLedgers({ database }: Visit): Promise<void> {
  const wrong = await database.owner.query<{ id: number }>(
    "select r.id from round r where r.enqueued <> (select count(*) from delivery d where d.org_id = r.org_id and d.round_id = r.id)",
  );
  if (wrong.rows.length === 0) return;
  const rounds = wrong.rows.map((row) => String(row.id)).join(", ");
  throw new Refusal("ledger", `The ledger of round ${rounds} does not sum. Stop sending and report this.`);
}

async function checkLatch({ config, database }: Visit): Promise<void> {
  const marker = readInstanceMarker(resolve(config.dataDir));
  const latched = await previewInstance(database, { name: config.instance, marker, isRunning: false });
  if (latched.length > 0) throw new Refusal("latched", explainLatch(latched));
}

async function tried<Value>(
  promise: string,
  work: () => Value | Promise<Value>,
): Promise<{ finding: Finding; value: Value | null }> {
  try {
    const value = await work();
    return { finding: { level: "good", text: promise }, value };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { finding: { level: "wrong", text }, value: null };
  }
}

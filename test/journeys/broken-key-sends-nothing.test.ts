/** Without a key that can sign, not a single mail leaves, and the refusal says why and what to do. */
import { randomBytes } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import { expect, it } from "vitest";
import { sealSecret } from "../../server/src/ground/secrets.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { until, useRoundtrip } from "./harness.ts";

const masterKeyHex = "cd".repeat(32);
const masterKey = Buffer.from(masterKeyHex, "hex");
const journey = useRoundtrip({ ROUNDTRIP_MASTER_KEY: masterKeyHex });
const domain = "mail.roundtrip.test";

async function breakKey(sealed: Buffer): Promise<void> {
  await journey.running.database.owner.query("update sending_domain set sealed_key = $1", [sealed]);
}
const sealPem = (pem: string) =>
  sealSecret(masterKey, Buffer.from(pem), `dkim:${String(journey.running.orgId)}:${domain}:rt1`, randomBytes);

it.each([
  ["garbage instead of a key", () => sealPem("no key at all"), /cannot sign, so nothing is sent.*not a private key/s],
  [
    "a key too short to be trusted",
    () =>
      sealPem(
        generateKeyPairSync("rsa", {
          modulusLength: 1024,
          privateKeyEncoding: { type: "pkcs8", format: "pem" },
          publicKeyEncoding: { type: "spki", format: "pem" },
        }).privateKey,
      ),
    /fewer than 2048 bits/,
  ],
  [
    "a key sealed under another master key",
    () => sealSecret(randomBytes(32), Buffer.from("x"), "dkim", randomBytes),
    /cannot be opened with this master key/,
  ],
])("%s", async (what, broken, says) => {
  const { database, orgId, world } = journey.running;
  const name = what.replaceAll(/\W+/g, "-");
  await journey.importPeople(`email,name\r\n${name}@acme.test,Someone`);
  await breakKey(broken());
  const roundId = await journey.launch();
  await until(
    "the round to be stopped",
    async () =>
      (await database.owner.query("select from round where id = $1 and state = 'stopped'", [roundId])).rowCount === 1,
  );
  const round = await database.owner.query<{ stopped_because: string }>(
    "select stopped_because from round where id = $1",
    [roundId],
  );
  expect(round.rows[0]?.stopped_because).toMatch(says);
  expect(
    (
      await database.owner.query("select from alert where org_id = $1 and kind = 'round-stopped' and subject = $2", [
        orgId,
        `round:${String(roundId)}`,
      ])
    ).rowCount,
  ).toBe(1);
  expect((await countLedger(database.owner, orgId, roundId)).ledger.accepted).toBe(0);
  expect(world!.counts().kept).toBe(0);
});

it("a key that breaks while a round is open stops the round, and what is queued stays queued", async () => {
  const { database, orgId, world } = journey.running;
  const good = await database.owner.query<{ sealed_key: Buffer }>("select sealed_key from sending_domain");
  expect(good.rowCount).toBe(1);
  await journey.importPeople("email,name\r\nlate@acme.test,Late");
  const { seedRound } = await import("../../server/src/testing/seed.ts");
  const seeded = await seedRound(journey.test, 3);
  await until(
    "the seeded round to be stopped",
    async () =>
      (await database.owner.query("select from round where id = $1 and state = 'stopped'", [seeded.roundId]))
        .rowCount === 1,
  );
  const { ledger, sums } = await countLedger(database.owner, seeded.orgId, seeded.roundId);
  expect({ queued: ledger.queued, sums }).toEqual({ queued: 3, sums: true });
  expect(world!.counts().kept).toBe(0);
  expect(orgId).not.toBe(seeded.orgId);
});

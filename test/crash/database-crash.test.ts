/** A node whose database crashed under it comes back by itself: its lock went with the connection, so it starts anew. */
import { expect, it } from "vitest";
import { onField, until } from "./field.ts";
import { startOwnPostgres } from "./own-postgres.ts";

const mails = 1500;

it("a single node goes on after its database crashed, though its lease has run out", { timeout: 200_000 }, async () => {
  const own = await startOwnPostgres();
  try {
    await onField(own.database, own.url, { mails, environment: { ROUNDTRIP_LEASE_SECONDS: "2" } }, async (field) => {
      field.startSender();
      for (const share of [0.2, 0.6]) {
        await until("mails to flow", async () => (await field.countSettled()) > share * mails);
        await own.crashAndRestart();
      }
      await field.settled();
      const tally = await field.tally();
      expect(tally).toMatchObject({ sums: true, lost: [], unmarkedDuplicates: [], differingCopies: [] });
    });
  } finally {
    await own.end();
  }
});

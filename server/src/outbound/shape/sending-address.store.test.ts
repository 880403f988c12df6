/** Our addresses on a real database: who sees which, and a day's ceiling that nodes together never exceed. */
import { describe, expect, it } from "vitest";
import { inOrganisation } from "../../ground/database.store.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import type { SendingAddress } from "./choose-address.ts";
import { giveBackUse, listSendingAddresses, loadUse, saveSendingAddress, takeUse } from "./sending-address.store.ts";
import { ceilingToday, useKey } from "./warm-up.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T23:59:00Z");
const later = new Date("2026-11-25T00:01:00Z");
const google = (address: string) => ({ address, provider: "google" });

describe("sending addresses", () => {
  it("are seen by the engine all, by an organisation its own and the shared ones, by nobody in particular none", async () => {
    const [one, two] = [await test.addOrganisation("One"), await test.addOrganisation("Two")];
    const add = async (address: string, orgId: number | null): Promise<SendingAddress> => {
      const added: SendingAddress = { address, orgId, heloName: "out.example.com", state: "planned" };
      await saveSendingAddress(test.database.owner, added, now);
      return added;
    };
    const [own, other, shared] = [
      await add("192.0.2.10", one),
      await add("2001:db8::5", two),
      await add("192.0.2.90", null),
    ];
    expect(await listSendingAddresses(test.database.engine)).toEqual([own, shared, other]);
    expect(await inOrganisation(test.database, one, listSendingAddresses)).toEqual([own, shared]);
    expect(await listSendingAddresses(test.database.app)).toEqual([]);
  });

  it("are changed by the operator only, and remember since when they are what they are", async () => {
    const address: SendingAddress = { address: "192.0.2.20", orgId: null, heloName: "a.example.com", state: "warming" };
    await saveSendingAddress(test.database.owner, address, now);
    await saveSendingAddress(test.database.owner, { ...address, heloName: "b.example.com" }, later);
    const sinceOf = async () =>
      (await test.database.owner.query("select helo_name, since from sending_address where address = '192.0.2.20'"))
        .rows;
    expect(await sinceOf()).toEqual([{ helo_name: "b.example.com", since: now }]);
    await saveSendingAddress(test.database.owner, { ...address, state: "active" }, later);
    expect(await sinceOf()).toMatchObject([{ since: later }]);
    for (const pool of [test.database.app, test.database.engine])
      await expect(saveSendingAddress(pool, address, now)).rejects.toThrow(/permission denied/);
    await expect(test.database.app.query("select from address_use")).rejects.toThrow(/permission denied/);
  });

  it("are single addresses, not networks", async () => {
    const network: SendingAddress = {
      address: "192.0.2.0/24",
      orgId: null,
      heloName: "a.example.com",
      state: "active",
    };
    await expect(saveSendingAddress(test.database.owner, network, now)).rejects.toThrow(/check constraint/);
  });
});

describe("takeUse", () => {
  it("gives what a day's ceiling still has, over several addresses, and begins anew the next day of UTC", async () => {
    const [a, b] = [google("192.0.2.31"), google("192.0.2.32")];
    const ask = (wanted: number, at = now) =>
      takeUse(
        test.database.engine,
        [
          { ...b, wanted, ceiling: 50 },
          { ...a, wanted, ceiling: null },
        ],
        at,
      );
    expect(await ask(30)).toEqual([30, 30]);
    expect(await ask(30)).toEqual([20, 30]);
    expect(await ask(30)).toEqual([0, 30]);
    expect(await ask(30, later)).toEqual([30, 30]);
    await giveBackUse(test.database.engine, [{ ...b, count: 5 }], later);
    const use = await loadUse(test.database.engine, [a.address, b.address], now);
    expect(use.get(useKey(b))).toEqual([
      { day: "2026-11-24", sent: 50 },
      { day: "2026-11-25", sent: 25 },
    ]);
    expect(use.get(useKey(a))).toMatchObject([{ sent: 90 }, { sent: 30 }]);
    expect(ceilingToday(use.get(useKey(b)) ?? [], "google", later)).toBe(100);
  });

  it("never gives nodes together more than the ceiling, and all of it", async () => {
    const keys = [1, 2, 3, 4].map((last) => google(`198.51.100.${String(last)}`));
    const ask = async (n: number): Promise<number> => {
      const order = n % 2 === 0 ? keys : keys.toReversed();
      const given = await takeUse(
        test.database.engine,
        order.map((key) => ({ ...key, wanted: 7, ceiling: 100 })),
        now,
      );
      return given.reduce((sum, count) => sum + count, 0);
    };
    const given = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(n)));
    expect(given.reduce((sum, count) => sum + count, 0)).toBe(400);
    const use = await loadUse(test.database.engine, ["198.51.100.1"], now);
    expect(use.get("198.51.100.1 google")).toEqual([{ day: "2026-11-24", sent: 100 }]);
  });
});

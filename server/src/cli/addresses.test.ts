/** The operator's command for sending addresses: what it changes, what it refuses, and what it says. */
import { beforeEach, describe, expect, it } from "vitest";
import { takeUse } from "../outbound/shape/sending-address.store.ts";
import { useTestDatabase } from "../testing/test-database.ts";
import {
  addAddress,
  type AddressReport,
  listAddresses,
  type NewAddress,
  setAddressState,
  setOverflow,
  writeAddresses,
} from "./addresses.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T12:00:00Z");
const environment = (more: Record<string, string> = {}) => ({
  DATABASE_URL: test.url,
  ROUNDTRIP_CHANNEL: "mx",
  ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
  ROUNDTRIP_MX_ADDRESSES: "127.0.0.20=out0.example.com",
  ROUNDTRIP_MX_INSIDE: "allow",
  ...more,
});
const add = (address: string, more: Partial<NewAddress> = {}, inside = "allow"): Promise<AddressReport> =>
  addAddress(
    environment({ ROUNDTRIP_MX_INSIDE: inside }),
    { address, heloName: "out1.example.com", isDedicated: false, isBehindNat: false, ...more },
    now,
  );
const setState = (address: string, state: string) => setAddressState(environment(), { address, state }, now);

beforeEach(() => test.database.owner.query("delete from sending_address; delete from address_use"));

describe("roundtrip addresses", () => {
  it("shows those of the configuration while the table is empty", async () => {
    const report = await listAddresses(environment(), now);
    expect(report).toMatchObject({ addresses: [], configured: { addresses: ["127.0.0.20"], areUsed: true } });
    expect(writeAddresses(report)).toContain("In use, as the configuration says (shared, active): 127.0.0.20");
  });

  it("plans a new one, and takes over those of the configuration so that they go on being used", async () => {
    const { addresses, configured, notes } = await add("127.0.0.21", { isDedicated: true });
    expect(addresses).toMatchObject([
      { address: "127.0.0.20", state: "active", orgId: null, heloName: "out0.example.com", isHere: true },
      { address: "127.0.0.21", state: "planned", heloName: "out1.example.com", isHere: true },
    ]);
    expect(addresses[1]!.orgId).not.toBeNull();
    expect(configured).toEqual({ addresses: [], areUsed: false });
    expect(notes.join(" ")).toMatch(/Taken over from ROUNDTRIP_MX_ADDRESSES.*127\.0\.0\.20.*127\.0\.0\.21 is planned/);
  });

  it("keeps the state of one that is there and gets another name", async () => {
    await add("127.0.0.21");
    await setState("127.0.0.21", "warming");
    const { addresses } = await add("127.0.0.21", { heloName: "Other.example.com" });
    expect(addresses.at(-1)).toMatchObject({ state: "warming", heloName: "other.example.com" });
  });

  it("shows today's use beside the ceilings of a new address, by provider", async () => {
    await add("127.0.0.21");
    const use = (provider: string, wanted: number) => ({ address: "127.0.0.21", provider, wanted, ceiling: null });
    await takeUse(test.database.engine, [use("google", 50)], new Date("2026-11-23T12:00:00Z"));
    await takeUse(test.database.engine, [use("google", 70), use("own:example.org", 3)], now);
    const { addresses, ...rest } = await setState("127.0.0.21", "warming");
    expect(addresses.at(-1)!.use).toEqual([
      { provider: "google", sent: 70, ceiling: 100 },
      { provider: "own:example.org", sent: 3, ceiling: 200 },
    ]);
    const text = writeAddresses({ addresses, ...rest });
    expect(text).toMatch(
      /127\.0\.0\.21 +warming +out1\.example\.com +shared\n +Google +70 today, of 100\n +example\.org +3 today, of 200/,
    );
    expect(writeAddresses(await setState("127.0.0.21", "active"))).toMatch(/Google +70 today, no ceiling/);
  });

  it("lets mail overflow, and not any more", async () => {
    expect((await setOverflow(environment(), true, now)).mayOverflow).toBe(true);
    expect((await listAddresses(environment(), now)).mayOverflow).toBe(true);
    expect((await setOverflow(environment(), false, now)).mayOverflow).toBe(false);
  });

  it("warns of an address that this machine does not have, and does it all the same", async () => {
    const { addresses, notes } = await add("192.0.2.10");
    expect(addresses.at(-1)).toMatchObject({ address: "192.0.2.10", isHere: false });
    expect(notes.join(" ")).toContain("Warning: 192.0.2.10 is not an address of this machine.");
  });

  it("refuses what cannot be, in one sentence that says what to do", async () => {
    await expect(add("mail.example.com")).rejects.toThrow("“mail.example.com” is not an IP address. Give one, such as");
    await expect(add("192.0.2.0/24")).rejects.toThrow("is not an IP address");
    for (const heloName of ["mail", "my_mail.example.com", "-"])
      await expect(add("127.0.0.21", { heloName })).rejects.toThrow("is no name to say hello with");
    await expect(setState("127.0.0.99", "active")).rejects.toThrow("127.0.0.99 is not among the sending addresses.");
    await add("127.0.0.21");
    await expect(setState("127.0.0.21", "hot")).rejects.toThrow("Choose one of planned, warming, active, retiring.");
  });

  it("refuses addresses that no receiver sees, but for a private one behind NAT", async () => {
    await expect(add("127.0.0.21", {}, "refuse")).rejects.toThrow("the loopback address of every machine");
    await expect(add("127.0.0.21", { isBehindNat: true }, "refuse")).rejects.toThrow("the loopback address");
    await expect(add("10.0.0.5", {}, "refuse")).rejects.toThrow("add --behind-nat");
    expect((await add("10.0.0.5", { isBehindNat: true }, "refuse")).addresses.at(0)?.address).toBe("10.0.0.5");
  });
});

/** A pool on a real database: several machines share addresses without taking one another's mail, and nothing is counted twice. */
import { describe, expect, it } from "vitest";
import { createLog } from "../../ground/log.process.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import { AddressPool, type ClaimedMail, type LaneRoute } from "./address-pool.store.ts";
import type { SendingAddress } from "./choose-address.ts";
import { saveSendingAddress } from "./sending-address.store.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T12:00:00Z");
const tomorrow = new Date("2026-11-25T00:00:00Z");
const [HERE, THERE] = ["192.0.2.10", "192.0.2.11"];
const never = () => false;

const route = (provider = "google", ipv6 = false): LaneRoute => ({
  kind: "lane",
  lane: { key: "mx:any", provider },
  target: "any",
  reach: { servers: "10 mx.example.org", ipv4: true, ipv6 },
});
const mailOf = (orgId: number, id: number, more: Partial<ClaimedMail> = {}): ClaimedMail => ({
  orgId,
  id,
  generation: 0,
  domain: "example.org",
  firstTriedAt: null,
  ...more,
});
const mailsOf = (orgId: number, count: number) => Array.from({ length: count }, (_, id) => mailOf(orgId, id));

async function poolOn(machine: readonly string[], clock = { now: () => now }): Promise<AddressPool> {
  const pool = new AddressPool({
    engine: test.database.engine,
    clock,
    log: createLog("silent"),
    configured: [{ address: "192.0.2.1", heloName: "out.example.com" }],
    isHere: (address) => Promise.resolve(machine.includes(address)),
  });
  await pool.refresh();
  return pool;
}

async function have(addresses: readonly [string, SendingAddress["state"], number | null][]): Promise<void> {
  await test.database.owner.query("delete from sending_address; delete from address_use; delete from attempt");
  for (const [address, state, orgId] of addresses)
    await saveSendingAddress(test.database.owner, { address, state, orgId, heloName: "out.example.com" }, now);
}

const tried = (orgId: number, id: number, address: string, at: Date) =>
  test.database.owner.query(
    "insert into attempt (org_id, delivery_id, generation, fence, at, result, local_ip) values ($1, $2, 0, 1, $4, 'refused', $3)",
    [orgId, id, address, at],
  );

async function place(pool: AddressPool, mails: readonly ClaimedMail[], isResting = never as (key: string) => boolean) {
  const placed = await pool.place(
    mails.map((mail) => ({ mail, route: route() })),
    isResting,
  );
  const tally: Record<string, number> = {};
  for (const each of placed) {
    const key =
      each.kind === "go"
        ? (each.route.lane.from?.address ?? "")
        : `${String(each.because)} ${each.until.toISOString()}`;
    tally[key] = (tally[key] ?? 0) + 1;
  }
  return tally;
}

const soon = `null ${new Date(now.getTime() + 10_000).toISOString()}`;
const warmingUp = `warming-up ${tomorrow.toISOString()}`;
const sent = async () =>
  (await test.database.owner.query("select host(address) as address, sent from address_use order by 1")).rows;

describe("a pool of addresses", () => {
  it("is the configuration while the table has none in use", async () => {
    const orgId = await test.addOrganisation();
    await have([[HERE, "planned", null]]);
    const pool = await poolOn([HERE]);
    expect(pool.waysOf(orgId, route())).toMatchObject({ lanes: [{ key: "mx:192.0.2.1:google" }], isHomeless: false });
    expect(await place(pool, mailsOf(orgId, 3))).toEqual({ "192.0.2.1": 3 });
  });

  it("fills what is warming up on this machine, and leaves to another machine what that one may still carry", async () => {
    const orgId = await test.addOrganisation();
    await have([
      [HERE, "warming", null],
      [THERE, "warming", null],
    ]);
    expect(await place(await poolOn([HERE]), mailsOf(orgId, 120))).toEqual({ [HERE]: 50, [soon]: 50, [warmingUp]: 20 });
    expect(await place(await poolOn([THERE]), mailsOf(orgId, 70))).toEqual({ [THERE]: 50, [warmingUp]: 20 });
  });

  it("has no way from a machine without addresses, which is not the same as having none at all", async () => {
    const [orgId, other] = [await test.addOrganisation(), await test.addOrganisation()];
    await have([[THERE, "active", orgId]]);
    const pool = await poolOn([HERE]);
    expect(pool.waysOf(orgId, route())).toEqual({ lanes: [], isHomeless: false });
    expect(pool.waysOf(other, route())).toEqual({ lanes: [], isHomeless: true });
  });

  it("does not send by IPv6 to servers that have none", async () => {
    const orgId = await test.addOrganisation();
    await have([["2001:db8::10", "active", null]]);
    const pool = await poolOn(["2001:db8::10"]);
    expect(pool.waysOf(orgId, route("google", false)).isHomeless).toBe(true);
    expect(pool.waysOf(orgId, route("google", true)).lanes).toHaveLength(1);
  });

  it("leaves a retry to the machine of its address, but not for ever", async () => {
    const orgId = await test.addOrganisation();
    await have([
      [HERE, "active", null],
      [THERE, "active", null],
    ]);
    const hour = 3_600_000;
    await tried(orgId, 1, THERE, new Date(now.getTime() - hour));
    await tried(orgId, 2, THERE, new Date(now.getTime() - 8 * hour));
    await tried(orgId, 3, HERE, new Date(now.getTime() - hour));
    await tried(orgId, 4, "192.0.2.99", new Date(now.getTime() - hour));
    const again = [1, 2, 3, 4].map((id) => mailOf(orgId, id, { firstTriedAt: now }));
    expect(await place(await poolOn([HERE]), again)).toEqual({ [soon]: 1, [HERE]: 3 });
  });

  it("begins nothing by a lane that rests while another address will do, and waits a moment where none will", async () => {
    const orgId = await test.addOrganisation();
    await have([
      [HERE, "active", null],
      [THERE, "active", null],
    ]);
    const pool = await poolOn([HERE, THERE]);
    expect(await place(pool, mailsOf(orgId, 9), (key) => key === `mx:${HERE}:google`)).toEqual({ [THERE]: 9 });
    expect(await place(pool, mailsOf(orgId, 9), () => true)).toEqual({ [soon]: 9 });
  });

  it("counts each mail once, gives back what did not go once, and on the day on which it was counted", async () => {
    const orgId = await test.addOrganisation();
    await have([[HERE, "active", null]]);
    const clock = { at: now, now: () => clock.at };
    const pool = await poolOn([HERE], clock);
    const mails = mailsOf(orgId, 10);
    await place(pool, mails);
    expect(await sent()).toEqual([{ address: HERE, sent: 10 }]);
    clock.at = tomorrow;
    await pool.giveBack(mails.slice(0, 4));
    await pool.giveBack(mails.slice(0, 4));
    await pool.giveBack(mailsOf(orgId, 10));
    expect(await sent()).toEqual([{ address: HERE, sent: 6 }]);
  });
});

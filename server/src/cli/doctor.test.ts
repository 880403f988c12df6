/** `roundtrip doctor` against a real database and a real DNS: what is fine is said shortly, what is wrong with its cure. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureOrganisation } from "../accounts/organisation.store.ts";
import { checkInstance } from "../ground/instance.store.ts";
import { saveSendingAddress } from "../outbound/shape/sending-address.store.ts";
import { ensureDkimKey } from "../outbound/sign/dkim-key.store.ts";
import { useTestDatabase } from "../testing/test-database.ts";
import { diagnose } from "./doctor.ts";
import { explainFinding } from "./finding.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T08:00:00Z");
const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-doctor-"));
const masterKey = Buffer.alloc(32, 7);
let dns: DnsServer;

const ptr = (data: string) => ({ records: [{ type: "PTR", data } as const] });
const a = (data: string) => ({ records: [{ type: "A", data } as const] });

beforeAll(async () => {
  dns = await startDnsServer({
    names: {
      "10.2.0.192.in-addr.arpa": ptr("mail1.example.com"),
      "mail1.example.com": a("192.0.2.10"),
      "11.2.0.192.in-addr.arpa": ptr("host-11.provider.example"),
      "host-11.provider.example": a("192.0.2.11"),
      "mail2.example.com": a("192.0.2.11"),
    },
  });
  const own = { name: "Example Works", fromLocal: "survey", replyLocal: "reply" };
  const orgId = await ensureOrganisation(test.database, own);
  const domain = { orgId, domain: "mail.roundtrip.test", selector: "rt1" };
  await ensureDkimKey(test.database, domain, { masterKey, random: randomBytes });
});
afterAll(async () => {
  await dns.close();
  rmSync(dataDir, { recursive: true, force: true });
});

const run = async (settings: Record<string, string> = {}): Promise<readonly string[]> => {
  const findings = await diagnose({
    DATABASE_URL: test.url,
    ROUNDTRIP_DATA_DIR: dataDir,
    ROUNDTRIP_MASTER_KEY: masterKey.toString("hex"),
    ...settings,
  });
  return findings.map(explainFinding);
};
const direct = (addresses: string): Record<string, string> => ({
  ROUNDTRIP_CHANNEL: "mx",
  ROUNDTRIP_PUBLIC_URL: "https://survey.example.com",
  ROUNDTRIP_MX_ADDRESSES: addresses,
  ROUNDTRIP_MX_INSIDE: "allow",
  ROUNDTRIP_RESOLVER: `${dns.host}:${String(dns.port)}`,
});
const about = (lines: readonly string[], address: string) => lines.filter((line) => line.includes(address));

it("finds nothing wrong with an installation that is fine", async () => {
  const lines = await run();
  expect(lines.filter((line) => !line.startsWith("ok "))).toEqual([]);
  expect(lines).toContain("ok    The database is where it was: mail may be sent from it.");
});

it("says that a restored database waits, and the command that lets it go on", async () => {
  await checkInstance(test.database, { name: null, marker: null, isRunning: false }, now);
  await test.database.owner.query("update instance set database_oid = 1");
  const lines = await run();
  expect(lines.filter((line) => line.startsWith("WRONG"))).toEqual([
    expect.stringMatching(/^WRONG Nothing is sent, because this database was restored .*roundtrip confirm-restore$/),
  ]);
  await test.database.owner.query("delete from instance");
});

it("says that a ledger does not sum", async () => {
  const { rows } = await test.database.owner.query<{ org_id: number }>("select org_id from organisation");
  await test.database.owner.query(
    "insert into round (org_id, name, kind, state, sender_name, closes_at, enqueued) values ($1, 'Short', 'live', 'open', 'HR', '2030-01-01', 1)",
    [rows[0]!.org_id],
  );
  expect((await run()).filter((line) => line.startsWith("WRONG"))).toEqual([expect.stringContaining("does not sum")]);
  await test.database.owner.query("delete from round");
});

describe("for direct delivery", () => {
  it("says in one line that an address is fine", async () => {
    expect(about(await run(direct("192.0.2.10=mail1.example.com")), "192.0.2.10")).toEqual([
      "ok    192.0.2.10 says hello as mail1.example.com, and its PTR record agrees.",
    ]);
  });

  it("tells a provider's name from none at all, each with its cure", async () => {
    const lines = await run(direct("192.0.2.11=mail2.example.com, 192.0.2.12=mail3.example.com"));
    expect(about(lines, "192.0.2.11")).toEqual([expect.stringMatching(/^check .*not its PTR name\. Let the PTR/)]);
    expect(about(lines, "192.0.2.12")).toEqual([
      expect.stringMatching(/^WRONG 192\.0\.2\.12 has no name .* PTR record to mail3\.example\.com/),
      expect.stringMatching(/^WRONG mail3\.example\.com has no address\. Give/),
    ]);
  });

  it("checks the addresses of the table too, and by what the table calls them", async () => {
    const saved = {
      address: "192.0.2.11",
      heloName: "host-11.provider.example",
      state: "planned",
      orgId: null,
    } as const;
    await saveSendingAddress(test.database.owner, saved, now);
    const lines = await run(direct("192.0.2.10=mail1.example.com, 192.0.2.11=mail2.example.com"));
    expect(about(lines, "192.0.2.1")).toEqual([
      "ok    192.0.2.10 says hello as mail1.example.com, and its PTR record agrees.",
      "ok    192.0.2.11 says hello as host-11.provider.example, and its PTR record agrees.",
    ]);
    await test.database.owner.query("delete from sending_address");
  });

  it("does not judge an inner address by what only receivers can see", async () => {
    const settings = { ...direct("10.0.0.5=mail1.example.com"), ROUNDTRIP_MX_INSIDE: "refuse" };
    expect(about(await run(settings), "10.0.0.5")).toEqual([
      expect.stringMatching(/^check 10\.0\.0\.5 is a private address, so receivers see another one/),
    ]);
  });
});

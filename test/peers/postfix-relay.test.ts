/**
 * The whole product with a real Postfix as its relay: a round goes out over TLS, real notices come back over SMTP, and
 * each lands on the one person it is about. Nobody else's server stands in anywhere; needs root and Debian's packages.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dkimVerify } from "mailauth";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readReturnPath, returnPathDay } from "@roundtrip/mail/verp";
import { readConfig } from "../../server/src/ground/config.ts";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { deriveKey } from "../../server/src/ground/derived-keys.ts";
import { createLog } from "../../server/src/ground/log.process.ts";
import { systemClock } from "../../server/src/ground/system-clock.process.ts";
import { type Running, startRoundtrip } from "../../server/src/main.ts";
import { demoTexts } from "../../server/src/outbound/message/demo-texts.ts";
import { addRound, launchRound } from "../../server/src/outbound/round/round.store.ts";
import { openConnection, type Submission } from "../../server/src/outbound/send/smtp-connection.smtp.ts";
import { continueIncident, listIncidents } from "../../server/src/outcome/brake/incident.store.ts";
import { clearFlag } from "../../server/src/outcome/flag.store.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { type AppliedImport, applyImport, checkImport } from "../../server/src/people/import.store.ts";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { type DeliveredMail, readDeliveredMail } from "./delivered-mail.ts";
import { findFreePort, type Postfix, startPostfix } from "./postfix.ts";
import { verifyWithPython } from "./python-dkim.ts";
import { until } from "./until.ts";

const numbered = (count: number, pattern: string): string[] =>
  Array.from({ length: count }, (_, index) => pattern.replace("#", String(index + 1)));

const known = [...numbered(28, "person#@acme.test"), ...numbered(22, "person#@globex.test")];
const unknown = [...numbered(4, "left#@acme.test"), ...numbered(4, "typo#@globex.test")];
/** Forwards to a person who is there, and to one who is not there any more, on another server. */
const forwarded = "moved@acme.test";
const forwardedInVain = "handed-over@acme.test";
const forwardings = { [forwarded]: "person1@globex.test", [forwardedInVain]: "gone@partner.test" };
const full = "full@globex.test";
const corrected = "corrected@acme.test";
const people = [...known, ...unknown, forwarded, forwardedInVain, full];
const dead = [...unknown, forwardedInVain].sort();

const masterKey = Buffer.alloc(32, 7);
const returnPathKeys = [{ id: 1, secret: deriveKey(masterKey, "return-path") }];
const messageIdKeys = [{ id: 1, secret: deriveKey(masterKey, "message-id") }];
const sendingDomain = "mail.roundtrip.test";
const bounceDomain = "bounce.roundtrip.test";

let folder: string;
let inboundPort: number;
let postfix: Postfix;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "roundtrip-relay-"));
  inboundPort = await findFreePort();
  postfix = await startPostfix({
    mailboxes: [...known, corrected],
    forwardings,
    full: [full],
    strangers: "partner.test",
    ours: { domains: [sendingDomain, bounceDomain], port: inboundPort },
  });
});

afterAll(async () => {
  await postfix.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("through a relay that accepts everybody and finds out later", () => {
  const test = useTestDatabase();
  let running: Running;
  let round: Round;

  beforeAll(async () => {
    running = await start(test.url, postfix.acceptingPort, "web,sender,receiver,worker");
    await importPeople(
      running,
      people.map((email, index) => ({ number: index + 1, email })),
    );
    round = await launch(running);
    await untilSettled(round, { accepted: known.length + 1, bounced: dead.length, expired: 1 });
  });

  afterAll(() => running.stop());

  it("flags exactly those whom a notice says are not there, and the full mailbox only softly", async () => {
    const flags = await readFlags(running);
    expect(flags.filter(({ flag }) => flag === "hard").map(({ email }) => email)).toEqual(dead);
    expect(flags.filter(({ flag }) => flag !== "hard").map(({ email, flag }) => [email, flag])).toEqual([
      [full, "soft"],
    ]);
  });

  it("keeps a ledger that sums", async () => {
    const { ledger, enqueued, sums } = await countLedger(running.database.owner, running.orgId, round.id);
    expect(sums).toBe(true);
    expect(enqueued).toBe(people.length);
    expect(ledger).toMatchObject({ accepted: known.length + 1, bounced: dead.length, expired: 1 });
  });

  it("shows the other side's own words: of Postfix itself, and of the server behind it", async () => {
    const texts = new Map((await readFlags(running)).map(({ email, text }) => [email, text]));
    for (const email of unknown) expect(texts.get(email)).toBe(`unknown user: "${email}"`);
    expect(texts.get(forwardedInVain)).toContain(
      "550 5.1.1 <gone@partner.test>: Recipient address rejected: User unknown",
    );
    expect(texts.get(full)).toContain("The mailbox of this user is full");
  });

  it("heard of each failure by real notices, one of them a warning that changed nothing", async () => {
    const mails = await query<{ envelope_from: string; state: string; kind: string; raw: Buffer }>(
      running,
      "select envelope_from, state, kind, raw from inbound_mail order by id",
    );
    expect(mails.filter(({ kind }) => kind === "bounce")).toHaveLength(dead.length + 1);
    expect(mails.filter(({ kind }) => kind === "delayed").length).toBeGreaterThanOrEqual(1);
    for (const { envelope_from, state, raw } of mails) {
      expect([envelope_from, state]).toEqual(["", "settled"]);
      expect(raw.toString("latin1")).toContain("Reporting-MTA: dns; relay.example.net");
    }
  });

  it("wrote down the TLS of each attempt, with a certificate nobody vouches for", async () => {
    const attempts = await query<{ tls: string; remote_ip: string; local_ip: string; text: string }>(
      running,
      "select tls, remote_ip, local_ip, text from every_attempt where source = 'attempt' and result = 'accepted'",
    );
    expect(attempts).toHaveLength(people.length);
    for (const { tls, remote_ip, local_ip, text } of attempts) {
      expect(tls).toMatch(/^TLSv1\.3 TLS_\w+ unverified \(\w+\)$/);
      expect([remote_ip, local_ip]).toEqual(["127.0.0.1", "127.0.0.1"]);
      expect(text).toMatch(/Ok: queued as [0-9A-F]+$/);
    }
  });

  it("brought each mail once, to one person, with the headers that are promised and no other", () => {
    const mails = readAllMailboxes([...known, corrected]);
    expect(mails.map(({ to }) => to).sort()).toEqual([...known, forwarded].sort());
    for (const mail of mails) {
      expect(mail.names, mail.to).toEqual(promisedHeaders);
      expect(mail.field("Received"), mail.to).toMatch(/using TLSv1\.3 .* with ESMTPS /);
      expect(mail.field("List-Unsubscribe-Post")).toBe("List-Unsubscribe=One-Click");
    }
    expect(new Set(mails.map((mail) => mail.field("Message-ID"))).size).toBe(mails.length);
  });

  it("gave each mail a Return-Path, a reference and a Message-ID that mean that person's delivery", async () => {
    const deliveries = new Map(
      (await query<{ id: number; address: string }>(running, "select id, address from delivery")).map(
        ({ id, address }) => [address, id],
      ),
    );
    const today = returnPathDay(new Date());
    for (const mail of readAllMailboxes(known)) {
      const expected = {
        ok: true,
        value: { org: running.orgId, delivery: deliveries.get(mail.to), generation: 0, day: today },
      };
      const returnPath = mail.field("Return-Path").replaceAll(/[<>]/g, "");
      expect(readReturnPath(returnPath, returnPathKeys, bounceDomain, today)).toMatchObject(expected);
      expect(`${mail.field("X-Roundtrip-Reference")}@${bounceDomain}`).toBe(returnPath);
      expect(
        readReturnPath(mail.field("Message-ID").replaceAll(/[<>]/g, ""), messageIdKeys, sendingDomain, today),
      ).toMatchObject(expected);
    }
  });

  it("signed every mail so that two verifiers from other hands find it whole and aligned with From", async () => {
    const mails = readAllMailboxes(known);
    const records = await readDkimRecords(running);
    expect(mails.length).toBe(known.length + 1);
    for (const mail of mails) {
      const { results } = await dkimVerify(mail.raw, {
        resolver: async (name: string) => [[records[name] ?? ""]],
        strict: true,
      });
      expect(
        results.map(({ status, signingDomain }) => [status.result, signingDomain]),
        mail.to,
      ).toEqual([["pass", sendingDomain]]);
      expect(mail.field("From")).toMatch(new RegExp(`<survey@${sendingDomain}>$`));
    }
    expect(
      verifyWithPython(
        mails.map(({ raw }) => raw),
        records,
      ),
    ).toEqual(mails.map(() => true));
  });

  it("takes a notice that comes again for the one it has, and changes nothing", async () => {
    const [notice] = await query<{ envelope_to: string; raw: Buffer }>(
      running,
      "select envelope_to, raw from inbound_mail where kind = 'bounce' order by id limit 1",
    );
    const before = await snapshot(running);
    expect(await bringBack(notice!.envelope_to, notice!.raw)).toMatchObject({ kind: "accepted" });
    await untilNothingComesIn(running);
    expect(await snapshot(running)).toEqual(before);
  });

  it("refuses a forged notice at RCPT, so that none of it is kept", async () => {
    const [notice] = await query<{ envelope_to: string; raw: Buffer }>(
      running,
      "select envelope_to, raw from inbound_mail where kind = 'bounce' order by id limit 1",
    );
    const before = await snapshot(running);
    const at = notice!.envelope_to.indexOf("@");
    const guesses = [
      `b${"a".repeat(at - 1)}@${bounceDomain}`,
      `${notice!.envelope_to.slice(0, 12)}${notice!.envelope_to[12] === "a" ? "b" : "a"}${notice!.envelope_to.slice(13)}`,
      notice!.envelope_to.replace(bounceDomain, sendingDomain),
      `somebody@${bounceDomain}`,
    ];
    for (const guess of guesses) {
      expect(await bringBack(guess, notice!.raw), guess).toMatchObject({
        kind: "refused",
        word: { step: "rcpt", code: 550, enhanced: "5.1.1" },
      });
    }
    expect(await snapshot(running)).toEqual(before);
  });

  it("sends again once the address is mended and the flag cleared, and old news cannot flag the person anew", async () => {
    const [mended] = await query<{ id: number; employee_no: string }>(
      running,
      "select id, employee_no from employee where email = 'left1@acme.test'",
    );
    const applied = await importPeople(running, [{ number: Number(mended!.employee_no), email: corrected }]);
    expect(applied).toMatchObject({ changed: 1, mended: [mended!.id] });
    // So many dead addresses have stopped the round; HR has looked at them and goes on.
    const cleared = await inOrganisation(running.database, running.orgId, async (client) => {
      const incidents = await listIncidents(client, running.orgId);
      expect(incidents).toMatchObject([{ domain: null, kind: "many-unknown", state: "open" }]);
      for (const { id } of incidents)
        await continueIncident(client, { orgId: running.orgId, incidentId: id }, new Date());
      return clearFlag(client, { orgId: running.orgId, employeeId: mended!.id }, "the address had a typo", new Date());
    });
    expect(cleared).toEqual({ cleared: true, requeued: 1 });
    await untilSettled(round, { accepted: known.length + 2, bounced: dead.length - 1, expired: 1 });

    const [mail, ...more] = readAllMailboxes([corrected]);
    expect([mail?.to, more]).toEqual([corrected, []]);
    const records = await readDkimRecords(running);
    expect(verifyWithPython([mail!.raw], records)).toEqual([true]);

    const [old] = await query<{ envelope_to: string; raw: Buffer }>(
      running,
      "select envelope_to, raw from inbound_mail m join delivery d on d.id = m.token_delivery where d.address = $1 and m.kind = 'bounce'",
      [corrected],
    );
    const late = Buffer.concat([
      Buffer.from("Received: from elsewhere.example by relay.example.net; Tue, 3 Mar 2026 09:00:00 +0000\r\n"),
      old!.raw,
    ]);
    expect(await bringBack(old!.envelope_to, late)).toMatchObject({ kind: "accepted" });
    await untilNothingComesIn(running);
    expect(await query(running, "select state, generation from delivery where address = $1", [corrected])).toEqual([
      { state: "accepted", generation: 1 },
    ]);
    expect((await readFlags(running)).map(({ email }) => email)).not.toContain(corrected);
  });
});

describe("through a relay that refuses unknown people at once", () => {
  const test = useTestDatabase();

  it("flags them from the answer to RCPT, in the relay's words, and delivers to everybody else", async () => {
    const running = await start(test.url, postfix.refusingPort, "sender,worker");
    try {
      const here = "person2@acme.test";
      const gone = "left1@acme.test";
      const before = postfix.readMailbox(here).length;
      await importPeople(running, [
        { number: 1, email: here },
        { number: 2, email: gone },
      ]);
      const round = await launch(running);
      await untilSettled(round, { accepted: 1, bounced: 1 });
      const words = `<${gone}>: Recipient address rejected: User unknown in virtual mailbox table`;
      expect(await readFlags(running)).toMatchObject([
        { email: gone, flag: "hard", cause: "recipient-unknown", text: expect.stringContaining(words) as string },
      ]);
      expect(await query(running, "select step, code, enhanced, result from attempt where code >= 400")).toEqual([
        { step: "rcpt", code: 550, enhanced: "5.1.1", result: "refused" },
      ]);
      expect(postfix.readMailbox(here)).toHaveLength(before + 1);
    } finally {
      await running.stop();
    }
  });
});

const promisedHeaders = [
  "Auto-Submitted",
  "Content-Type",
  "DKIM-Signature",
  "Date",
  "Feedback-ID",
  "From",
  "List-Id",
  "List-Unsubscribe",
  "List-Unsubscribe-Post",
  "MIME-Version",
  "Message-ID",
  "Reply-To",
  "Subject",
  "To",
  "X-Auto-Response-Suppress",
  "X-Roundtrip-Reference",
];

function start(databaseUrl: string, relayPort: number, roles: string): Promise<Running> {
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    // A data directory belongs to one database.
    ROUNDTRIP_DATA_DIR: join(folder, "data", databaseUrl.replaceAll(/\W/g, "-")),
    ROUNDTRIP_MASTER_KEY: masterKey.toString("hex"),
    ROUNDTRIP_ROLES: roles,
    ROUNDTRIP_WEB_PORT: "0",
    ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
    ROUNDTRIP_INBOUND_PORT: String(inboundPort),
    ROUNDTRIP_CHANNEL: "relay",
    ROUNDTRIP_RELAY_URL: `smtp://127.0.0.1:${String(relayPort)}`,
    ROUNDTRIP_LOG_LEVEL: "error",
  });
  return startRoundtrip(config, { clock: systemClock, log: createLog(config.logLevel) });
}

const languages = demoTexts.map(({ language }) => language);

async function importPeople(
  running: Running,
  rows: readonly { number: number; email: string }[],
): Promise<AppliedImport> {
  const lines = rows.map(
    ({ number, email }) =>
      `${String(number)},${email},Pérson ${String(number)} Ünal,${languages[number % languages.length] ?? ""}`,
  );
  const csv = ["employee number,email,name,language", ...lines].join("\n");
  const source = {
    fileName: "people.csv",
    open: async function* () {
      yield Buffer.from(csv);
    },
  };
  const { id, rejectedCount } = await checkImport(running.database, running.orgId, source, new Date());
  expect(rejectedCount).toBe(0);
  return applyImport(running.database, running.orgId, id, new Date());
}

interface Round {
  readonly running: Running;
  readonly id: number;
}

async function launch(running: Running): Promise<Round> {
  const { database, orgId } = running;
  const closesAt = new Date(Date.now() + 48 * 3_600_000);
  const id = await inOrganisation(database, orgId, async (client) => {
    const added = await addRound(client, orgId, {
      name: "Relay round",
      kind: "live",
      senderName: "The people team",
      closesAt,
      neverSendTwice: false,
      texts: demoTexts,
      testers: [],
    });
    await launchRound(client, orgId, added, new Date());
    return added;
  });
  return { running, id };
}

/** Everyone stands as expected, Postfix has nothing left to do, and nothing that came in waits to be read. */
async function untilSettled({ running, id }: Round, expected: Readonly<Record<string, number>>): Promise<void> {
  await until(async () => {
    const rows = await query<{ state: string; count: number }>(
      running,
      "select state, count(*) as count from delivery where round_id = $1 group by state",
      [id],
    );
    const states = Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    const isAsExpected =
      rows.length === Object.keys(expected).length &&
      Object.entries(expected).every(([state, count]) => states[state] === count);
    if (!isAsExpected)
      return `the round stands at ${JSON.stringify(states)}, not at ${JSON.stringify(expected)}. Postfix says: ${postfix.readLog().slice(-3000)}`;
    return postfix.countQueued() === 0 ? null : "Postfix still has mail in its queue";
  });
  await untilNothingComesIn(running);
}

function untilNothingComesIn(running: Running): Promise<void> {
  return until(async () =>
    (await query(running, "select from inbound_mail where state = 'received'")).length === 0
      ? null
      : "incoming mail is not settled",
  );
}

async function query<Row extends object>(
  running: Running,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  return (await running.database.owner.query<Row>(sql, [...values])).rows;
}

interface Flagged {
  readonly email: string;
  readonly flag: string;
  readonly cause: string;
  readonly text: string;
}

function readFlags(running: Running): Promise<readonly Flagged[]> {
  return query(
    running,
    'select email, flag, flag_cause as cause, flag_text as text from employee where flag is not null order by email collate "C"',
  );
}

/** All that a notice could change. */
async function snapshot(running: Running): Promise<unknown> {
  const tables = ["delivery", "employee", "attempt", "flag_event", "alert", "inbound_mail", "reply"];
  return Promise.all(
    tables.map((table) =>
      query(
        running,
        `select count(*) as rows, md5(string_agg(t::text, '' order by t::text)) as content from ${table} t`,
      ),
    ),
  );
}

async function readDkimRecords(running: Running): Promise<Readonly<Record<string, string>>> {
  const rows = await query<{ name: string; record: string }>(
    running,
    "select selector || '._domainkey.' || domain as name, public_record as record from sending_domain",
  );
  return Object.fromEntries(rows.map(({ name, record }) => [name, record]));
}

function readAllMailboxes(addresses: readonly string[]): readonly DeliveredMail[] {
  return addresses.flatMap((address) => postfix.readMailbox(address).map(readDeliveredMail));
}

/** Hands a notice to our receiver as any server could. */
async function bringBack(to: string, bytes: Buffer): Promise<Submission> {
  const connection = await openConnection({
    host: "127.0.0.1",
    port: inboundPort,
    ehloName: "elsewhere.example",
    tls: "opportunistic",
    auth: null,
  });
  if (connection.kind !== "open") throw new Error(`Our receiver could not be reached: ${connection.word.text}`);
  try {
    return await connection.deliver({ from: "", to, bytes, smtpUtf8: false, beforeFinalDot: async () => true });
  } finally {
    await connection.close();
  }
}

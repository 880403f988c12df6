/** The listener while strangers sit on all they can get: an honest mail from the very same address is taken within five seconds, and what is taken is bounded. */
import { returnPathDay, writeReturnPath } from "@roundtrip/mail/verp";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { deriveKey } from "../../server/src/ground/derived-keys.ts";
import { until, useRoundtrip } from "./harness.ts";
import { deliverRaw, startTalk, type Talk } from "./smtp-talk.ts";

const masterKeyHex = "cd".repeat(32);
const journey = useRoundtrip({ ROUNDTRIP_MASTER_KEY: masterKeyHex });
const returnPathKey = { id: 1, secret: deriveKey(Buffer.from(masterKeyHex, "hex"), "return-path") };
const bounceDomain = "bounce.roundtrip.test";
const replyAddress = "reply@mail.roundtrip.test";
const people = 40;
const paths: string[] = [];
const talks: Talk[] = [];

beforeAll(async () => {
  const lines = Array.from({ length: people }, (_, n) => `p${String(n)}@acme.test,Person ${String(n)}`);
  await journey.importPeople(["email,name", ...lines].join("\r\n"));
  await journey.launch();
  const { database, orgId } = journey.running;
  const accepted = "select id, message_date from delivery where org_id = $1 and state = 'accepted' order by id";
  await until("the round to be out", async () => (await database.owner.query(accepted, [orgId])).rowCount === people);
  const sent = await database.owner.query<{ id: number; message_date: Date }>(accepted, [orgId]);
  for (const { id, message_date } of sent.rows) {
    const token = { org: orgId, delivery: id, generation: 0, day: returnPathDay(message_date) };
    paths.push(writeReturnPath(returnPathKey, token, bounceDomain));
  }
});

afterEach(() => {
  for (const talk of talks.splice(0)) talk.end();
});

const port = (): number => journey.running.inboundPort!;
const open = async (): Promise<Talk> => {
  const talk = await startTalk(port());
  talks.push(talk);
  return talk;
};
let mails = 0;
const honest = async (): Promise<void> => {
  mails += 1;
  const start = performance.now();
  const raw = `From: friend${String(mails)}@friends.example\r\nSubject: honest ${String(mails)}\r\n\r\nHello`;
  expect(await deliverRaw(port(), { to: replyAddress, from: "friend@friends.example", raw })).toMatch(/^250/);
  expect(performance.now() - start).toBeLessThan(5000);
};
const notice = (n: number): string =>
  [
    "From: MAILER-DAEMON@mx.acme.test",
    "Subject: Undelivered Mail Returned to Sender",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
    `X-Number: ${String(n)}`,
    "",
    "--b1",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.acme.test",
    "",
    "Final-Recipient: rfc822; somebody@acme.test",
    "Action: failed",
    "Status: 5.1.1",
    "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
    "",
    "--b1--",
    "",
  ].join("\r\n");

describe("an honest mail gets in", () => {
  it("while one address holds every connection it may have: the oldest goes", async () => {
    const held = await Promise.all(Array.from({ length: 210 }, open));
    await honest();
    expect(await held[0]!.hear()).toMatch(/^421 4\.7\.0|closed/);
  });

  it("while large mails are begun and never ended: the largest gives way and is told to come again", async () => {
    const megabyte = Buffer.from(`${"x".repeat(78)}\r\n`.repeat(13_107));
    const held = await Promise.all(Array.from({ length: 16 }, open));
    await Promise.all(
      held.map(async (talk) => {
        for (const line of ["EHLO flood.example", "MAIL FROM:<>", `RCPT TO:<${replyAddress}>`, "DATA"])
          await talk.say(`${line}\r\n`);
        for (let n = 0; n < 9; n += 1)
          await new Promise<void>((written) => talk.socket.write(megabyte, () => written()));
      }),
    );
    await honest();
    const answers = await Promise.all(held.map((talk) => talk.say("\r\n.\r\n")));
    expect(answers.filter((answer) => answer.startsWith("452 4.3.1")).length).toBeGreaterThan(0);
  });

  it("while others send lines without end, drip, or talk nonsense: those are cut off", async () => {
    const endless = await open();
    const dripping = await open();
    dripping.socket.write("EHL");
    expect(await endless.say("E".repeat(1024 * 1024))).toMatch(/^(?:421|5\d\d)|closed/);
    await honest();
    const talking = await open();
    const answers = [];
    for (let n = 0; n < 30; n += 1) answers.push(await talking.say("WHAT\r\n"));
    expect(answers.at(-1)).toMatch(/closed/);
  });

  it("while addresses are guessed: each connection ends after ten, and each guess waits longer", async () => {
    const guesses = Array.from({ length: 8 }, async (_, guesser) => {
      const talk = await open();
      await talk.say("EHLO guess.example\r\n");
      await talk.say("MAIL FROM:<>\r\n");
      for (let n = 0; n < 12; n += 1)
        if ((await talk.say(`RCPT TO:<g${String(guesser)}.${String(n)}@${bounceDomain}>\r\n`)) === "closed") return n;
      return 12;
    });
    await honest();
    for (const tried of await Promise.all(guesses)) expect(tried).toBeLessThanOrEqual(12);
    const kept = await journey.running.database.owner.query("select from inbound_mail where envelope_to like 'g%'");
    expect(kept.rowCount).toBe(0);
  });
});

describe("forged notices", () => {
  it("under one true token touch that one delivery, and fill no disk", async () => {
    const { database, orgId } = journey.running;
    const answers = [];
    for (let n = 0; n < 52; n += 1) answers.push(await deliverRaw(port(), { to: paths[0]!, from: "", raw: notice(n) }));
    expect(answers.filter((answer) => answer.startsWith("250"))).toHaveLength(50);
    expect(answers.at(-1)).toMatch(/^452 4\.2\.2/);
    const bounced = "select from delivery where org_id = $1 and state = 'bounced'";
    await until("the notice to be settled", async () => (await database.owner.query(bounced, [orgId])).rowCount === 1);
    const flags = await database.owner.query("select from flag_event where org_id = $1", [orgId]);
    expect(flags.rowCount).toBe(1);
  });

  it("under many true tokens trip the brake: one incident, with everybody it cost a flag", async () => {
    const { database, orgId } = journey.running;
    for (const [n, path] of paths.slice(1, 10).entries())
      expect(await deliverRaw(port(), { to: path, from: "", raw: notice(1000 + n) })).toMatch(/^250/);
    const incidents = "select id, domain, kind from incident where org_id = $1";
    await until("an incident", async () => (await database.owner.query(incidents, [orgId])).rowCount === 1);
    const found = await database.owner.query<{ id: number; domain: string; kind: string }>(incidents, [orgId]);
    expect(found.rows).toMatchObject([{ domain: "acme.test", kind: "many-unknown" }]);
    const grouped = "select from employee where org_id = $1 and flag_incident = $2";
    const isWhole = async () => (await database.owner.query(grouped, [orgId, found.rows[0]!.id])).rowCount === 10;
    await until("everybody to be grouped under it", isWhole);
    const untouched = await database.owner.query(
      "select from delivery where org_id = $1 and state = 'accepted' and kind <> 'answer'",
      [orgId],
    );
    expect(untouched.rowCount, "nobody else's mail is touched").toBe(people - 10);
  });
});

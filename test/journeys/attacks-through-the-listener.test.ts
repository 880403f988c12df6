/**
 * The attack files that come in by SMTP, against the real listener: forged bounces, smuggling, bombs, loops, harvesting.
 * The files are read from `../shared/corpus/attacks` where that folder is present; what a fresh clone needs is made here.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readReturnPath, returnPathDay, writeReturnPath } from "@roundtrip/mail/verp";
import { beforeAll, describe, expect, it } from "vitest";
import { deriveKey } from "../../server/src/ground/derived-keys.ts";
import { until, useRoundtrip } from "./harness.ts";
import { startTalk } from "./smtp-talk.ts";

const masterKeyHex = "ab".repeat(32);
const journey = useRoundtrip({ ROUNDTRIP_MASTER_KEY: masterKeyHex });
const returnPathKey = { id: 1, secret: deriveKey(Buffer.from(masterKeyHex, "hex"), "return-path") };
const bounceDomain = "bounce.roundtrip.test";
const replyAddress = "reply@mail.roundtrip.test";
const folder = join(import.meta.dirname, "../../../shared/corpus/attacks");
const hasCorpus = existsSync(folder);

/** Return path of each person's one mail, by the part before the @. */
const paths = new Map<string, string>();
const names = ["anna.berg", "bo.lind", "carla.diaz", "dan.eck", "eve.fox"];

beforeAll(async () => {
  await journey.importPeople(["email,name", ...names.map((name) => `${name}@acme.test,${name}`)].join("\r\n"));
  await journey.launch();
  const { database, orgId } = journey.running;
  await until(
    "all mails to be accepted",
    async () =>
      (await database.owner.query("select from delivery where org_id = $1 and state = 'accepted'", [orgId]))
        .rowCount === names.length,
  );
  const sent = await database.owner.query<{ id: number; address: string; message_date: Date }>(
    "select id, address, message_date from delivery where org_id = $1",
    [orgId],
  );
  for (const row of sent.rows) {
    const token = { org: orgId, delivery: row.id, generation: 0, day: returnPathDay(row.message_date) };
    paths.set(row.address.split("@")[0]!, writeReturnPath(returnPathKey, token, bounceDomain));
  }
});

/** Sends each command after the reply to the one before. */
async function converse(steps: readonly (string | Buffer)[]): Promise<string[]> {
  const talk = await startTalk(journey.running.inboundPort!);
  const replies = [talk.greeting];
  for (const step of steps) replies.push(await talk.say(step));
  talk.end();
  return replies;
}

const deliver = async (to: string, raw: Buffer, from = ""): Promise<string> => {
  const stuffed = Buffer.from(raw.toString("latin1").replaceAll(/^\./gm, ".."), "latin1");
  const replies = await converse([
    "EHLO probe.example\r\n",
    `MAIL FROM:<${from}>\r\n`,
    `RCPT TO:<${to}>\r\n`,
    "DATA\r\n",
    Buffer.concat([stuffed, Buffer.from("\r\n.\r\n")]),
  ]);
  return replies.at(-1) ?? "";
};

/** The file with its placeholders filled, as the corpus describes. */
function attack(name: string): Buffer {
  const bytes = readFileSync(join(folder, name));
  const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("latin1");
  const filled = text
    .replaceAll("@@RP:e1@@", paths.get("anna.berg")!)
    .replaceAll("@@RP:e2@@", paths.get("bo.lind")!)
    .replaceAll("@@REPLY@@", replyAddress)
    .replaceAll("@@INBOUND@@", bounceDomain);
  return Buffer.from(filled, "latin1");
}

const flagOf = async (name: string): Promise<string | null> =>
  (
    await journey.running.database.owner.query<{ flag: string | null }>("select flag from employee where email = $1", [
      `${name}@acme.test`,
    ])
  ).rows[0]?.flag ?? null;
const keptCount = async (): Promise<number> =>
  (await journey.running.database.owner.query<{ count: number }>("select count(*) from inbound_mail")).rows[0]?.count ??
  0;
const settled = () =>
  until(
    "everything kept to be read",
    async () =>
      (await journey.running.database.owner.query("select from inbound_mail where state = 'received'")).rowCount === 0,
  );

const failedNotice = (recipient: string, id: string): Buffer =>
  Buffer.from(
    [
      "From: Mail Delivery System <MAILER-DAEMON@mx.acme.test>",
      `Message-ID: <${id}@mx.acme.test>`,
      "Subject: Undelivered Mail Returned to Sender",
      "MIME-Version: 1.0",
      'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
      "",
      "--b1",
      "Content-Type: text/plain",
      "",
      "It could not be delivered.",
      "--b1",
      "Content-Type: message/delivery-status",
      "",
      "Reporting-MTA: dns; mx.acme.test",
      "",
      `Final-Recipient: rfc822; ${recipient}`,
      "Action: failed",
      "Status: 5.1.1",
      "Diagnostic-Code: smtp; 550 5.1.1 User unknown",
      "",
      "--b1--",
      "",
    ].join("\r\n"),
  );

describe("return paths", () => {
  it("a notice to a guessed, classic, changed or expired address is refused with 550 and flags nobody", async () => {
    const good = paths.get("anna.berg")!;
    const changed = good.replace(/^b./, (start) => `b${start[1] === "a" ? "c" : "a"}`);
    const old = readReturnPath(good, [returnPathKey], bounceDomain, returnPathDay(journey.clock.now()));
    if (!old.ok) throw new Error("the token should be good");
    const expired = writeReturnPath(returnPathKey, { ...old.value, day: old.value.day - 40 }, bounceDomain);
    for (const address of [
      `bounce+anna.berg=acme.test@${bounceDomain}`,
      `nobody@${bounceDomain}`,
      changed,
      expired,
      good.replace(bounceDomain, "elsewhere.example"),
    ]) {
      const replies = await converse(["EHLO probe.example\r\n", "MAIL FROM:<>\r\n", `RCPT TO:<${address}>\r\n`]);
      expect(replies.at(-1), address).toMatch(/^550 5\.1\./);
    }
    expect(await keptCount()).toBe(0);
    expect(await flagOf("anna.berg")).toBeNull();
  });

  it("a true report under a genuine token flags exactly that person, once, with one alert", async () => {
    const notice = failedNotice("bo.lind@acme.test", "true-1");
    expect(await deliver(paths.get("bo.lind")!.toUpperCase(), notice)).toMatch(/^250/);
    await settled();
    expect(await flagOf("bo.lind")).toBe("hard");
    expect(await deliver(paths.get("bo.lind")!.toUpperCase(), notice), "the same bytes again").toMatch(/^250/);
    await settled();
    const { database, orgId } = journey.running;
    expect(
      (await database.owner.query("select from alert where org_id = $1 and kind = 'bounced'", [orgId])).rowCount,
    ).toBe(1);
    expect((await database.owner.query("select from flag_event where org_id = $1", [orgId])).rowCount).toBe(1);
    for (const other of names.filter((name) => name !== "bo.lind")) expect(await flagOf(other), other).toBeNull();
  });

  it("decide alone whom a notice concerns: one that names somebody else touches only the token's person", async () => {
    expect(await deliver(paths.get("carla.diaz")!, failedNotice("dan.eck@acme.test", "mismatch-1"))).toMatch(/^250/);
    await settled();
    expect(await flagOf("carla.diaz")).toBe("hard");
    expect(await flagOf("dan.eck")).toBeNull();
  });
});

describe("the SMTP conversation", () => {
  it("tells nothing about who exists, and ends after ten errors", async () => {
    const vrfy = await converse(["EHLO probe.example\r\n", "VRFY anna.berg\r\n"]);
    expect(vrfy.at(-1)).toMatch(/^(252|500|502|550)/);
    const guesses = Array.from({ length: 12 }, (_, index) => `RCPT TO:<guess${String(index)}@${bounceDomain}>\r\n`);
    const replies = await converse(["EHLO probe.example\r\n", "MAIL FROM:<>\r\n", ...guesses]);
    expect(replies.slice(3, 13).every((reply) => reply.startsWith("550 5.1.1"))).toBe(true);
    expect(replies.at(-1)).toMatch(/^(421|closed)/);
  });

  it("does not let a second mail be smuggled behind a bare line end", async () => {
    const before = await keptCount();
    for (const end of ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n"]) {
      const inner = `MAIL FROM:<ceo@acme.test>\r\nRCPT TO:<${replyAddress}>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled-marker\r\n.\r\n`;
      const replies = await converse([
        "EHLO probe.example\r\n",
        "MAIL FROM:<>\r\n",
        `RCPT TO:<${paths.get("anna.berg")!}>\r\n`,
        "DATA\r\n",
        `Subject: outer\r\n\r\nouter${end}${inner}`,
      ]);
      expect(replies.at(-1), JSON.stringify(end)).toMatch(/^(554|421|closed)/);
    }
    expect(await keptCount()).toBe(before);
  });

  it("refuses a mail loop, and one that is too large", async () => {
    const loop = Buffer.from(
      `${Array.from({ length: 120 }, (_, hop) => `Received: from h${String(hop)}.example by h${String(hop + 1)}.example\r\n`).join("")}Subject: round\r\n\r\nand round`,
    );
    expect(await deliver(replyAddress, loop, "anna.berg@acme.test")).toMatch(/^554 5\.4\.6/);
    expect(await deliver(replyAddress, Buffer.alloc(11 * 1024 * 1024, "x"), "anna.berg@acme.test")).toMatch(
      /^552|closed/,
    );
  });

  it("keeps mail that cannot be read, says why, and reads the next one within five seconds", async () => {
    const deep = Array.from(
      { length: 200 },
      (_, depth) => `Content-Type: multipart/mixed; boundary="d${String(depth)}"\r\n\r\n--d${String(depth)}\r\n`,
    ).join("");
    const wide = `Subject: wide\r\nX-Long: ${"a".repeat(900)}\r\n`.repeat(1200);
    for (const raw of [`Subject: deep\r\nMIME-Version: 1.0\r\n${deep}`, `${wide}\r\nbody`])
      expect(await deliver(replyAddress, Buffer.from(raw), "anna.berg@acme.test")).toMatch(/^(250|5)/);
    const start = performance.now();
    expect(
      await deliver(
        replyAddress,
        Buffer.from("From: Anna <anna.berg@acme.test>\r\nSubject: A question\r\n\r\nIs it anonymous?"),
        "anna.berg@acme.test",
      ),
    ).toMatch(/^250/);
    await settled();
    expect(performance.now() - start).toBeLessThan(5000);
    const { database } = journey.running;
    expect(
      (await database.owner.query("select from reply where subject = 'A question' and not automatic")).rowCount,
    ).toBe(1);
    const unreadable = await database.owner.query<{ state: string; note: string }>(
      "select state, note from inbound_mail where state = 'unreadable'",
    );
    expect(unreadable.rows.every((row) => row.note.startsWith("It could not be read: "))).toBe(true);
  });
});

describe.runIf(hasCorpus)("the attack files", () => {
  it("D01 is refused, D21 tells nothing, D22 is refused, D15 is marked automatic and answered by nobody", async () => {
    const guess = await converse([
      "EHLO probe.example\r\n",
      "MAIL FROM:<>\r\n",
      `RCPT TO:<bounce+anna.berg=acme.test@${bounceDomain}>\r\n`,
    ]);
    expect(guess.at(-1)).toMatch(/^550 5\.1\.1/);
    expect(await deliver(replyAddress, attack("D22-hop-count.eml"), "anna.berg@acme.test")).toMatch(/^554 5\.4\.6/);
    expect(await deliver(replyAddress, attack("D15-vacation.eml"))).toMatch(/^250/);
    await settled();
    const { database, world } = journey.running;
    expect((await database.owner.query("select automatic from reply where subject = 'Out of office'")).rows).toEqual([
      { automatic: true },
    ]);
    expect(world!.counts().toRecipient("anna.berg@acme.test"), "mails to the person: the round's only").toBe(1);
  });

  it("D06 stores at most nothing, D07 and D08 are kept as unread or refused, within two seconds each", async () => {
    const steps = JSON.parse(attack("D06-smuggle-lf-dot-lf.smtp.json").toString()) as { send?: string }[];
    const before = await keptCount();
    await converse(steps.flatMap((step) => (step.send ? [step.send] : [])));
    expect(await keptCount()).toBe(before);
    for (const file of ["D07-header-1mb.eml.gz", "D08-nest-200.eml"]) {
      const start = performance.now();
      expect(await deliver(replyAddress, attack(file), "anna.berg@acme.test"), file).toMatch(/^(250|5)/);
      await settled();
      expect(performance.now() - start, file).toBeLessThan(2000);
    }
  });
});

/** People write back, are answered in their thread, complain, or send what nobody can match: everything is kept, once, and shown. */
import { beforeAll, describe, expect, it } from "vitest";
import { inOrganisation } from "../../server/src/ground/database.store.ts";
import { listReplies, listUnmatched, readAttachment, type Reply } from "../../server/src/inbox/inbox.store.ts";
import { answerReply } from "../../server/src/inbox/answer.store.ts";
import { until, useRoundtrip } from "./harness.ts";
import { deliverRaw } from "./smtp-talk.ts";

const journey = useRoundtrip();
const replyAddress = "reply@mail.roundtrip.test";
const names = ["ann", "bo", "cy"];
const messageIds = new Map<string, string>();

beforeAll(async () => {
  await journey.importPeople(["email,name", ...names.map((name) => `${name}@acme.test,${name}`)].join("\r\n"));
  await journey.launch();
  const { world } = journey.running;
  await until("the round to be out", async () =>
    names.every((name) => world!.counts().toRecipient(`${name}@acme.test`) === 1),
  );
  for (const name of names) messageIds.set(name, (await mailsTo(name))[0]!.headers.get("message-id")!);
});

interface Seen {
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
}

async function mailsTo(name: string): Promise<readonly Seen[]> {
  const kept = journey.running.world!.mailbox.list({ recipient: `${name}@acme.test`, skip: 0, take: 10 }).mails;
  return kept.map(({ bytes }) => {
    const [head = "", ...body] = bytes.toString("utf8").split("\r\n\r\n");
    const fields = head.replaceAll(/\r\n[ \t]+/g, " ").split("\r\n");
    const pairs = fields.map((field): [string, string] => {
      const at = field.indexOf(":");
      return [field.slice(0, at).toLowerCase(), field.slice(at + 1).trim()];
    });
    return { headers: new Map(pairs), text: body.join("\r\n\r\n") };
  });
}

const write = async (lines: readonly string[], to = replyAddress, from = "x@acme.test"): Promise<string> =>
  deliverRaw(journey.running.inboundPort!, { to, from, raw: lines.join("\r\n") });
const inOrg = <Value>(work: Parameters<typeof inOrganisation<Value>>[2]) =>
  inOrganisation(journey.running.database, journey.running.orgId, work);
const replies = (): Promise<readonly Reply[]> => inOrg((client) => listReplies(client, journey.running.orgId));
const unmatched = () => inOrg((client) => listUnmatched(client, journey.running.orgId));
const settled = () =>
  until(
    "everything to be read",
    async () =>
      (await journey.running.database.owner.query("select from inbound_mail where state = 'received'")).rowCount === 0,
  );

describe("a reply", () => {
  it("belongs to whom its token says, whatever address it comes from, and shows only what was written", async () => {
    const said = await write(
      [
        "From: Ann at home <ann@home.example>",
        "Subject: Re: Hello",
        "Message-ID: <q1@home.example>",
        `In-Reply-To: ${messageIds.get("ann")!}`,
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain",
        "",
        "Is it anonymous?",
        "",
        "On Monday, HR wrote:",
        "> Please answer",
        "--b",
        'Content-Type: text/html; name="=?utf-8?q?..=2Fpage?=.html"',
        'Content-Disposition: attachment; filename="../../page.html"',
        "",
        "<script>alert(1)</script>",
        "--b--",
        "",
      ],
      replyAddress,
      "ann@home.example",
    );
    expect(said).toMatch(/^250/);
    await settled();
    const [reply] = await replies();
    expect(reply).toMatchObject({
      person: { email: "ann@acme.test" },
      address: "ann@home.example",
      matchedBy: "token",
      round: "Journey",
      text: "Is it anonymous?",
      attachments: [{ name: "page.html", bytes: 25 }],
    });
    const file = await inOrg((client) =>
      readAttachment(client, { orgId: journey.running.orgId, replyId: reply!.id, position: 0 }),
    );
    expect(file!.content.toString()).toBe("<script>alert(1)</script>");
  });

  it("without a token belongs to the address it comes from", async () => {
    await write(["From: bo@acme.test", "Subject: A question", "", "Until when?"]);
    await settled();
    expect((await replies())[0]).toMatchObject({
      person: { email: "bo@acme.test" },
      matchedBy: "address",
      round: "Journey",
    });
  });

  it("from our own address, or the twenty-first within an hour, waits in the tray", async () => {
    await write(["From: survey@mail.roundtrip.test", "Subject: round and round", "", "x"]);
    for (let n = 0; n < 22; n += 1)
      await write(["From: robot@loop.example", `Subject: n${String(n)}`, "", `again ${String(n)}`]);
    await settled();
    const { mails } = await unmatched();
    expect(mails.find(({ subject }) => subject === "round and round")!.note).toMatch(/address of ours/);
    expect(mails.filter(({ note }) => note.includes("within an hour"))).toHaveLength(2);
    expect((await replies()).filter(({ address }) => address === "robot@loop.example")).toHaveLength(20);
  });
});

describe("an answer", () => {
  it("goes out once, signed, from the reply address, in the thread; what comes back goes on in it", async () => {
    const { running } = journey;
    const bo = (await replies()).find(({ address }) => address === "bo@acme.test")!;
    const answer = { orgId: running.orgId, replyId: bo.id, text: "Until Friday." };
    const ids = [];
    for (let press = 0; press < 2; press += 1)
      ids.push(await inOrg((client) => answerReply(client, answer, journey.clock.now())));
    expect(ids[0]).toBe(ids[1]);
    await until("the answer to arrive", async () => (await mailsTo("bo")).length === 2);
    const mail = (await mailsTo("bo")).find(({ headers }) => headers.get("subject") === "Re: A question")!;
    expect(mail.headers.get("from")).toContain(replyAddress);
    expect(mail.headers.get("dkim-signature")).toContain("d=mail.roundtrip.test");
    expect(mail.headers.has("list-unsubscribe")).toBe(false);
    expect(mail.text).toContain("Until Friday.");
    await write([
      "From: bo@acme.test",
      "Subject: Re: A question",
      `References: ${mail.headers.get("message-id")!}`,
      "",
      "Thank you!",
    ]);
    await settled();
    expect((await replies())[0]).toMatchObject({
      text: "Thank you!",
      matchedBy: "token",
      round: "Journey",
      roundId: bo.roundId,
    });
    const state = await running.database.owner.query("select state from delivery where id = $1", [ids[0]]);
    expect(state.rows).toEqual([{ state: "accepted" }]);
  });

  it("leaves the round's ledger alone, and is refused where nobody could get it", async () => {
    const { orgId, database } = journey.running;
    const counted = await database.owner.query(
      "select count(*)::int as mails from delivery d join round r on r.org_id = d.org_id and r.id = d.round_id where d.org_id = $1 and r.kind = 'live'",
      [orgId],
    );
    expect(counted.rows).toEqual([{ mails: 3 }]);
    const stranger = (await replies()).find(({ address }) => address === "robot@loop.example")!;
    const press = (text: string) =>
      inOrg((client) => answerReply(client, { orgId, replyId: stranger.id, text }, journey.clock.now()));
    await expect(press("hello")).rejects.toThrow(/none of the people here/);
    await expect(press("  ")).rejects.toThrow(/Write something/);
  });
});

describe("a complaint", () => {
  const complaint = (id: string) => [
    "From: feedback@isp.example",
    "Subject: complaint",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    "This is an abuse report.",
    "--b",
    "Content-Type: message/feedback-report",
    "",
    "Feedback-Type: abuse",
    "User-Agent: example/1",
    "Version: 1",
    "",
    "--b",
    "Content-Type: text/rfc822-headers",
    "",
    `Message-ID: ${id}`,
    "Subject: Hello",
    "",
    "--b--",
    "",
  ];

  it("is a second flag: it stands beside the bounce flag, is not cleared with it, and not without a reason", async () => {
    const { database, statusUrl } = journey.running;
    await write(complaint(messageIds.get("cy")!));
    await settled();
    const person = async () =>
      (
        await database.owner.query<{ id: number; flag: string | null; complained: boolean }>(
          "select id, flag, complained_at is not null as complained from employee where email = 'cy@acme.test'",
        )
      ).rows[0]!;
    const cy = await person();
    expect(cy).toMatchObject({ flag: null, complained: true });
    const post = (query: string, body = "") =>
      fetch(`${statusUrl!}?${query}`, {
        method: "POST",
        redirect: "manual",
        headers: { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" },
        body,
      });
    await post(`clear=${String(cy.id)}`);
    expect((await person()).complained).toBe(true);
    expect((await post(`agreed=${String(cy.id)}`, "reason=")).status).toBe(422);
    expect((await person()).complained).toBe(true);
    expect((await post(`agreed=${String(cy.id)}`, "reason=asked+her")).status).toBe(303);
    expect((await person()).complained).toBe(false);
    const state = await database.owner.query(
      "select d.state from delivery d where d.employee_id = $1 and d.kind <> 'answer'",
      [cy.id],
    );
    expect(state.rows, "what was complained about is not repeated").toEqual([{ state: "complained" }]);
  });
});

describe("the tray", () => {
  it("is read again when somebody asks, and what is understood by then leaves it", async () => {
    const { database, statusUrl } = journey.running;
    const before = (await unmatched()).count;
    await database.owner.query(
      "update reply set at = at - interval '2 hours' where from_address = 'robot@loop.example'",
    );
    await fetch(`${statusUrl!}?reread=all`, {
      method: "POST",
      redirect: "manual",
      headers: { "sec-fetch-site": "same-origin" },
    });
    await settled();
    expect((await unmatched()).count).toBe(before - 2);
    expect((await replies()).filter(({ address }) => address === "robot@loop.example")).toHaveLength(22);
  });
});

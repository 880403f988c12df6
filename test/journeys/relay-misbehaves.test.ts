/** A relay that refuses, times out or speaks nonsense costs the one mail one try; every other mail goes on. */
import { describe, expect, it } from "vitest";
import { startSender } from "../../server/src/outbound/send/sender.job.ts";
import { openConnection } from "../../server/src/outbound/send/smtp-connection.smtp.ts";
import { type Script, startScriptedPeer } from "../../server/src/outbound/send/testing/scripted-peer.ts";
import { createLog } from "../../server/src/ground/log.process.ts";
import { systemClock } from "../../server/src/ground/system-clock.process.ts";
import { countLedger } from "../../server/src/outcome/ledger.store.ts";
import { defaultRetryPolicy } from "../../server/src/outcome/retry-policy.ts";
import { preparedForTests } from "../../server/src/outbound/testing/prepared-round.ts";
import { seedRound } from "../../server/src/testing/seed.ts";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { until } from "./harness.ts";

const test = useTestDatabase();
const timeouts = {
  connectMs: 500,
  greetingMs: 300,
  commandMs: 300,
  dataMs: 300,
  finalDotMs: 300,
  idleMs: 5000,
  quitMs: 100,
};

const greet: Script = async (line) => {
  line.say("220 peer.example");
  await line.hear("EHLO");
  line.say("250-peer.example", "250 8BITMIME");
};
const takeMails: Script = async (line) => {
  await greet(line);
  for (;;) {
    if ((await line.hearLine()) === "QUIT") return line.close();
    line.say("250 ok");
    await line.hear("RCPT");
    line.say("250 ok");
    await line.hear("DATA");
    line.say("354 go");
    await line.hearMail();
    line.say("250 2.0.0 taken");
  }
};

/** Sends `mails` over one connection at a time to a relay whose first connection runs `bad`, later ones take mail. */
async function sendThrough(bad: Script, mails = 5) {
  const seeded = await seedRound(test, mails);
  const peer = await startScriptedPeer(bad, takeMails);
  const sender = await startSender({
    database: test.database,
    settings: test.settings,
    channel: {
      kind: "relay",
      route: () => Promise.resolve({ kind: "lane", lane: { key: "peer", provider: "relay" }, target: "peer" }),
      open: () =>
        openConnection({
          host: peer.host,
          port: peer.port,
          ehloName: "mail.roundtrip.test",
          tls: "never",
          auth: null,
          timeouts,
        }),
    },
    clock: systemClock,
    chance: () => 0.5,
    log: createLog("silent"),
    retry: defaultRetryPolicy,
    connections: 1,
    leaseMs: 60_000,
    unknownResendMs: 3_600_000,
    name: "test",
    prepareRound: (orgId, roundId) => preparedForTests(orgId, roundId),
  });
  const count = async () => (await countLedger(test.database.owner, seeded.orgId, seeded.roundId)).ledger;
  await until("all but one mail to be accepted", async () => (await count()).accepted === mails - 1);
  await sender.stop(1000);
  await peer.stop();
  const attempts = await test.database.owner.query<{
    result: string;
    step: string;
    cause: string | null;
    text: string;
  }>("select result, step, cause, text from attempt where org_id = $1 and result <> 'accepted'", [seeded.orgId]);
  const flagged = await test.database.owner.query("select from employee where org_id = $1 and flag is not null", [
    seeded.orgId,
  ]);
  return { ledger: await count(), attempts: attempts.rows, flagged: flagged.rowCount };
}

describe("one mail is put off, the others go on, nobody is flagged", () => {
  const cases: readonly (readonly [string, Script, { result: string; step: string }])[] = [
    ["a greeting of 554", async (line) => line.say("554 no mail from you"), { result: "refused", step: "greeting" }],
    ["silence instead of a greeting", async (line) => line.gone(), { result: "failed", step: "greeting" }],
    [
      "a line of a megabyte",
      async (line) => line.sayBytes(`220 ${"a".repeat(1_000_000)}`),
      { result: "failed", step: "greeting" },
    ],
    [
      "bytes that are no SMTP at all",
      async (line) => line.sayBytes(Buffer.from("\0\x01\x02 HTTP/1.1 400\r\n\r\n")),
      { result: "failed", step: "greeting" },
    ],
    [
      "an answer without end",
      async (line) => {
        line.say("220 peer.example");
        await line.hear("EHLO");
        for (let index = 0; index < 5000; index++) line.sayBytes("250-more and more\r\n");
      },
      { result: "failed", step: "ehlo" },
    ],
    [
      "a temporary refusal of the mail",
      async (line) => {
        await greet(line);
        await line.hear("MAIL");
        line.say("451 4.3.0 later");
        await line.hearLine();
        line.close();
      },
      { result: "refused", step: "mail" },
    ],
    [
      "a connection cut in the middle of the conversation",
      async (line) => {
        await greet(line);
        await line.hear("MAIL");
        line.say("250 ok");
        await line.hear("RCPT");
        line.cut();
      },
      { result: "failed", step: "rcpt" },
    ],
  ];

  it.each(cases)("%s", { timeout: 40_000 }, async (_what, bad, expected) => {
    const { ledger, attempts, flagged } = await sendThrough(bad);
    expect(ledger).toMatchObject({ accepted: 4, queued: 1, bounced: 0, unknown: 0 });
    expect(attempts).toMatchObject([expected]);
    expect(flagged).toBe(0);
  });

  it("silence after the final dot is unknown, not a guess", { timeout: 40_000 }, async () => {
    const { ledger, attempts } = await sendThrough(async (line) => {
      await greet(line);
      await line.hear("MAIL");
      line.say("250 ok");
      await line.hear("RCPT");
      line.say("250 ok");
      await line.hear("DATA");
      line.say("354 go");
      await line.hearMail();
      await line.gone();
    });
    expect(ledger).toMatchObject({ accepted: 4, unknown: 1 });
    expect(attempts).toMatchObject([{ result: "unknown", step: "body" }]);
  });
});

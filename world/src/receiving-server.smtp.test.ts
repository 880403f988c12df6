/** Every persona answers as its row says, over real sockets, and the counts agree. */
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { PERSONA_NAMES, personaNamed, type PersonaName } from "./personas.ts";
import { type ReceivingServer, type ReceivingServerOptions, startReceivingServer } from "./receiving-server.smtp.ts";
import { openClient } from "./smtp/client.smtp.ts";

const FAST = { slowRcptMs: 40, slowDotMs: 60, noticeMs: 0, deliveredLaterMs: 10, throttlePerSecond: 3 };
const open: { close: () => unknown }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

async function start(options: Partial<ReceivingServerOptions> = {}): Promise<ReceivingServer> {
  const server = await startReceivingServer({ port: 0, host: "127.0.0.1", timing: FAST, ...options });
  open.push(server);
  return server;
}

/** The bare words of the protocol: what is sent, what comes back. */
async function dial(port: number) {
  const socket: Socket = connect({ host: "127.0.0.1", port });
  open.push({ close: () => socket.destroy() });
  let heard = "";
  socket.on("data", (chunk: Buffer) => (heard += chunk.toString("utf8")));
  socket.on("error", () => undefined);
  const talk = {
    socket,
    send: (text: string) => socket.write(text),
    /** Everything up to and with a match of this, which is then forgotten. */
    hear: async (pattern: RegExp): Promise<string> => {
      for (;;) {
        const found = pattern.exec(heard);
        if (found) {
          const end = found.index + found[0].length;
          const words = heard.slice(0, end);
          heard = heard.slice(end);
          return words;
        }
        if (socket.destroyed) throw new Error(`The line is dead, heard so far: ${heard}`);
        await Promise.race([once(socket, "data"), once(socket, "close")]);
      }
    },
  };
  await talk.hear(/^220 .*\r\n/);
  return talk;
}

function mailTo(to: string, number = 1): string {
  return `From: <hr@example.com>\r\nTo: <${to}>\r\nMessage-ID: <${number}.${to}>\r\nSubject: Survey\r\n\r\nHello\r\n`;
}

/** One try by a client that keeps no connection: the code of the last answer, or 0 when the line was cut. */
async function tryOnce(server: ReceivingServer, to: string, number = 1): Promise<number> {
  const port = server.portFor(to.slice(to.lastIndexOf("@") + 1));
  const client = await openClient({ host: "127.0.0.1", port, name: "mail.example.com", timeoutMs: 5000 }).catch(
    () => null,
  );
  if (!client) return -1;
  const notice = { from: "b@bounce.example.com", to, bytes: Buffer.from(mailTo(to, number)) };
  const answer = await client.deliver(notice).catch(() => ({ code: 0 }));
  client.destroy();
  return answer.code;
}

const FIRST_FOUR_TRIES: Partial<Record<PersonaName, readonly number[]>> = {
  "unknown-user": [550, 550, 550, 550],
  "mailbox-full": [452, 452, 452, 452],
  "policy-block": [550, 550, 550, 550],
  "spam-block": [554, 554, 554, 554],
  greylist: [450, 450, 250, 250],
  throttle: [451, 250, 250, 421],
  "drop-after-dot": [0, 250, 250, 250],
  "lost-after-dot": [0, 250, 250, 250],
};

test.each(PERSONA_NAMES)("%s answers four tries of one mail as its row says", async (name) => {
  const server = await start({ now: () => new Date("2026-03-02T09:00:00Z") });
  const to = `anna.berg+${name}@acme.example`;
  const codes = [];
  for (let turn = 0; turn < 4; turn++) codes.push(await tryOnce(server, to));
  expect(codes).toEqual(FIRST_FOUR_TRIES[name] ?? [250, 250, 250, 250]);
  const isDropper = name === "drop-after-dot" || name === "lost-after-dot";
  const kept = isDropper ? 1 : codes.filter((code) => code === 250).length;
  const counts = server.counts();
  expect(counts.toRecipient(to)).toBe(kept);
  expect(counts.ofMessageId(`<1.${to}>`)).toBe(kept);
  expect(counts.personas[name]).toEqual({ recipients: 1, tries: 4, kept });
  expect(server.mailbox.list({ recipient: to, skip: 0, take: 10 }).total).toBe(kept);
});

test("a no-starttls domain has a listener that offers STARTTLS, answers 454, and takes mail in clear", async () => {
  const server = await start();
  const line = await dial(server.portFor("no-starttls.acme.example"));
  line.send("EHLO mail.example.com\r\n");
  expect(await line.hear(/250 .*\r\n/)).toContain("250-STARTTLS");
  line.send("STARTTLS\r\n");
  expect(await line.hear(/\r\n/)).toMatch(/^454 4\.7\.0/);
  const to = "anna+no-starttls@no-starttls.acme.example";
  line.send(`MAIL FROM:<b@example.com>\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
  await line.hear(/354 .*\r\n/);
  line.send(`${mailTo(to)}.\r\n`);
  await line.hear(/250 2\.0\.0 .*\r\n/);
  expect(server.mailbox.list({ skip: 0, take: 1 }).mails[0]).toMatchObject({
    tlsVersion: null,
    persona: "no-starttls",
  });
});

test("STARTTLS works, and what was sent in clear behind it is never obeyed (CVE-2011-0411)", async () => {
  const server = await start();
  const line = await dial(server.port);
  line.send("EHLO mail.example.com\r\n");
  await line.hear(/250 .*\r\n/);
  line.send("STARTTLS\r\nNOOP\r\nNOOP\r\n");
  await line.hear(/220 .*\r\n/);
  line.socket.removeAllListeners("data");
  const secure = connectTls({ socket: line.socket, rejectUnauthorized: false });
  await once(secure, "secureConnect");
  secure.write("EHLO mail.example.com\r\n");
  const [words] = (await once(secure, "data")) as [Buffer];
  expect(words.toString()).toMatch(/^250-mx\.world\.example\r\n/);
  expect(words.toString()).not.toContain("STARTTLS");
});

test("a whole pipelined conversation is answered in order (RFC 2920)", async () => {
  const server = await start({ tls: false });
  const line = await dial(server.port);
  const one = "anna@acme.example";
  const two = "unknown+unknown-user@acme.example";
  line.send("EHLO mail.example.com\r\n");
  expect(await line.hear(/250 .*\r\n/)).not.toContain("STARTTLS");
  line.send(`MAIL FROM:<b@example.com>\r\nRCPT TO:<${one}>\r\nRCPT TO:<${two}>\r\nDATA\r\n`);
  expect(await line.hear(/354 .*\r\n/)).toMatch(/^250 2\.1\.0 .*\r\n250 2\.1\.5 .*\r\n550 5\.1\.1 .*\r\n354 /);
  line.send(`${mailTo(one)}..a dot\r\n.\r\nRSET\r\nQUIT\r\n`);
  expect(await line.hear(/221 .*\r\n/)).toMatch(/^250 2\.0\.0 .*queued.*\r\n250 .*\r\n221 /);
  expect(server.mailbox.list({ skip: 0, take: 9 }).mails[0]?.bytes.toString()).toBe(`${mailTo(one)}.a dot\r\n`);
});

test("one mail to several people gets one answer: the strictest, and it holds for all of them", async () => {
  const server = await start();
  const line = await dial(server.port);
  const [anna, ben, spam] = ["anna@acme.example", "ben@acme.example", "c+spam-block@acme.example"];
  const sendTo = (...people: readonly string[]) =>
    line.send(
      `MAIL FROM:<b@example.com>\r\n${people.map((to) => `RCPT TO:<${to}>\r\n`).join("")}DATA\r\n${mailTo("all@acme.example")}.\r\n`,
    );
  line.send("EHLO mail.example.com\r\n");
  await line.hear(/250 .*\r\n/);
  sendTo(anna, ben, spam);
  await line.hear(/554 5\.7\.1 .*\r\n/);
  expect(server.counts().kept).toBe(0);
  sendTo(anna, ben);
  await line.hear(/250 2\.0\.0 .*\r\n/);
  expect(server.counts()).toMatchObject({ kept: 2, recipients: 2, messages: 2 });
});

test("slow answers keep their place in a pipeline, and come late", async () => {
  const server = await start();
  const line = await dial(server.port);
  const to = "anna+slow@acme.example";
  const startedAt = performance.now();
  line.send("EHLO mail.example.com\r\n");
  await line.hear(/250 .*\r\n/);
  line.send(`MAIL FROM:<b@example.com>\r\nRCPT TO:<${to}>\r\nRCPT TO:<anna@acme.example>\r\nDATA\r\n`);
  expect(await line.hear(/354 .*\r\n/)).toMatch(/^250 2\.1\.0 .*\r\n250 2\.1\.5 .*\r\n250 2\.1\.5 .*\r\n354 /);
  line.send(`${mailTo(to)}.\r\n`);
  await line.hear(/250 2\.0\.0 .*\r\n/);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(FAST.slowRcptMs + FAST.slowDotMs - 2);
});

test("commands out of turn, bare line feeds and mail above the size are refused, and the connection lives on", async () => {
  const server = await start();
  const line = await dial(server.port);
  line.send("MAIL FROM:<b@example.com>\r\nEHLO mail.example.com\r\n");
  expect(await line.hear(/250 .*\r\n/)).toMatch(/^503 /);
  line.send("DATA\r\nMAIL FROM:<b@example.com> SIZE=99999999\r\nMAIL FROM:<b@example.com>\r\nDATA\r\n");
  expect(await line.hear(/554 .*\r\n/)).toMatch(/^503 .*\r\n552 5\.3\.4 .*\r\n250 .*\r\n554 /);
  line.send("RCPT TO:<anna@acme.example>\r\nDATA\r\nSubject: a\r\n\r\nb\nc\r\n.\r\nNOOP\r\n");
  expect(await line.hear(/250 2\.0\.0 Ok\r\n/)).toMatch(/^250 .*\r\n354 .*\r\n550 5\.6\.0 .*\r\n250 /);
  expect(server.counts().kept).toBe(0);
});

test("the witness file has a line for every kept mail before its answer, and says what stayed unanswered", async () => {
  const logFile = join(mkdtempSync(join(tmpdir(), "world-")), "arrivals.jsonl");
  const server = await start({ logFile });
  const recipients = ["a@acme.example", "b+drop-after-dot@acme.example", "c+lost-after-dot@acme.example"];
  const lines = () =>
    readFileSync(logFile, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
  for (const recipient of recipients) await tryOnce(server, recipient);
  const first = { messageId: "<1.a@acme.example>", recipient: recipients[0], what: "kept" };
  const dropped = { messageId: `<1.${recipients[1]}>`, recipient: recipients[1] };
  expect(lines()).toEqual([first, { ...dropped, what: "unanswered" }]);
  for (const recipient of recipients) await tryOnce(server, recipient);
  expect(lines().slice(2)).toEqual([
    first,
    { ...dropped, what: "copy" },
    { messageId: `<1.${recipients[2]}>`, recipient: recipients[2], what: "kept" },
  ]);
  const { kept, messages, recipients: reached } = server.counts();
  expect({ kept, messages, reached }).toEqual({ kept: 4, messages: 3, reached: 3 });
});

test("every persona that the table says comes back, does, and no other", async () => {
  const mailed = await start();
  const world = await start({ sendBack: { host: "127.0.0.1", port: mailed.port }, seed: "t" });
  for (const name of PERSONA_NAMES.filter((name) => name !== "throttle")) {
    const to = `anna+${name}@acme.example`;
    for (let turn = 0; turn < 3; turn++) await tryOnce(world, to, 1);
  }
  await world.sendBack?.idle();
  // Three tries, three mails; the notice of success is only sent to who asked for it.
  const expected = PERSONA_NAMES.flatMap((name) => personaNamed(name).comesBack).filter((kind) => kind !== "delivered");
  expect(world.sendBack?.counts()).toEqual({ sent: 3 * expected.length, givenUp: 0, pending: 0 });
  expect(mailed.counts().kept).toBe(3 * expected.length);
});

/** The SMTP client against servers of every temper, over real sockets and real TLS. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type Connection,
  openConnection,
  type ConnectionOptions,
  type Mail,
  type Submission,
} from "./smtp-connection.smtp.ts";
import { startScriptedPeer, type PeerLine, type Script, type ScriptedPeer } from "./testing/scripted-peer.ts";

const BYTES = Buffer.from("From: b@example.com\r\nSubject: hello\r\n\r\nFirst line\r\nLast line\r\n");
const mail: Mail = {
  from: "b@example.com",
  to: "a@example.com",
  bytes: BYTES,
  smtpUtf8: false,
  beforeFinalDot: async () => true,
};
/** Short, but long enough for a busy machine to answer over loopback. */
const A_MOMENT = 300;

let identity: { key: string; cert: string };
const peers: ScriptedPeer[] = [];
const connections: Connection[] = [];

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-certificate-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=mx.example.com", "-addext", "subjectAltName=DNS:mx.example.com"];
  execFileSync(
    "openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      ...subject,
      "-keyout",
      key,
      "-out",
      cert,
    ],
    { stdio: "ignore" },
  );
  identity = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy();
  await Promise.all(peers.splice(0).map((peer) => peer.stop()));
});

async function start(...scripts: Script[]): Promise<ScriptedPeer> {
  const peer = await startScriptedPeer(...scripts);
  peers.push(peer);
  return peer;
}

async function open(peer: ScriptedPeer, options: Partial<ConnectionOptions> = {}) {
  const address = peer.host;
  const all = { host: "mx.example.com", address, port: peer.port, ehloName: "out.example.com", auth: null, ...options };
  const opened = await openConnection({ tls: "never", ...all });
  if (opened.kind === "open") connections.push(opened);
  return opened;
}

async function opened(peer: ScriptedPeer, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const connection = await open(peer, options);
  if (connection.kind !== "open") throw new Error(JSON.stringify(connection.word));
  return connection;
}

async function notOpened(peer: ScriptedPeer, options: Partial<ConnectionOptions> = {}) {
  const failure = await open(peer, options);
  if (failure.kind === "open") throw new Error("The connection was opened.");
  return failure;
}

/** What a submission came to, in short. */
function brief(submission: Submission) {
  if (submission.kind === "withdrawn") return ["withdrawn"];
  const { step, code, temporary } = submission.word;
  return [submission.kind, step, code, temporary ? "temporary" : "permanent"];
}

/** Greets and answers EHLO. */
async function welcome(line: PeerLine, ...offers: readonly string[]): Promise<void> {
  line.say("220 mx.example.com");
  await line.hear("EHLO out.example.com");
  line.say(...["mx.example.com", ...offers].map((text, at) => `250${at < offers.length ? "-" : " "}${text}`));
}

/** Hears MAIL, RCPT and DATA in one go and answers each. */
async function answerEnvelope(line: PeerLine, ...answers: readonly string[]): Promise<void> {
  await line.hear("MAIL FROM:<b@example.com>");
  await line.hear("RCPT TO:<a@example.com>");
  await line.hear("DATA");
  line.say(...answers);
}

async function takeMail(line: PeerLine, answer = "250 2.0.0 queued as 1"): Promise<string> {
  await answerEnvelope(line, "250 ok", "250 ok", "354 go");
  const taken = await line.hearMail();
  line.say(answer);
  return taken;
}

/** Up to the 354, pipelined; then as the test likes. */
function after354(then: (line: PeerLine) => void | Promise<void>): Script {
  return async (line) => {
    await welcome(line, "PIPELINING");
    await answerEnvelope(line, "250 ok", "250 ok", "354 go");
    await then(line);
  };
}

describe("hands over", () => {
  test("a mail in one group of commands, byte for byte, and says whom it spoke with", async () => {
    let taken = "";
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING", "SIZE 100000");
      taken = await takeMail(line);
    });
    const connection = await opened(peer, { localAddress: "127.0.0.2" });
    const submission = await connection.deliver(mail);
    expect(submission).toEqual({
      kind: "accepted",
      word: { step: "body", code: 250, enhanced: "2.0.0", text: "2.0.0 queued as 1", temporary: false },
      peer: { host: "mx.example.com", address: "127.0.0.1", localAddress: "127.0.0.2", tls: null },
    });
    expect(taken).toBe(BYTES.toString());
    expect(peer.lines[0]!.received.toString()).toBe(
      `EHLO out.example.com\r\nMAIL FROM:<b@example.com> SIZE=${BYTES.length}\r\nRCPT TO:<a@example.com>\r\nDATA\r\n${BYTES.toString()}.\r\n`,
    );
  });

  test("two mails over one connection, the second after a refusal begins with RSET, and QUIT is said at the end", async () => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await answerEnvelope(line, "250 ok", "550 5.1.1 unknown", "503 no recipients");
      await line.hear("RSET");
      line.say("250 reset");
      await takeMail(line);
      await takeMail(line, "250 second");
      await line.hear("QUIT");
      line.say("221 bye");
    });
    const connection = await opened(peer);
    expect(brief(await connection.deliver(mail))).toEqual(["refused", "rcpt", 550, "permanent"]);
    expect(connection.isUsable).toBe(true);
    expect(brief(await connection.deliver(mail))).toEqual(["accepted", "body", 250, "permanent"]);
    expect(brief(await connection.deliver(mail))).toEqual(["accepted", "body", 250, "permanent"]);
    expect(connection.messages).toBe(3);
    await connection.close();
    expect(connection.isUsable).toBe(false);
    await peer.lines[0]!.gone();
  });

  test("step by step to a server without PIPELINING, which never hears the next command before its answer", async () => {
    const peer = await start(async (line) => {
      await welcome(line);
      for (const [command, answer] of [
        ["MAIL", "250 ok"],
        ["RCPT", "250 ok"],
        ["DATA", "354 go"],
      ] as const) {
        await line.hear(command);
        expect(line.received.toString().split("\r\n").at(-2)).toMatch(command);
        line.say(answer);
      }
      await line.hearMail();
      line.say("250 ok");
    });
    expect(brief(await (await opened(peer)).deliver(mail))).toEqual(["accepted", "body", 250, "permanent"]);
  });

  test("to a server that only knows HELO", async () => {
    const peer = await start(async (line) => {
      line.say("220 old");
      await line.hear("EHLO");
      line.say("502 what?");
      await line.hear("HELO out.example.com");
      line.say("250 hello");
      for (const answer of ["250 ok", "250 ok", "354 go"]) {
        await line.hearLine();
        line.say(answer);
      }
      await line.hearMail();
      line.say("250 ok");
    });
    expect((await (await opened(peer)).deliver(mail)).kind).toBe("accepted");
  });

  test("a mail to a server whose replies come byte by byte", async () => {
    const dribble = async (line: PeerLine, text: string) => {
      for (const byte of Buffer.from(text)) {
        line.sayBytes(Buffer.of(byte));
        await new Promise(setImmediate);
      }
    };
    const peer = await start(async (line) => {
      await dribble(line, "220-mx\r\n220 ready\r\n");
      await line.hear("EHLO");
      await dribble(line, "250-mx\r\n250-PIPELINING\r\n250 SIZE\r\n");
      await answerEnvelope(line);
      await dribble(line, "250 ok\r\n250-2.1.5 yes\r\n250 2.1.5 yes\r\n354 go\r\n");
      await line.hearMail();
      await dribble(line, "250-2.0.0 thanks\r\n250 2.0.0 taken\r\n");
    });
    const submission = await (await opened(peer)).deliver(mail);
    expect(submission).toMatchObject({ kind: "accepted", word: { text: "2.0.0 thanks\n2.0.0 taken" } });
  });

  test("dots doubled, where a mail has lines that begin with one", async () => {
    let taken = "";
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      taken = await takeMail(line);
    });
    await (await opened(peer)).deliver({ ...mail, bytes: Buffer.from("a\r\n.\r\nb\r\n") });
    expect(taken).toBe("a\r\n..\r\nb\r\n");
  });

  test("five megabytes, and NUL bytes in an answer do no harm", async () => {
    let sizeBytes = 0;
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      sizeBytes = (await takeMail(line, "250 o\0k")).length;
    });
    const bytes = Buffer.from(`${"x".repeat(998)}\r\n`.repeat(5000));
    const submission = await (await opened(peer)).deliver({ ...mail, bytes });
    expect(submission).toMatchObject({ kind: "accepted", word: { text: "o\u{fffd}k" } });
    expect(sizeBytes).toBe(bytes.length);
  });

  test("as many mails as were allowed, and no more", async () => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await takeMail(line);
    });
    const connection = await opened(peer, { maxMessages: 1 });
    expect((await connection.deliver(mail)).kind).toBe("accepted");
    expect(connection.isUsable).toBe(false);
    expect(brief(await connection.deliver(mail))).toEqual(["failed", "mail", null, "temporary"]);
  });

  test("an address beyond ASCII, where SMTPUTF8 is offered; and refuses it by itself where it is not", async () => {
    let command = "";
    const speaking =
      (...offers: string[]): Script =>
      async (line) => {
        await welcome(line, ...offers);
        await line.hear("MAIL FROM:<b@example.com> BODY=8BITMIME SMTPUTF8");
        command = Buffer.from(await line.hearLine(), "latin1").toString();
        await line.hear("DATA");
        line.say("250 ok", "250 ok", "354 go");
        await line.hearMail();
        line.say("250 ok");
      };
    const peer = await start(speaking("PIPELINING", "8BITMIME", "SMTPUTF8"), (line) => welcome(line, "8BITMIME"));
    const utf8 = {
      ...mail,
      to: "josé@example.com",
      bytes: Buffer.from("To: josé@example.com\r\n\r\n"),
      smtpUtf8: true,
    };
    expect((await (await opened(peer)).deliver(utf8)).kind).toBe("accepted");
    expect(command).toBe("RCPT TO:<josé@example.com>");
    const refused = await (await opened(peer)).deliver(utf8);
    expect(refused).toMatchObject({
      kind: "refused",
      word: { step: "mail", code: null, enhanced: "5.6.7", temporary: false },
    });
  });

  test("nothing that is larger than SIZE: not one command is sent", async () => {
    const peer = await start((line) => welcome(line, "SIZE 20"));
    const connection = await opened(peer);
    const submission = await connection.deliver(mail);
    expect(submission).toMatchObject({ kind: "refused", word: { step: "mail", code: null, enhanced: "5.3.4" } });
    expect(connection.isUsable).toBe(true);
    expect(peer.lines[0]!.received.toString()).toBe("EHLO out.example.com\r\n");
  });
});

describe("before the final dot", () => {
  test("nothing of the mail has left while permission is pending", async () => {
    const asked = Promise.withResolvers<void>();
    const permission = Promise.withResolvers<boolean>();
    const peer = await start(
      after354(async (line) => {
        await line.hearMail();
        line.say("250 ok");
      }),
    );
    const connection = await opened(peer);
    const delivery = connection.deliver({
      ...mail,
      beforeFinalDot: () => {
        asked.resolve();
        return permission.promise;
      },
    });
    await asked.promise;
    await moment();
    expect(peer.lines[0]!.received.toString().split("\r\n").at(-2)).toBe("DATA");
    permission.resolve(true);
    expect((await delivery).kind).toBe("accepted");
  });

  test.each([
    ["a no", async () => false, { kind: "withdrawn" }],
    [
      "a throw",
      () => Promise.reject(new Error("database gone")),
      { kind: "withdrawn", cause: new Error("database gone") },
    ],
  ])("%s withdraws the mail: the server never sees a byte of it", async (_, beforeFinalDot, expected) => {
    const peer = await start(after354((line) => line.gone()));
    const connection = await opened(peer);
    expect(await connection.deliver({ ...mail, beforeFinalDot })).toEqual(expected);
    expect(connection.isUsable).toBe(false);
    await peer.lines[0]!.gone();
    expect(peer.lines[0]!.received.toString()).toMatch(/DATA\r\n$/);
  });

  test("permission is not asked for a recipient who was refused", async () => {
    let asked = 0;
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await answerEnvelope(line, "250 ok", "550 no", "354 go");
      expect(await line.hearLine()).toBe(".");
      line.say("554 no valid recipients");
      await takeMail(line);
    });
    const connection = await opened(peer);
    const counting = { ...mail, beforeFinalDot: async () => (asked += 1) > 0 };
    expect(brief(await connection.deliver(counting))).toEqual(["refused", "rcpt", 550, "permanent"]);
    expect(asked).toBe(0);
    expect(brief(await connection.deliver(counting))).toEqual(["accepted", "body", 250, "permanent"]);
    expect(asked).toBe(1);
  });

  test.each([
    ["a second 354", "354 go\r\n", ["failed", "data", null, "temporary"]],
    ["an answer to a mail not yet sent", "250 taken\r\n", ["failed", "data", null, "temporary"]],
    ["a change of mind", "451 4.3.0 too slow\r\n", ["refused", "data", 451, "temporary"]],
    ["421", "421 4.4.2 timeout\r\n", ["refused", "data", 421, "temporary"]],
    ["half a line", "25", ["failed", "data", null, "temporary"]],
  ] as const)("%s meanwhile: the mail is not sent, and the end waits for the permission", async (_, said, end) => {
    const permission = Promise.withResolvers<boolean>();
    const peer = await start(after354((line) => line.sayBytes(said)));
    const connection = await opened(peer, { timeouts: { commandMs: A_MOMENT } });
    let isOver = false;
    const delivery = connection.deliver({ ...mail, beforeFinalDot: () => permission.promise });
    void delivery.then(() => (isOver = true));
    await moment();
    expect(isOver).toBe(false);
    permission.resolve(true);
    expect(brief(await delivery)).toEqual(end);
    expect(connection.isUsable).toBe(false);
    await peer.lines[0]!.gone();
    expect(peer.lines[0]!.received.toString()).toMatch(/DATA\r\n$/);
  });
});

describe("a lost connection", () => {
  const cut = (line: PeerLine) => line.cut();
  const close = (line: PeerLine) => line.close();

  test.each([
    ["reset", cut],
    ["closed", close],
  ])("%s before the greeting or after EHLO is a failure there", async (_, end) => {
    const peer = await start(
      async (line) => {
        await moment();
        end(line);
      },
      async (line) => {
        line.say("220 mx");
        await line.hear("EHLO");
        end(line);
      },
    );
    expect((await notOpened(peer)).word).toMatchObject({ step: "greeting", code: null, temporary: true });
    expect((await notOpened(peer)).word).toMatchObject({ step: "ehlo", code: null, temporary: true });
  });

  test.each([
    ["after MAIL", [], "mail"],
    ["after RCPT", ["250 ok"], "rcpt"],
    ["after DATA", ["250 ok", "250 ok"], "data"],
  ])("%s is `failed`: certainly not taken", async (_, answers, step) => {
    for (const end of [cut, close]) {
      const peer = await start(async (line) => {
        await welcome(line, "PIPELINING");
        await answerEnvelope(line, ...answers);
        await moment();
        end(line);
      });
      const connection = await opened(peer);
      expect(brief(await connection.deliver(mail))).toEqual(["failed", step, null, "temporary"]);
      expect(connection.isUsable).toBe(false);
    }
  });

  test("after the final dot is `unknown`: perhaps taken", async () => {
    for (const end of [cut, close]) {
      const peer = await start(
        after354(async (line) => {
          await line.hearMail();
          end(line);
        }),
      );
      expect(brief(await (await opened(peer)).deliver(mail))).toEqual(["unknown", "body", null, "temporary"]);
    }
  });

  test("while permission is pending is `failed`, and only told once the permission is there", async () => {
    const permission = Promise.withResolvers<boolean>();
    const peer = await start(after354(cut));
    const delivery = (await opened(peer)).deliver({ ...mail, beforeFinalDot: () => permission.promise });
    await peer.lines[0]!.gone();
    await moment();
    permission.resolve(true);
    expect(brief(await delivery)).toEqual(["failed", "data", null, "temporary"]);
  });

  test("between two mails makes the connection unusable, and a mail all the same is `failed`", async () => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await takeMail(line);
      line.say("421 4.4.2 idle too long");
      line.close();
    });
    const connection = await opened(peer);
    await connection.deliver(mail);
    await expect.poll(() => connection.isUsable).toBe(false);
    expect(brief(await connection.deliver(mail))).toEqual(["failed", "mail", null, "temporary"]);
  });

  test("by our own hand is `failed` before the last byte and `unknown` after it", async () => {
    const heard = Promise.withResolvers<void>();
    const silent = after354(async (line) => {
      await line.hearMail();
      heard.resolve();
      await line.gone();
    });
    const peer = await start((line) => welcome(line, "PIPELINING"), silent);
    const first = await opened(peer);
    const failing = first.deliver(mail);
    first.destroy();
    expect(brief(await failing)).toEqual(["failed", "mail", null, "temporary"]);
    const second = await opened(peer);
    const unknown = second.deliver(mail);
    await heard.promise;
    second.destroy();
    expect(brief(await unknown)).toEqual(["unknown", "body", null, "temporary"]);
  });
});

describe("silence", () => {
  const short = { timeouts: { greetingMs: A_MOMENT, commandMs: A_MOMENT, dataMs: A_MOMENT, finalDotMs: A_MOMENT } };
  const silent: Script = (line) => line.gone();

  test("instead of a greeting is a failure there", async () => {
    expect((await notOpened(await start(silent), short)).word).toEqual({
      step: "greeting",
      code: null,
      enhanced: null,
      text: "Nothing came within 0.3 seconds",
      temporary: true,
    });
  });

  test("a slow greeting is waited for", async () => {
    const peer = await start(async (line) => {
      await moment();
      await welcome(line);
    });
    expect((await open(peer)).kind).toBe("open");
  });

  test.each([
    ["mail", []],
    ["rcpt", ["250 ok"]],
    ["data", ["250 ok", "250 ok"]],
  ])("at %s is `failed`", async (step, answers) => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await answerEnvelope(line, ...answers);
      await line.gone();
    });
    expect(brief(await (await opened(peer, short)).deliver(mail))).toEqual(["failed", step, null, "temporary"]);
  });

  test("after the final dot is `unknown`", async () => {
    const connection = await opened(await start(after354(silent)), short);
    expect(brief(await connection.deliver(mail))).toEqual(["unknown", "body", null, "temporary"]);
    expect(connection.isUsable).toBe(false);
  });

  test("after the final dot is borne longer than elsewhere", async () => {
    const slow = after354(async (line) => {
      await line.hearMail();
      await new Promise((resolve) => setTimeout(resolve, 2 * A_MOMENT));
      line.say("250 at last");
    });
    const timeouts = { commandMs: A_MOMENT, dataMs: A_MOMENT, finalDotMs: 100 * A_MOMENT };
    expect((await (await opened(await start(slow), { timeouts })).deliver(mail)).kind).toBe("accepted");
  });

  test("a reply that drips for ever is ended by the deadline of the whole reply", async () => {
    const peer = await start(async (line) => {
      const drip = setInterval(() => line.say("220-wait"), 5);
      await line.gone();
      clearInterval(drip);
    });
    expect((await notOpened(peer, { timeouts: { greetingMs: A_MOMENT } })).word.step).toBe("greeting");
  });

  test("between mails: the connection says QUIT and closes", async () => {
    const peer = await start(async (line) => {
      await welcome(line);
      await line.hear("QUIT");
      await line.gone();
    });
    const connection = await opened(peer, { timeouts: { idleMs: A_MOMENT } });
    expect(connection.isUsable).toBe(true);
    await peer.lines[0]!.gone();
    expect(connection.isUsable).toBe(false);
    expect(peer.lines[0]!.received.toString()).toMatch(/QUIT\r\n$/);
  });

  test("instead of an answer to QUIT ends in a bounded time", async () => {
    const peer = await start(async (line) => {
      await welcome(line);
      await line.gone();
    });
    const connection = await opened(peer, { timeouts: { quitMs: A_MOMENT } });
    await connection.close();
    expect(connection.isUsable).toBe(false);
  });

  test("from a port where nobody listens is a failure to connect", async () => {
    const peer = await start(silent);
    await peer.stop();
    const { word, peer: whom } = await notOpened(peer);
    expect(word).toMatchObject({ step: "connect", temporary: true, text: expect.stringContaining("ECONNREFUSED") });
    expect(whom).toMatchObject({ host: "mx.example.com", tls: null });
  });
});

describe("hostile servers", () => {
  test("a greeting of 554 is their word, and nothing is said to them", async () => {
    const peer = await start(async (line) => {
      line.say("554-5.7.1 go", "554 5.7.1 away");
      await line.gone();
    });
    const failure = await notOpened(peer);
    expect(failure).toMatchObject({
      kind: "refused",
      word: { step: "greeting", code: 554, enhanced: "5.7.1", text: "5.7.1 go\n5.7.1 away", temporary: false },
      peer: { address: "127.0.0.1" },
    });
    await peer.lines[0]!.gone();
    expect(peer.lines[0]!.received).toHaveLength(0);
  });

  test.each([
    ["an endless reply", "250-more\r\n".repeat(100_000)],
    ["a line of a megabyte", `250 ${"x".repeat(1_000_000)}\r\n`],
    ["nonsense", "\xff\xfe\0\0GET / HTTP/1.1\r\n\r\n"],
    ["a flood of answers", "250 ok\r\n".repeat(10_000)],
  ])("%s at EHLO is a failure, and the connection is closed", async (_, said) => {
    const peer = await start(async (line) => {
      line.say("220 mx");
      await line.hear("EHLO");
      line.sayBytes(Buffer.from(said, "latin1"));
      await line.gone();
    });
    expect((await notOpened(peer)).word).toMatchObject({ step: "ehlo", code: null, temporary: true });
    await peer.lines[0]!.gone();
  });

  test.each([
    ["an endless reply", "250-more\r\n".repeat(100_000)],
    ["a line of a megabyte", "x".repeat(1_000_000)],
    ["nonsense", "\0\0\0\r\n"],
    ["another 354", "354 go\r\n"],
  ])("%s to the final dot is `unknown`", async (_, said) => {
    const peer = await start(
      after354(async (line) => {
        await line.hearMail();
        line.sayBytes(Buffer.from(said));
      }),
    );
    expect(brief(await (await opened(peer)).deliver(mail))).toEqual(["unknown", "body", null, "temporary"]);
  });

  test("a refusal in the middle of a large mail is their word, and the connection is over", async () => {
    const peer = await start(
      after354(async (line) => {
        line.stopReading();
        await moment();
        line.say("552 5.3.4 too large");
      }),
    );
    const connection = await opened(peer);
    const bytes = Buffer.alloc(40_000_000, `${"x".repeat(998)}\r\n`);
    expect(brief(await connection.deliver({ ...mail, bytes }))).toEqual(["refused", "body", 552, "permanent"]);
    expect(connection.isUsable).toBe(false);
  });

  test("250 to DATA is `failed`, and the mail does not leave", async () => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await answerEnvelope(line, "250 ok", "250 ok", "250 ok");
      await line.gone();
    });
    const submission = await (await opened(peer)).deliver(mail);
    expect(brief(submission)).toEqual(["failed", "data", null, "temporary"]);
    await peer.lines[0]!.gone();
    expect(peer.lines[0]!.received.toString()).toMatch(/DATA\r\n$/);
  });

  test.each([
    ["MAIL", ["421 4.3.2 closing"], "mail"],
    ["RCPT", ["250 ok", "421 4.3.2 closing"], "rcpt"],
    ["DATA", ["250 ok", "250 ok", "421 4.3.2 closing"], "data"],
  ])("421 to %s is a temporary refusal, and the connection is over", async (_, answers, step) => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await answerEnvelope(line, ...answers);
      await line.gone();
    });
    const connection = await opened(peer);
    expect(brief(await connection.deliver(mail))).toEqual(["refused", step, 421, "temporary"]);
    expect(connection.isUsable).toBe(false);
    await peer.lines[0]!.gone();
  });

  test("words beyond the answer do not undo it, but end the connection", async () => {
    const peer = await start(
      after354(async (line) => {
        await line.hearMail();
        line.say("250 ok", "250 and more");
      }),
    );
    const connection = await opened(peer);
    expect((await connection.deliver(mail)).kind).toBe("accepted");
    expect(connection.isUsable).toBe(false);
    expect(brief(await connection.deliver(mail))).toEqual(["failed", "mail", null, "temporary"]);
  });

  test("talk without end between mails ends the connection", async () => {
    const peer = await start(async (line) => {
      await welcome(line);
      await moment();
      line.sayBytes("250 hello?\r\n".repeat(100));
      await line.gone();
    });
    const connection = await opened(peer);
    await peer.lines[0]!.gone();
    expect(connection.isUsable).toBe(false);
  });
});

describe("TLS", () => {
  const startTls =
    (then: Script = async (line) => void (await line.hearLine())): Script =>
    async (line) => {
      await welcome(line, "PIPELINING", "STARTTLS");
      await line.hear("STARTTLS");
      line.say("220 go");
      await line.startTls(identity);
      await line.hear("EHLO");
      await then(line);
    };
  const secure = startTls(async (line) => {
    line.say("250-mx", "250-AUTH PLAIN LOGIN", "250 PIPELINING");
    await takeMail(line);
  });

  test("opportunistic with a stranger's certificate: the mail goes encrypted, and the certificate is told apart", async () => {
    const connection = await opened(await start(secure), { tls: "opportunistic" });
    expect(connection.peer.tls).toEqual({
      version: "TLSv1.3",
      cipher: expect.stringMatching(/^TLS_/),
      certificate: "unverified",
      reason: "DEPTH_ZERO_SELF_SIGNED_CERT",
    });
    expect((await connection.deliver(mail)).kind).toBe("accepted");
  });

  test("opportunistic with a server that offers none: in clear", async () => {
    const connection = await opened(await start((line) => welcome(line)), { tls: "opportunistic" });
    expect(connection.peer.tls).toBeNull();
  });

  test("required with a certificate we trust for this name", async () => {
    const connection = await opened(await start(secure), { tls: "required", tlsOptions: { ca: identity.cert } });
    expect(connection.peer.tls).toMatchObject({ certificate: "verified" });
    expect((await connection.deliver(mail)).kind).toBe("accepted");
  });

  test.each([
    ["nobody vouches for", {}, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["is for another name", { servername: "mx.example.net" }, "ERR_TLS_CERT_ALTNAME_INVALID"],
  ])("required with a certificate that %s: failed at starttls", async (_, tlsOptions, code) => {
    const ca = "servername" in tlsOptions ? { ca: identity.cert } : {};
    const { kind, word } = await notOpened(await start(secure), {
      tls: "required",
      tlsOptions: { ...tlsOptions, ...ca },
    });
    expect(kind).toBe("failed");
    expect(word).toMatchObject({ step: "starttls", code: null, temporary: true, text: expect.stringContaining(code) });
  });

  test("required but not offered: failed at starttls, no mail in clear", async () => {
    const peer = await start(async (line) => {
      await welcome(line, "PIPELINING");
      await line.gone();
    });
    expect((await notOpened(peer, { tls: "required" })).word).toMatchObject({ step: "starttls", code: null });
    await peer.lines[0]!.gone();
    expect(peer.lines[0]!.received.toString()).toBe("EHLO out.example.com\r\n");
  });

  test("from the first byte, for port 465; the server is asked for by name", async () => {
    let name = "";
    const peer = await start(async (line) => {
      name = await line.startTls(identity);
      await welcome(line, "PIPELINING");
      await takeMail(line);
    });
    const connection = await opened(peer, { tls: "implicit", tlsOptions: { ca: identity.cert } });
    expect(connection.peer.tls).toMatchObject({ certificate: "verified" });
    expect((await connection.deliver(mail)).kind).toBe("accepted");
    expect(name).toBe("mx.example.com");
  });

  test("from the first byte, where the server speaks in clear: failed at starttls", async () => {
    const peer = await start(async (line) => {
      line.say("220 mx");
      await line.gone();
    });
    expect((await notOpened(peer, { tls: "implicit" })).word).toMatchObject({ step: "starttls", code: null });
  });

  test("refused by the server is reported with its words, also when only opportunistic", async () => {
    const peer = await start(async (line) => {
      await welcome(line, "STARTTLS");
      await line.hear("STARTTLS");
      line.say("454 4.7.0 no TLS today");
      await line.gone();
    });
    const failure = await notOpened(peer, { tls: "opportunistic" });
    expect(failure).toMatchObject({ kind: "refused", word: { step: "starttls", code: 454, enhanced: "4.7.0" } });
  });

  test.each([
    ["a reply", "220 go\r\n250 injected\r\n"],
    ["half a reply", "220 go\r\n250-inj"],
    ["nonsense", "220 go\r\n\0\0\r\n"],
  ])("%s slipped in behind the 220 never reaches the session", async (_, said) => {
    const peer = await start(async (line) => {
      await welcome(line, "STARTTLS");
      await line.hear("STARTTLS");
      line.sayBytes(Buffer.from(said));
      await line.gone();
    });
    expect((await notOpened(peer, { tls: "opportunistic" })).word).toMatchObject({ step: "starttls", code: null });
    await peer.lines[0]!.gone();
  });

  test.each([
    ["clear text", async (line: PeerLine) => line.say("250 no TLS here")],
    ["a closed connection", async (line: PeerLine) => line.close()],
    ["silence", (line: PeerLine) => line.gone()],
  ])("%s instead of a handshake: failed at starttls", async (_, then) => {
    const peer = await start(async (line) => {
      await welcome(line, "STARTTLS");
      await line.hear("STARTTLS");
      line.say("220 go");
      await moment();
      await then(line);
    });
    const { word } = await notOpened(peer, { tls: "opportunistic", timeouts: { commandMs: A_MOMENT } });
    expect(word).toMatchObject({ step: "starttls", code: null, temporary: true });
    expect(word.text).toMatch(/^TLS failed: /);
  });

  test("the connection cut after the final dot is `unknown` here too", async () => {
    const peer = await start(
      startTls(async (line) => {
        line.say("250-mx", "250 PIPELINING");
        await answerEnvelope(line, "250 ok", "250 ok", "354 go");
        await line.hearMail();
        line.cut();
      }),
    );
    const connection = await opened(peer, { tls: "opportunistic" });
    expect(brief(await connection.deliver(mail))).toEqual(["unknown", "body", null, "temporary"]);
  });

  describe("with a password", () => {
    const auth = { user: "relay", password: "secret" };
    const asking = (answer: string, heard: string[] = []) =>
      startTls(async (line) => {
        line.say("250-mx", "250-AUTH PLAIN", "250 PIPELINING");
        heard.push(await line.hearLine());
        line.say(answer);
        await takeMail(line);
      });

    test("it is sent inside TLS, and mail follows", async () => {
      const heard: string[] = [];
      const peer = await start(asking("235 2.7.0 welcome", heard));
      const connection = await opened(peer, { tls: "required", auth, tlsOptions: { ca: identity.cert } });
      expect((await connection.deliver(mail)).kind).toBe("accepted");
      expect(heard).toEqual(["AUTH PLAIN AHJlbGF5AHNlY3JldA=="]);
    });

    test("a refusal is the server's word at auth", async () => {
      const peer = await start(asking("535 5.7.8 wrong password"));
      const failure = await notOpened(peer, { tls: "required", auth, tlsOptions: { ca: identity.cert } });
      expect(failure).toMatchObject({ kind: "refused", word: { step: "auth", code: 535, enhanced: "5.7.8" } });
    });

    test("a server nobody vouches for does not get it, though TLS is only opportunistic", async () => {
      const heard: string[] = [];
      const peer = await start(asking("235 thanks", heard));
      expect((await notOpened(peer, { tls: "opportunistic", auth })).word.step).toBe("starttls");
      expect(heard).toEqual([]);
    });

    test("a server nobody vouches for gets it when the configuration allows that", async () => {
      const peer = await start(asking("235 2.7.0 welcome"));
      const connection = await opened(peer, { tls: "required", auth, tlsOptions: { rejectUnauthorized: false } });
      expect(connection.peer.tls).toMatchObject({ certificate: "unverified" });
    });
  });
});

describe("our own bugs throw", () => {
  test("a second mail while one is under way", async () => {
    const peer = await start(after354((line) => line.gone()));
    const connection = await opened(peer);
    const first = connection.deliver(mail);
    await expect(connection.deliver(mail)).rejects.toThrow("in the middle");
    await expect(connection.close()).rejects.toThrow("in the middle");
    connection.destroy();
    await first;
  });

  test.each([
    ["an address that breaks its command", { to: "a@example.com>\r\nRCPT TO:<b@example.com" }],
    ["a mail that could end early", { bytes: Buffer.from("a\n.\r\nMAIL FROM:<>\r\n") }],
  ])("%s: nothing is sent, and the connection stays good", async (_, part) => {
    const peer = await start((line) => welcome(line, "PIPELINING"));
    const connection = await opened(peer);
    await expect(connection.deliver({ ...mail, ...part })).rejects.toThrow();
    expect(connection.isUsable).toBe(true);
    expect(peer.lines[0]!.received.toString()).toBe("EHLO out.example.com\r\n");
  });

  test("a password without TLS", async () => {
    const peer = await start((line) => welcome(line));
    await expect(open(peer, { auth: { user: "a", password: "b" } })).rejects.toThrow("only sent over TLS");
  });
});

/** Long enough for bytes on their way over loopback to arrive, or for something that must not happen to happen. */
function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 40));
}

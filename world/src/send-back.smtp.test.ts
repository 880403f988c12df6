/** What the world sends back arrives in order, is tried again when put off, and given up when refused. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { afterEach, expect, test } from "vitest";
import type { Notice } from "./notices/report.ts";
import { type SendBack, type SendBackOptions, startSendBack } from "./send-back.smtp.ts";
import { writeSelfSignedCertificate } from "./tls/self-signed-certificate.ts";

const open: { close: () => unknown }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = pair.privateKey.export({ type: "pkcs8", format: "pem" });
const cert = writeSelfSignedCertificate({
  ...pair,
  dnsNames: ["bounce.example.com"],
  notBefore: new Date("2020-01-01"),
  notAfter: new Date("2120-01-01"),
  serial: 1,
});

interface Taken {
  readonly from: string;
  readonly to: string;
  readonly text: string;
  readonly isSecure: boolean;
}

/** A server somebody else wrote. */
async function startInbound(options: SMTPServerOptions = {}): Promise<{ port: number; taken: Taken[] }> {
  const taken: Taken[] = [];
  const server = new SMTPServer({
    key,
    cert,
    authOptional: true,
    disableReverseLookup: true,
    closeTimeout: 10,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        const text = Buffer.concat(chunks).toString();
        taken.push({ from, to: rcptTo[0]?.address ?? "", text, isSecure: session.secure });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => undefined);
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  open.push({ close: async () => new Promise<void>((resolve) => server.close(resolve)) });
  return { port: (listening.address() as AddressInfo).port, taken };
}

function start(port: number, options: Partial<SendBackOptions> = {}): SendBack {
  const sendBack = startSendBack({ host: "127.0.0.1", port, retryDelaysMs: [5], ...options });
  open.push(sendBack);
  return sendBack;
}

function notice(number: number, text = "Hello"): Notice {
  return { from: "", to: `b${number}@bounce.example.com`, bytes: Buffer.from(`Subject: ${number}\r\n\r\n${text}\r\n`) };
}

function refusal(code: number): Error {
  return Object.assign(new Error("not now"), { responseCode: code });
}

test("a mail arrives as it was, from the null sender, over TLS where that is offered", async () => {
  const inbound = await startInbound();
  const sendBack = start(inbound.port);
  sendBack.send(() => notice(1, ".dots\r\n..\r\nümläut"), 0);
  await sendBack.idle();
  const text = "Subject: 1\r\n\r\n.dots\r\n..\r\nümläut\r\n";
  expect(inbound.taken).toEqual([{ from: "", to: "b1@bounce.example.com", text, isSecure: true }]);
});

test("many go over a few connections, none twice and none lost", async () => {
  const inbound = await startInbound();
  const sendBack = start(inbound.port, { connections: 3 });
  for (let number = 0; number < 300; number++) sendBack.send(() => notice(number), 0);
  await sendBack.idle();
  expect(sendBack.counts()).toEqual({ sent: 300, givenUp: 0, pending: 0 });
  expect(new Set(inbound.taken.map(({ to }) => to)).size).toBe(300);
  expect(inbound.taken).toHaveLength(300);
});

test("over one connection the order is kept", async () => {
  const inbound = await startInbound({ disabledCommands: ["STARTTLS"] });
  const sendBack = start(inbound.port, { connections: 1 });
  for (let number = 0; number < 120; number++) sendBack.send(() => notice(number), 0);
  await sendBack.idle();
  expect(inbound.taken.map(({ to }) => to)).toEqual(Array.from({ length: 120 }, (_, n) => `b${n}@bounce.example.com`));
});

test("refused with 4xx it tries again, with 5xx it gives up and keeps the words", async () => {
  let asked = 0;
  const inbound = await startInbound({
    onRcptTo: ({ address }, _session, done) => {
      asked += 1;
      if (address.startsWith("b5@")) done(refusal(550));
      else done(asked < 4 ? refusal(451) : null);
    },
  });
  const sendBack = start(inbound.port);
  sendBack.send(() => notice(4), 0);
  await sendBack.idle();
  sendBack.send(() => notice(5), 0);
  await sendBack.idle();
  expect(asked).toBe(5);
  expect(sendBack.counts()).toEqual({ sent: 1, givenUp: 1, pending: 0 });
  expect(sendBack.refusals()).toEqual([expect.stringMatching(/^550 .*not now/)]);
});

test("with nobody there it waits for somebody", async () => {
  const placeholder = createServer().listen(0, "127.0.0.1");
  await once(placeholder, "listening");
  const { port } = placeholder.address() as AddressInfo;
  placeholder.close();
  await once(placeholder, "close");
  const sendBack = start(port, { mostTries: 3 });
  sendBack.send(() => notice(1), 0);
  await sendBack.idle();
  expect(sendBack.counts()).toEqual({ sent: 0, givenUp: 1, pending: 0 });
  expect(sendBack.refusals()).toEqual(["no answer"]);
});

test("a mail that is not written after all is not pending for ever", async () => {
  const sendBack = start(1);
  sendBack.send(() => null, 1);
  expect(sendBack.counts().pending).toBe(1);
  await sendBack.idle();
  expect(sendBack.counts()).toEqual({ sent: 0, givenUp: 0, pending: 0 });
});

test("closing ends what waits, what is due and what is under way", async () => {
  const deaf = createServer().listen(0, "127.0.0.1");
  await once(deaf, "listening");
  open.push({ close: () => deaf.close() });
  const connected = once(deaf, "connection");
  const sendBack = startSendBack({ host: "127.0.0.1", port: (deaf.address() as AddressInfo).port, connections: 1 });
  for (let number = 0; number < 5; number++) sendBack.send(() => notice(number), number < 4 ? 0 : 60_000);
  await connected;
  const idle = sendBack.idle();
  await sendBack.close();
  await idle;
  expect(sendBack.counts()).toMatchObject({ sent: 0, pending: 0 });
});

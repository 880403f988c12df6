/**
 * Where every contender's mail goes, counted: Debian's `smtp-sink` in clear, and a small sink of ours with STARTTLS,
 * because `smtp-sink` has none. Its CPU is left out of everybody's account. It keeps the first mail for a look at its
 * signature when asked to; apart from that it reads nothing.
 */
import { fork, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readSync, fstatSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { writeSelfSignedCertificate } from "@roundtrip/world/tls/self-signed-certificate";

export interface Sink {
  readonly port: number;
  readonly hasTls: boolean;
  /** Mails taken so far. */
  count(): Promise<number>;
  firstMail(): Promise<Buffer | null>;
  stop(): Promise<void>;
}

const smtpSink = "/usr/sbin/smtp-sink";
const backlog = "512";

/** Debian's own. Its running counters, in a file, say how many mails it has taken. */
export async function startSmtpSink(folder: string, port: number): Promise<Sink> {
  if (!existsSync(smtpSink)) throw new Error("smtp-sink is missing: apt-get install postfix.");
  const counters = join(folder, `sink-${String(port)}`);
  const output = openSync(counters, "w+");
  const child = spawn(smtpSink, ["-u", "nobody", "-c", `127.0.0.1:${String(port)}`, backlog], {
    stdio: ["ignore", output, "inherit"],
  });
  await wait(200);
  if (child.exitCode !== null) throw new Error("smtp-sink ended at once.");
  return {
    port,
    hasTls: false,
    count: () => Promise.resolve(readCounter(output)),
    firstMail: () => Promise.resolve(null),
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      closeSync(output);
    },
  };
}

function readCounter(file: number): number {
  const tail = Buffer.alloc(200);
  const { size } = fstatSync(file);
  const length = readSync(file, tail, 0, tail.length, Math.max(0, size - tail.length));
  return Number([...tail.toString("latin1", 0, length).matchAll(/mesg=(\d+)/g)].at(-1)?.[1] ?? 0);
}

/** Ours, in a process of its own. */
export async function startTlsSink(): Promise<Sink> {
  const child = fork(import.meta.filename, ["--sink"]);
  const [port]: unknown[] = await once(child, "message");
  const ask = async (question: "count" | "mail"): Promise<unknown> => {
    child.send(question);
    const [answer]: unknown[] = await once(child, "message");
    return answer;
  };
  return {
    port: Number(port),
    hasTls: true,
    count: async () => Number(await ask("count")),
    firstMail: async () => {
      const mail = await ask("mail");
      return typeof mail === "string" ? Buffer.from(mail, "latin1") : null;
    },
    stop: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

// ---- the sink's own process -----------------------------------------------------------------------------------

const END = Buffer.from("\r\n.\r\n");
const NOTHING = Buffer.alloc(0);
let taken = 0;
let firstMail: string | null = null;

async function runSink(): Promise<void> {
  const secureContext = createSecureContext(makeCertificate());
  const server: Server = createServer({ noDelay: true }, (socket) => greet(socket, secureContext));
  server.listen({ port: 0, host: "127.0.0.1", backlog: Number(backlog) });
  await once(server, "listening");
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.(address.port);
  process.on("message", (question) => process.send?.(question === "count" ? taken : firstMail));
}

function makeCertificate(): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const cert = writeSelfSignedCertificate({
    publicKey,
    privateKey,
    dnsNames: ["sink.test"],
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
    serial: 1,
  });
  return { key: privateKey.export({ type: "pkcs8", format: "pem" }), cert };
}

function greet(socket: Socket, secureContext: SecureContext): void {
  socket.write("220 sink.test ESMTP\r\n");
  converse(socket, () => {
    const secure = new TLSSocket(socket, { isServer: true, secureContext });
    converse(secure, null);
  });
}

/** Commands may come in groups, and behind a mail's final dot (RFC 2920 §3.2). */
function converse(socket: Socket, startTls: (() => void) | null): void {
  let mail: Buffer[] | null = null;
  let held = "";
  const onData = (chunk: Buffer): void => {
    const rest = mail ? hearMail(mail, chunk) : chunk;
    if (rest === null) return;
    if (mail) socket.write("250 2.0.0 taken\r\n");
    mail = null;
    held += rest.toString("latin1");
    const lines = held.split("\r\n");
    held = lines.pop() ?? "";
    const verbs = lines.map((line) => line.slice(0, 4).toUpperCase());
    if (verbs.includes("STAR") && startTls) {
      socket.off("data", onData);
      socket.write("220 2.0.0 go\r\n");
      return startTls();
    }
    if (verbs.includes("DATA")) mail = [];
    if (verbs.length > 0) socket.write(verbs.map((verb) => answerTo(verb, startTls !== null)).join(""));
    if (verbs.includes("QUIT")) socket.end();
  };
  socket.on("data", onData);
  socket.on("error", () => socket.destroy());
}

/** Null while the mail goes on, else what came behind it. */
function hearMail(pieces: Buffer[], chunk: Buffer): Buffer | null {
  // The end may lie across two chunks; what is looked at again is the end of what came before.
  const before = pieces.at(-1)?.subarray(1 - END.length) ?? NOTHING;
  pieces.push(chunk);
  const seam = Buffer.concat([before, chunk]);
  const end = seam.indexOf(END);
  if (end === -1) return null;
  const rest = seam.subarray(end + END.length);
  if (taken === 0)
    firstMail = Buffer.concat(pieces)
      .toString("latin1")
      .slice(0, -rest.length - 3);
  taken += 1;
  return rest;
}

function answerTo(verb: string, offersTls: boolean): string {
  if (verb === "EHLO")
    return `250-sink.test\r\n250-PIPELINING\r\n${offersTls ? "250-STARTTLS\r\n" : ""}250 8BITMIME\r\n`;
  if (verb === "DATA") return "354 go\r\n";
  return verb === "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.1.0 ok\r\n";
}

if (process.argv[2] === "--sink" && process.argv[1] === import.meta.filename) await runSink();

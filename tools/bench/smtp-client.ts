/**
 * Measures the SMTP client alone: mails a second and CPU per mail over loopback, without database and signing. The sink
 * is a child process of this one, or any server named by `--to`. Run it as
 * `node tools/bench/smtp-client.ts [--to HOST:PORT] [--count N] [--size BYTES] [--connections N]`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { openConnection, type Connection } from "../../server/src/outbound/send/smtp-connection.smtp.ts";

const { values } = parseArgs({
  options: {
    to: { type: "string" },
    count: { type: "string", default: "40000" },
    size: { type: "string", default: "8192" },
    connections: { type: "string", default: "20" },
    sink: { type: "boolean", default: false },
  },
});

if (values.sink) runSink();
else await measure();

async function measure(): Promise<void> {
  const sink = values.to === undefined ? await startSink() : { to: values.to, stop: () => undefined };
  const [host = "", port = ""] = sink.to.split(":");
  const connections = await Promise.all(
    Array.from({ length: Number(values.connections) }, () => open(host, Number(port))),
  );
  await sendAll(connections, 2000);
  const count = Number(values.count);
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await sendAll(connections, count);
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await Promise.all(connections.map((connection) => connection.close()));
  sink.stop();
  console.log(
    JSON.stringify({
      sent: count,
      seconds: Number(seconds.toFixed(2)),
      perSecond: Math.round(count / seconds),
      cpuMicrosecondsPerMail: Math.round((user + system) / count),
      rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    }),
  );
}

async function open(host: string, port: number): Promise<Connection> {
  const connection = await openConnection({ host, port, ehloName: "bench.example.com", tls: "never", auth: null });
  if (connection.kind !== "open") throw new Error(connection.word.text);
  return connection;
}

async function sendAll(connections: readonly Connection[], count: number): Promise<void> {
  const bytes = writeMail(Number(values.size));
  const beforeFinalDot = async () => true;
  let begun = 0;
  const work = async (connection: Connection) => {
    while (begun < count) {
      const number = (begun += 1);
      const to = `person-${number}@example.com`;
      const end = await connection.deliver({ from: "b@example.com", to, bytes, smtpUtf8: false, beforeFinalDot });
      if (end.kind !== "accepted") throw new Error(JSON.stringify(end));
    }
  };
  await Promise.all(connections.map(work));
}

function writeMail(sizeBytes: number): Buffer {
  const line = `${"x".repeat(74)}\r\n`;
  const head = "From: b@example.com\r\nTo: a@example.com\r\nSubject: bench\r\n\r\n";
  return Buffer.from(head + line.repeat(Math.max(1, Math.ceil((sizeBytes - head.length) / line.length))));
}

async function startSink(): Promise<{ to: string; stop: () => void }> {
  const child = fork(import.meta.filename, ["--sink"]);
  const [port]: unknown[] = await once(child, "message");
  return { to: `127.0.0.1:${String(port)}`, stop: () => child.kill() };
}

function runSink(): void {
  const server = createServer({ noDelay: true }, receive).listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.(address.port);
  });
}

/** The least a server can do: it looks at how each chunk begins and ends, which is enough for this client. */
function receive(socket: Socket): void {
  socket.write("220 sink\r\n");
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => socket.write(answerTo(chunk)));
}

function answerTo(chunk: Buffer): string {
  if (chunk.subarray(-5).equals(END)) return "250 2.0.0 taken\r\n";
  if (chunk.subarray(-6).equals(DATA)) return "250 ok\r\n250 ok\r\n354 go\r\n";
  const verb = chunk.toString("latin1", 0, 4);
  if (verb === "EHLO") return "250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n";
  return verb === "QUIT" ? "221 bye\r\n" : "";
}

const END = Buffer.from("\r\n.\r\n");
const DATA = Buffer.from("DATA\r\n");

/**
 * Runs a receiving server of the miniature world in a process of its own, such as a sink that outlives what is tested
 * against it. Prints one JSON line with its ports, then serves until SIGTERM or SIGINT and prints one line of counts.
 * `node world/src/main.ts [--port N] [--host IP] [--log FILE] [--send-back HOST:PORT] [--mailbox PORT] [--no-tls]`
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import { startMailbox } from "./mailbox.http.ts";
import { startReceivingServer } from "./receiving-server.smtp.ts";

const { values } = parseArgs({
  allowNegative: true,
  options: {
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    log: { type: "string" },
    "send-back": { type: "string" },
    mailbox: { type: "string" },
    tls: { type: "boolean", default: true },
  },
});

const { host } = values;
const server = await startReceivingServer({
  host,
  port: Number(values.port),
  tls: values.tls,
  sendBack: values["send-back"] === undefined ? null : readHostPort(values["send-back"]),
  ...(values.log !== undefined && { logFile: values.log }),
});
const mailbox =
  values.mailbox === undefined
    ? null
    : await startMailbox({ mailbox: server.mailbox, host, port: Number(values.mailbox) });

// Listened for before anybody knows that we are here, so that no signal comes too early.
const ended = Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
print({ port: server.port, noStarttlsPort: server.noStarttlsPort, mailboxPort: mailbox?.port ?? null });
await ended;
const { connections, kept, recipients, messages } = server.counts();
await Promise.all([server.close(), mailbox?.close()]);
print({ connections, kept, recipients, messages });

function print(words: Readonly<Record<string, number | null>>): void {
  process.stdout.write(`${JSON.stringify(words)}\n`);
}

function readHostPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** A receiver that is killed at any moment keeps every mail it has answered 250 for, exactly once, whoever comes again how often. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, it } from "vitest";
import { useTestDatabase } from "../../server/src/testing/test-database.ts";
import { deliverRaw } from "../journeys/smtp-talk.ts";
import { end, until } from "./field.ts";

const test = useTestDatabase();
const replyAddress = "reply@mail.roundtrip.test";
/** A long run: `ROUNDTRIP_TEST_INBOUND_KILLS=200`. */
const kills = Number(process.env["ROUNDTRIP_TEST_INBOUND_KILLS"] ?? 8);
const writers = 12;

it(
  `${String(kills)} kills of the receiver while ${String(writers)} senders write and come again: every mail answered 250 is there once`,
  { timeout: 180_000 + kills * 10_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "roundtrip-inbound-"));
    const port = await findFreePort();
    const start = (): ChildProcess =>
      spawn(process.execPath, [join(import.meta.dirname, "../../server/src/cli.ts"), "start"], {
        stdio: "ignore",
        env: {
          DATABASE_URL: test.url,
          ROUNDTRIP_DATA_DIR: folder,
          ROUNDTRIP_ROLES: "receiver,worker",
          ROUNDTRIP_INBOUND_PORT: String(port),
          ROUNDTRIP_PUBLIC_URL: "https://survey.roundtrip.test",
          ROUNDTRIP_LOG_LEVEL: "fatal",
        },
      });
    const done = new AbortController();
    const answered = new Set<string>();
    let tries = 0;
    let receiver = start();
    try {
      const writing = Array.from({ length: writers }, async (_, writer) => {
        for (let n = 0; !done.signal.aborted; n += 1) {
          const name = `w${String(writer)}-${String(n)}`;
          // Comes again with the same bytes until it is told yes, as a mail server does.
          while (!answered.has(name)) {
            tries += 1;
            if ((await deliver(port, name)).startsWith("250")) answered.add(name);
            else await wait(20);
          }
        }
      });
      for (let kill = 0; kill < kills; kill += 1) {
        const before = answered.size;
        await until("mail to come in again", async () => answered.size > before + writers);
        await wait(Math.random() * 150);
        await end(receiver, "SIGKILL");
        receiver = start();
      }
      done.abort();
      await Promise.all(writing);
      const waiting = "select from inbound_mail where state = 'received'";
      await until("everything to be read", async () => (await test.database.owner.query(waiting)).rowCount === 0);
    } finally {
      await end(receiver, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
    const kept = await test.database.owner.query<{ subject: string; mails: number; replies: number }>(
      "select m.subject, count(*) as mails, count(r.id) as replies from inbound_mail m left join reply r on r.inbound_id = m.id group by m.subject",
    );
    process.stderr.write(
      `  ${String(answered.size)} mails answered 250 in ${String(tries)} tries over ${String(kills)} kills\n`,
    );
    expect(kept.rows.filter(({ mails, replies }) => mails !== 1 || replies !== 1)).toEqual([]);
    expect([...answered].filter((name) => !kept.rows.some(({ subject }) => subject === name))).toEqual([]);
    expect(tries, "some were cut off and came again").toBeGreaterThan(answered.size);
  },
);

/** "closed" while nobody listens. */
async function deliver(port: number, name: string): Promise<string> {
  const raw = `From: ${name}@writers.example\r\nSubject: ${name}\r\n\r\nHello from ${name}`;
  return deliverRaw(port, { to: replyAddress, from: `${name}@writers.example`, raw });
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const address = server.address();
  await new Promise<void>((closed) => server.close(() => closed()));
  if (address === null || typeof address === "string") throw new Error("No port was given");
  return address.port;
}

/** Feeds mail servers from Postfix's `smtp-source`, whose CPU is left out of everybody's account. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { dkimDomain, mailBytes } from "./contender.ts";

/** Resolves when the server has taken them all. */
export async function feedMails(port: number, count: number): Promise<void> {
  const options = ["-s", "20", "-l", String(mailBytes), "-m", String(count), "-f", `survey@${dkimDomain}`];
  const source = spawn(
    "/usr/sbin/smtp-source",
    [...options, "-t", "person@example.test", `127.0.0.1:${String(port)}`],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let complaint = "";
  source.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
  const [code]: unknown[] = await once(source, "exit");
  if (code !== 0) throw new Error(`smtp-source: ${complaint}`);
}

export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return address !== null && typeof address === "object" ? address.port : 0;
}

export async function untilGreets(port: number): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!(await greets(port))) {
    if (performance.now() > giveUpAt) throw new Error(`Nothing greets on port ${String(port)}.`);
    await wait(100);
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", (chunk) => {
      resolve(chunk.toString("latin1").startsWith("220"));
      socket.end("QUIT\r\n");
    });
    socket.once("error", () => resolve(false));
  });
}

/** The world runs in a process of its own, says its ports, and its log survives a kill. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { openClient } from "./smtp/client.smtp.ts";

test("runs in a process of its own, says its ports, and its witness file outlives being killed", async () => {
  const log = join(mkdtempSync(join(tmpdir(), "world-")), "arrivals.jsonl");
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "--log", log, "--mailbox", "0"]);
  const ended = once(child, "exit");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { port, mailboxPort } = JSON.parse(line) as { port: number; mailboxPort: number };
  const client = await openClient({ host: "127.0.0.1", port, name: "out.example.com", timeoutMs: 5000 });
  const bytes = Buffer.from("Message-ID: <1@example.com>\r\nSubject: hello\r\n\r\nx\r\n");
  expect((await client.deliver({ from: "", to: "anna@acme.example", bytes })).code).toBe(250);
  expect(await (await fetch(`http://127.0.0.1:${mailboxPort}/`)).text()).toContain("anna@acme.example");
  child.kill("SIGKILL");
  await ended;
  client.destroy();
  expect(JSON.parse(readFileSync(log, "utf8"))).toEqual({
    messageId: "<1@example.com>",
    recipient: "anna@acme.example",
    what: "kept",
  });
});

test("ends on SIGTERM with its counts", async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), "--no-tls"]);
  const ended = once(child, "exit");
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  child.kill("SIGTERM");
  expect(JSON.parse((await lines.next()).value ?? "")).toEqual({ connections: 0, kept: 0, recipients: 0, messages: 0 });
  expect(await ended).toEqual([0, null]);
});

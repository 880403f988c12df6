/** A mail that kills its thread costs only itself; the others are read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { startRecogniser } from "./recogniser.worker.ts";

const folder = mkdtempSync(join(tmpdir(), "recogniser-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that does to itself what the mail says. */
const hostile = join(folder, "hostile.mjs");
writeFileSync(
  hostile,
  `import { parentPort } from "node:worker_threads";
   parentPort.on("message", ({ id, bytes }) => {
     const text = Buffer.from(bytes).toString();
     if (text === "loop") for (;;);
     if (text === "throw") throw new Error("broken");
     if (text === "exit") process.exit(3);
     if (text === "fill") { const all = []; for (;;) all.push(new Array(100000).fill({}).map(() => ({}))); }
     parentPort.postMessage({ id, recognised: { kind: "other", text } });
   });
   parentPort.postMessage("ready");`,
);

test("a mail is recognised in its thread as it would be here", async () => {
  const recogniser = startRecogniser();
  try {
    const mail = readFileSync(new URL("./samples/postfix-unknown.eml", import.meta.url));
    const recognised = await recogniser.recognise(mail);
    expect(recognised).toMatchObject({
      kind: "bounce",
      date: new Date("2026-11-24T08:00:05Z"),
      recipients: [{ cause: "recipient-unknown" }],
    });
    expect(mail.length).toBeGreaterThan(0);
  } finally {
    await recogniser.close();
  }
});

test("a mail that kills its thread is unreadable with how it ended, and the others go on", async () => {
  const recogniser = startRecogniser({ program: pathToFileURL(hostile), deadlineMs: 500, memoryMb: 32, threads: 2 });
  try {
    const words = ["a", "loop", "b", "throw", "c", "exit", "d", "fill", "e"];
    const answers = await Promise.all(words.map((word) => recogniser.recognise(Buffer.from(word))));
    expect(answers.map((answer) => (answer.kind === "unreadable" ? answer.reason : answer.kind))).toEqual([
      "other",
      "took-too-long",
      "other",
      "failed: broken",
      "other",
      "thread-ended",
      "other",
      expect.stringMatching(/^took-too-(?:much-memory|long)$/),
      "other",
    ]);
  } finally {
    await recogniser.close();
  }
});

test("after closing, and of what still waits, the answer is unreadable", async () => {
  const recogniser = startRecogniser({ program: pathToFileURL(hostile), deadlineMs: 60_000 });
  const waiting = ["loop", "a"].map((word) => recogniser.recognise(Buffer.from(word)));
  await recogniser.close();
  const closed = { kind: "unreadable", reason: "closed" };
  expect(await Promise.all([...waiting, recogniser.recognise(Buffer.from("b"))])).toEqual([closed, closed, closed]);
});

/** One report that hangs, breaks or fills memory costs its own reading and nobody else's. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { startReportReader } from "./report-reader.worker.ts";

const folder = mkdtempSync(join(tmpdir(), "roundtrip-reader-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A thread that does what the first letter of its bytes says. */
const program = join(folder, "misbehaving.mjs");
writeFileSync(
  program,
  `import { parentPort } from "node:worker_threads";
  const kept = [];
  parentPort.on("message", ({ id, bytes }) => {
    const letter = String.fromCharCode(bytes[0]);
    if (letter === "h") for (;;);
    if (letter === "m") for (;;) kept.push({ more: kept.length });
    if (letter === "t") throw new Error("broken");
    if (letter === "e") process.exit(1);
    parentPort.postMessage({ id, reading: { reports: [], problems: ["not-a-report"] } });
  });`,
);

describe("the reader of reports", () => {
  it("answers each, in order, whatever became of the one before", async () => {
    const reader = startReportReader({ program: pathToFileURL(program), deadlineMs: 1500, memoryMb: 32 });
    const answers = await Promise.all([..."xhxtxexmxx"].map((letter) => reader.read(Buffer.from(letter))));
    expect(answers.flatMap(({ problems }) => problems)).toEqual([
      "not-a-report",
      "took-too-long",
      "not-a-report",
      "reader-failed",
      "not-a-report",
      "reader-failed",
      "not-a-report",
      "took-too-much-memory",
      "not-a-report",
      "not-a-report",
    ]);
    await reader.close();
  });

  it("reads one report after another in the real thread, and lists as many sources as are wanted", async () => {
    const reader = startReportReader();
    const record = (ip: string) => `<record><row><source_ip>${ip}</source_ip><count>1</count></row></record>`;
    const bytes = () => Buffer.from(`<feedback>${record("192.0.2.1")}${record("192.0.2.2")}</feedback>`);
    for (const most of [1, 2]) {
      const [report] = (await reader.read(bytes(), most)).reports;
      expect(report).toMatchObject({ sourceCount: 2, records: 2, sources: { length: most } });
    }
    await reader.close();
  });
});

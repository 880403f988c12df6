/** `roundtrip read report` answers for each file, says why one is refused, and prints nothing that a terminal would obey. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { readReportFiles } from "./read-report.files.ts";

const folder = mkdtempSync(join(tmpdir(), "roundtrip-reports-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const record = "<record><row><source_ip>192.0.2.1</source_ip><count>3</count></row></record>";
const report = `<feedback><report_metadata><org_name>ex\u009Bample.net</org_name><report_id>1</report_id></report_metadata><policy_published><domain>example.com</domain></policy_published>${record}${record}</feedback>`;
const good = write("good.xml.gz", gzipSync(report));
const cutOff = write("cut-off.xml", report.slice(0, report.indexOf("<record>") + 20));
const hostile = write("hostile.xml", `<!DOCTYPE f>${report}`);

async function read(files: readonly string[], json: boolean): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readReportFiles(files, json)) lines.push(line);
  return lines;
}

describe("read report", () => {
  it("prints one document with who reports about what, and how much", async () => {
    const [text = ""] = await read([good], true);
    expect(JSON.parse(text)).toMatchObject({
      file: good,
      type: "dmarc-report",
      ok: true,
      domain: "example.com",
      records: 2,
      messages: 6,
      incomplete: false,
      reports: [{ sourceCount: 1, sources: [{ ip: "192.0.2.1", messages: 6 }] }],
    });
  });

  it("answers for every file: refused, damaged beyond use, or not there", async () => {
    const [text = ""] = await read([hostile, cutOff, join(folder, "missing")], true);
    expect(JSON.parse(text)).toMatchObject([
      { ok: false, type: "unknown", reason: "it declares a document type (DOCTYPE), which no report needs" },
      { ok: false, type: "dmarc-report", records: 0, incomplete: true, reason: "damaged: no complete record in it" },
      { ok: false, reason: expect.stringContaining("ENOENT") },
    ]);
  });

  it("writes a line for people, without control characters", async () => {
    expect(await read([good], false)).toEqual([
      `${good}: dmarc-report of ex ample.net about example.com: 6 messages in 2 records`,
    ]);
  });
});

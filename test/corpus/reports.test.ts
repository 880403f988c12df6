/**
 * The reader of reports before a corpus of real and of hostile reports, where one lies beside the repository
 * (`../shared/corpus`). A clone without it skips this file; read-report.test.ts makes its own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readReport } from "@roundtrip/mail/report/read-report";

const corpus = new URL("../../../shared/corpus/reports/", import.meta.url);
const attacks = new URL("../../../shared/corpus/attacks/", import.meta.url);

interface Expected {
  readonly org: string;
  readonly report_id: string;
  readonly records?: number;
  readonly messages?: number;
  readonly dmarc_pass_messages?: number;
  readonly source_ips?: number;
  readonly domain?: string;
  readonly success?: number;
  readonly failure?: number;
}

/** The last column of the corpus' table, where it holds what an independent parser read. */
function readExpected(): { file: string; expected: Expected }[] {
  return readFileSync(new URL("README.md", corpus), "utf8")
    .split("\n")
    .flatMap((line) => {
      const [, file, facts] = /^\| (\S.*?) \| .*?(\{"org".*\}) \|$/.exec(line) ?? [];
      return file !== undefined && facts !== undefined ? [{ file, expected: JSON.parse(facts) as Expected }] : [];
    });
}

describe.skipIf(!existsSync(corpus))("a corpus of reports (skipped where none lies beside the repository)", () => {
  const files = (folder: string): URL[] =>
    readdirSync(new URL(`${folder}/`, corpus)).map((name) => new URL(`${folder}/${encodeURIComponent(name)}`, corpus));

  test("every report says what an independent parser read in it", async () => {
    const cases = readExpected();
    expect(cases.length).toBeGreaterThan(30);
    for (const { file, expected } of cases) {
      const { reports } = await readReport(readFileSync(new URL(encodeURI(file), corpus)));
      const [report] = reports;
      const read =
        report?.kind === "dmarc-report"
          ? {
              org: report.reporter,
              report_id: report.reportId,
              records: report.records,
              messages: report.messages,
              dmarc_pass_messages: report.passed,
              source_ips: report.sourceCount,
              domain: report.domain,
            }
          : report?.kind === "tls-report"
            ? { org: report.reporter, report_id: report.reportId, success: report.successes, failure: report.failures }
            : {};
      expect(expected, file).toMatchObject(read);
      expect(Object.keys(read).length, file).toBeGreaterThan(0);
    }
  });

  test("every other real file is of the right kind", async () => {
    for (const folder of ["dmarc-aggregate", "dmarc-failure", "tlsrpt"]) {
      const kinds = new Set<string>();
      for (const file of files(folder).filter(({ pathname }) => folder === "tlsrpt" || !/\.json$|empty/.test(pathname)))
        for (const { kind } of (await readReport(readFileSync(file))).reports) kinds.add(kind);
      const right: Readonly<Record<string, readonly string[]>> = {
        "dmarc-aggregate": ["dmarc-report"],
        "dmarc-failure": ["dmarc-failure", "complaint"],
        tlsrpt: ["tls-report"],
      };
      expect([...kinds].sort(), folder).toEqual([...(right[folder] ?? [])].sort());
    }
  });

  test("every hostile file is refused, or read as no more than it is, in less than a second", async () => {
    const verdicts: Record<string, string> = {};
    for (const file of [
      ...files("hostile"),
      ...["D12-gzip-bomb-64mib.xml.gz", "D13-billion-laughs.xml", "D14-genuine.zip", "D20-two-members.zip"].map(
        (name) => new URL(name, attacks),
      ),
    ]) {
      const start = process.cpuUsage();
      const { reports, problems } = await readReport(readFileSync(file));
      expect(process.cpuUsage(start).user, file.pathname).toBeLessThan(1_000_000);
      const flags = reports.flatMap((report) => ("flags" in report ? report.flags : []));
      verdicts[file.pathname.split("/").at(-1) ?? ""] = [String(reports.length), ...problems, ...flags].join(" ");
    }
    expect(verdicts).toEqual({
      "bad-ip.xml": "1 bad-records",
      "bomb-300MB.xml.gz": "0 too-large-when-unpacked",
      "csv-formula.xml": "1",
      "dup-id-1.xml": "1",
      "dup-id-2.xml": "1",
      "foreign-domain.xml": "1",
      "html.xml": "0 doctype",
      "many-50.zip": "20 too-many-members",
      "range-reversed.xml": "1 range-reversed",
      "range-year.xml": "1 range-long",
      "script-in-org.xml": "1",
      "tlsrpt-proto.json": "1",
      "truncated.xml": "1 damaged",
      "xxe-http.xml": "0 doctype",
      "zip-lying-size.zip": "1 damaged",
      "D12-gzip-bomb-64mib.xml.gz": "0 too-large-when-unpacked",
      "D13-billion-laughs.xml": "0 doctype",
      "D14-genuine.zip": "1",
      "D20-two-members.zip": "1 unsafe-member",
    });
  });
});

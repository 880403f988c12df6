/**
 * What a large DMARC report costs: `roundtrip read report` on 50 MB of XML with a new source in each record, bare and in
 * gzip, beside the same command on a small one. Prints CPU seconds and the most resident memory of each, and the growth.
 *
 *   node tools/run.mjs tools/bench/read-report.ts [--mb N]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

const { values } = parseArgs({ options: { mb: { type: "string", default: "50" } } });
const command = join(import.meta.dirname, "..", "..", "server", "src", "cli.ts");
/** Says at its end what the whole process, threads included, has used. */
const measure = `process.on("exit",()=>{const u=process.resourceUsage();process.stderr.write(JSON.stringify({cpu:(u.userCPUTime+u.systemCPUTime)/1e6,mib:u.maxRSS/1024}))});`;

interface Cost {
  readonly cpu: number;
  readonly mib: number;
}

const folder = mkdtempSync(join(tmpdir(), "roundtrip-report-"));
try {
  const large = writeLarge(Number(values.mb) * 1024 * 1024);
  const small = read("small.xml", Buffer.from(writeLarge(0)));
  print("small", small, small);
  print(`${values.mb} MB of XML`, read("large.xml", Buffer.from(large)), small);
  print("the same in gzip", read("large.xml.gz", gzipSync(large)), small);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function read(name: string, bytes: Buffer): Cost {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  const hook = join(folder, "measure.cjs");
  writeFileSync(hook, measure);
  const run = spawnSync(process.execPath, ["--require", hook, command, "read", "report", file], { encoding: "utf8" });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stderr.slice(run.stderr.lastIndexOf("{"))) as Cost;
}

function print(name: string, { cpu, mib }: Cost, small: Cost): void {
  const growth = `${(mib - small.mib).toFixed(0)} MiB more`;
  console.log(`${name.padEnd(20)} ${cpu.toFixed(2)} CPU s   ${mib.toFixed(0)} MiB at most, ${growth} than a small one`);
}

/** At least one record. */
function writeLarge(bytes: number): string {
  const head =
    '<?xml version="1.0"?>\n<feedback>\n <report_metadata><org_name>example.net</org_name><report_id>large</report_id><date_range><begin>1795392000</begin><end>1795478399</end></date_range></report_metadata>\n <policy_published><domain>example.com</domain><p>none</p></policy_published>\n';
  const records: string[] = [];
  for (let at = 0, length = 0; records.length === 0 || length < bytes; at += 1) {
    const ip = `10.${String((at >> 16) & 255)}.${String((at >> 8) & 255)}.${String(at & 255)}`;
    const record = ` <record>\n  <row>\n   <source_ip>${ip}</source_ip>\n   <count>4</count>\n   <policy_evaluated>\n    <disposition>none</disposition>\n    <dkim>pass</dkim>\n    <spf>fail</spf>\n   </policy_evaluated>\n  </row>\n  <identifiers>\n   <header_from>example.com</header_from>\n  </identifiers>\n  <auth_results>\n   <dkim>\n    <domain>example.com</domain>\n    <result>pass</result>\n    <selector>s${String(at % 7)}</selector>\n   </dkim>\n   <spf>\n    <domain>mail${String(at % 100)}.example.com</domain>\n    <result>softfail</result>\n   </spf>\n  </auth_results>\n </record>\n`;
    records.push(record);
    length += record.length;
  }
  return `${head}${records.join("")}</feedback>\n`;
}

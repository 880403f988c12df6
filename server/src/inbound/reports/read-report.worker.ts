/** The far side of report-reader.worker.ts: a thread that reads one report at a time. It holds nothing and is made to be killed. */
import { parentPort } from "node:worker_threads";
import { readReport } from "@roundtrip/mail/report/read-report";
import type { ReportReading } from "@roundtrip/mail/report/report";

if (parentPort === null) throw new Error("This file runs as a worker thread only.");
const port = parentPort;

interface Task {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly mostSources: number;
}

port.on("message", ({ id, bytes, mostSources }: Task) => {
  readReport(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).then(
    (reading) => port.postMessage({ id, reading: shorten(reading, mostSources) }),
    (error: unknown) => {
      throw error;
    },
  );
});
port.postMessage("ready");

/** What nobody will look at need not travel between threads. */
function shorten({ reports, problems }: ReportReading, mostSources: number): ReportReading {
  const kept = reports.map((report) =>
    report.kind === "dmarc-report" ? { ...report, sources: report.sources.slice(0, mostSources) } : report,
  );
  return { reports: kept, problems };
}

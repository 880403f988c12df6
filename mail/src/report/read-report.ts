/**
 * Reads whatever reports come as: a mail, an archive, XML or JSON, judged by its bytes and never by its name. Yields every
 * report in it and every reason why a piece was refused. Bounded by ReportLimits, which end what goes beyond them; what is
 * only damaged is read as far as it goes and says so. Touches no disk and no network; never rejects for bad bytes.
 */
import { readFeedbackReport } from "../feedback/read-arf.ts";
import { readMailboxes } from "../header-read.ts";
import { defaultMimeLimits, type MimePart, partBytes, partText, readMime, walkParts } from "../mime/read-mime.ts";
import { createAggregateReader } from "./read-aggregate.ts";
import { readFailureReport } from "./read-failure-report.ts";
import { isZip } from "./read-zip.ts";
import { readTlsReport } from "./read-tls-report.ts";
import {
  defaultReportLimits,
  type Report,
  type ReportLimits,
  ReportLimitReached,
  type ReportProblem,
  type ReportReading,
} from "./report.ts";
import { type Budget, isGzip, newBudget, type Unpacked, unpackReport } from "./unpack-report.ts";

export async function readReport(bytes: Buffer, limits: ReportLimits = defaultReportLimits): Promise<ReportReading> {
  const budget = newBudget(limits);
  const reports: Report[] = [];
  const problems = new Set<ReportProblem>();
  const note = (problem: ReportProblem): void => void problems.add(problem);
  if (bytes.length === 0) note("empty");
  else if (looksLikeMail(bytes)) await readMail(bytes, { budget, reports, note });
  else await readPiece(bytes, { budget, reports, note });
  for (const problem of budget.leftOut) note(problem);
  if (reports.length === 0 && problems.size === 0) note("not-a-report");
  return { reports, problems: [...problems] };
}

interface Reading {
  readonly budget: Budget;
  readonly reports: Report[];
  readonly note: (problem: ReportProblem) => void;
}

/** Neither packed nor XML nor JSON, but a header field or a mailbox line comes first. */
function looksLikeMail(bytes: Buffer): boolean {
  return (
    !isGzip(bytes) &&
    !isZip(bytes) &&
    /^\s{0,20}(?:>?From |[A-Za-z0-9][!-9;-~]{0,99}[ \t]{0,5}:)/.test(bytes.toString("latin1", 0, 200))
  );
}

async function readMail(bytes: Buffer, reading: Reading): Promise<void> {
  const mail = readMime(bytes, { ...defaultMimeLimits, sizeBytes: 32 * 1024 * 1024 });
  if (!mail.ok) return reading.note("unreadable-mail");
  const parts = [
    ...walkParts(mail.value, (part) => part === mail.value || !part.contentType.type.startsWith("message/")),
  ];
  const feedback = parts.find((part) => part.contentType.type === "message/feedback-report");
  if (feedback) {
    reading.reports.push(readFailureReport(readFeedbackReport(partText(feedback)), senderDomain(mail.value)));
    return;
  }
  for (const part of parts.filter(mayBeReport).slice(0, reading.budget.limits.members))
    await readPiece(partBytes(part), reading);
}

function senderDomain(mail: MimePart): string {
  return (
    readMailboxes(mail.headers.first("From") ?? "")[0]
      ?.address.split("@")
      .at(-1)
      ?.toLowerCase() ?? ""
  );
}

/** Types lie: whatever is no text to read and no multipart is looked at, and text too where it carries a report's name. */
function mayBeReport(part: MimePart): boolean {
  const { type, parameters } = part.contentType;
  if (part.children.length > 0 || type.startsWith("multipart/") || type.startsWith("image/")) return false;
  if (type !== "text/plain" && type !== "text/html") return true;
  const name = `${parameters.get("name") ?? ""} ${part.headers.first("Content-Disposition") ?? ""}`;
  return /\.(?:xml|gz|zip|json)\b/i.test(name);
}

async function readPiece(bytes: Buffer, { budget, reports, note }: Reading): Promise<void> {
  const isPacked = isGzip(bytes) || isZip(bytes);
  if (bytes.length > (isPacked ? budget.limits.packedBytes : budget.limits.unpackedBytes)) return note("too-large");
  try {
    for await (const unpacked of unpackReport(bytes, budget)) {
      const read = await readUnpacked(unpacked, budget.limits);
      if (read) reports.push(read);
      else note("not-a-report");
    }
  } catch (error) {
    if (!(error instanceof ReportLimitReached)) throw error;
    // A value without end is what a bomb unpacks to.
    note(isPacked && error.problem === "value-too-long" ? "too-large-when-unpacked" : error.problem);
  }
}

async function readUnpacked({ chunks, isDamaged }: Unpacked, limits: ReportLimits): Promise<Report | null> {
  const decode = createDecoder();
  let consumer: Consumer | null = null;
  let start = "";
  for await (const chunk of chunks) {
    const text = decode(chunk);
    if (consumer) consumer.write(text);
    else {
      start = (start + text).replace(/^[\s\uFEFF]+/, "");
      if (start === "") continue;
      consumer = startConsumer(start, limits);
      if (!consumer) return null;
    }
  }
  consumer?.write(decode(null));
  return consumer?.end(isDamaged()) ?? null;
}

interface Consumer {
  write(text: string): void;
  end(isCutOff: boolean): Report | null;
}

function startConsumer(start: string, limits: ReportLimits): Consumer | null {
  const consumer = start.startsWith("<")
    ? createAggregateReader(limits)
    : start.startsWith("{")
      ? gatherJson(limits)
      : null;
  consumer?.write(start);
  return consumer;
}

function gatherJson(limits: ReportLimits): Consumer {
  const pieces: string[] = [];
  let length = 0;
  return {
    write: (text) => {
      length += text.length;
      if (length > limits.jsonBytes) throw new ReportLimitReached("too-large-when-unpacked");
      pieces.push(text);
    },
    end: (isCutOff) => readTlsReport(pieces.join(""), isCutOff, limits),
  };
}

/** By byte order mark or by what the XML declaration says; UTF-8 else. Null ends the text. */
function createDecoder(): (chunk: Buffer | null) => string {
  let decoder: TextDecoder | null = null;
  return (chunk) => {
    if (!chunk) return decoder?.decode() ?? "";
    decoder ??= new TextDecoder(findEncoding(chunk));
    return decoder.decode(chunk, { stream: true });
  };
}

function findEncoding(first: Buffer): string {
  const head = first.toString("latin1", 0, 200);
  if (head.startsWith("\xFF\xFE") || head.startsWith("<\0")) return "utf-16le";
  if (head.startsWith("\xFE\xFF") || head.startsWith("\0<")) return "utf-16be";
  const named = /^[^>]*\bencoding\s*=\s*["']([a-z0-9._-]{1,40})["']/i.exec(head)?.[1]?.toLowerCase() ?? "";
  return /^(?:iso-8859-1[0-6]?|iso-8859-[2-9]|windows-125\d|us-ascii|latin1)$/.test(named) ? named : "utf-8";
}

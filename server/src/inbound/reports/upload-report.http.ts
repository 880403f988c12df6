/**
 * The route by which a person hands in a report: `POST /status/<key>/reports`, the file as the body or in a form. The
 * secret part of the address is checked before any of the body is read. Handing one in twice counts it once.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock } from "../../ground/clock.ts";
import { type Database, inTransaction } from "../../ground/database.store.ts";
import { writePage } from "../../survey/link-pages.ts";
import type { ReportReader } from "./report-reader.worker.ts";
import { explainKept, keepReports } from "./settle-report.store.ts";

export interface UploadParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly orgId: number;
  /** The secret part of the address. */
  readonly key: string;
  readonly bounceDomain: string;
  readonly reader: ReportReader;
}

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
};
const mostBytes = 64 * 1024 * 1024;

type Keyed = { Params: { key: string } };

export function addReportUpload(app: FastifyInstance, parts: UploadParts): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: mostBytes }, (_request, body, done) =>
      done(null, body),
    );
    scope.addHook<Keyed>("onRequest", async (request, reply) => {
      if (!mayEnter(request, parts.key)) await reply.code(404).send();
    });
    scope.post<Keyed & { Body: Buffer | null }>(
      "/status/:key/reports",
      { bodyLimit: mostBytes },
      async (request, reply) => {
        const answer = await takeReport(asFile(request), parts);
        if (!request.headers.accept?.includes("text/html")) return reply.code(answer.kept > 0 ? 200 : 422).send(answer);
        if (answer.kept > 0) return reply.redirect(`/status/${parts.key}?report=read#reports`, 303);
        const paragraphs = [answer.text ?? "There is no report in it that we can use."];
        const page = writePage({ language: "en", title: "The file was not taken", paragraphs });
        return reply.code(422).headers(pageHeaders).send(page);
      },
    );
  });
}

interface UploadAnswer {
  /** Reports of this file that are counted now, whether by this upload or before. */
  readonly kept: number;
  readonly results: readonly string[];
  readonly text: string | null;
}

async function takeReport(
  bytes: Buffer,
  { reader, database, clock, orgId, bounceDomain }: UploadParts,
): Promise<UploadAnswer> {
  const digest = createHash("sha256").update(bytes).digest("hex");
  const reading = await reader.read(bytes);
  const origin = { source: "upload", inboundId: null, receivedAt: clock.now(), digest } as const;
  const { results } = await inTransaction(database.engine, (client) =>
    keepReports(client, reading, { origin, bounceDomain, onlyOrg: orgId }),
  );
  const kept = results.filter((result) => result === "kept" || result === "replaced" || result === "known").length;
  return { kept, results, text: explainKept(reading, results) };
}

/** A form is a mail in all but name: with the header of its type it is read as one. */
function asFile({ body, headers }: FastifyRequest<{ Body: Buffer | null }>): Buffer {
  const bytes = body ?? Buffer.alloc(0);
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return bytes;
  return Buffer.concat([Buffer.from(`Content-Type: ${type.replaceAll(/[\r\n]/g, " ")}\r\n\r\n`), bytes]);
}

/** The page itself, or a program; another site may make a browser post here, but not as if it came from the page. */
function mayEnter(request: FastifyRequest<Keyed>, key: string): boolean {
  const [given, expected] = [Buffer.from(request.params.key), Buffer.from(key)];
  const { origin, host, "sec-fetch-site": site } = request.headers;
  const isOwn = site === undefined ? origin === undefined || URL.parse(origin)?.host === host : site === "same-origin";
  return isOwn && given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * The status page's routes. There are no accounts yet, so the page lives under a secret address that the start prints,
 * made from the master key. Its actions (clear a flag, settle an incident, answer a reply, read mail again) are POSTs that must come from the
 * page itself; doing one twice does it once.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../ground/clock.ts";
import { type Client, type Database, inOrganisation } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import { rereadUnmatched } from "../inbound/settle/reread.store.ts";
import { answerReply } from "../inbox/answer.store.ts";
import { type Attachment, readAttachment } from "../inbox/inbox.store.ts";
import type { LatchReason } from "../ground/instance.ts";
import { continueIncident, retryAll } from "../outcome/brake/incident.store.ts";
import { takeBackComplaint } from "../outcome/complaint.store.ts";
import { clearFlag } from "../outcome/flag.store.ts";
import { writePage } from "../survey/link-pages.ts";
import type { Forecasts } from "./forecasts.ts";
import { readStatus } from "./status.store.ts";
import { writeStatusBody, writeStatusPage } from "./status-page.ts";

export interface StatusParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly orgId: number;
  /** The secret part of the address. */
  readonly key: string;
  readonly mailboxUrl: string | null;
  /** Why the sender of this very process sends nothing; what holds all senders stands in the database. */
  readonly latchedHere: () => readonly LatchReason[];
  readonly forecasts: Forecasts;
}

type Keyed = { Params: { key: string }; Querystring: { [Action in StatusAction]?: string } };
type StatusAction = "clear" | "continue" | "retry" | "answer" | "agreed" | "reread";

export function addStatusPage(app: FastifyInstance, parts: StatusParts): void {
  const mayEnter = (request: FastifyRequest<Keyed>): boolean => {
    const given = Buffer.from(request.params.key);
    const expected = Buffer.from(parts.key);
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
  const read = () =>
    inOrganisation(parts.database, parts.orgId, (client) =>
      readStatus(client, parts.orgId, {
        mailboxUrl: parts.mailboxUrl,
        here: `/status/${parts.key}`,
        latchedHere: parts.latchedHere(),
        uploadTo: `/status/${parts.key}/reports`,
        forecastOf: (roundId) => parts.forecasts.get(roundId, performance.now()),
      }),
    );

  app.get<Keyed>("/status/:key", async (request, reply) => {
    if (!mayEnter(request)) return reply.code(404).send();
    const nonce = randomBytes(16).toString("base64");
    return asHtml(reply, nonce, writeStatusPage(await read(), nonce));
  });

  app.get<Keyed>("/status/:key/live", async (request, reply) => {
    if (!mayEnter(request)) return reply.code(404).send();
    return asHtml(reply, "", writeStatusBody(await read()));
  });

  app.post<Keyed>("/status/:key", async (request, reply) => {
    if (!mayEnter(request) || !comesFromItself(request)) return reply.code(404).send();
    try {
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      await inOrganisation(parts.database, parts.orgId, (client) => act(client, parts, request.query, form));
      await rereadAsAsked(parts, request.query.reread);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const page = writePage({
        language: "en",
        title: "That was not done",
        paragraphs: [error.message, "Go back to change it."],
      });
      return asHtml(reply.code(422), "", page);
    }
    return reply.redirect(`/status/${parts.key}`, 303);
  });

  app.get<Keyed & { Params: { reply: string; position: string } }>(
    "/status/:key/attachment/:reply/:position",
    async (request, reply) => {
      if (!mayEnter(request)) return reply.code(404).send();
      const [replyId, position] = [Number(request.params.reply), Number(request.params.position)];
      if (!Number.isSafeInteger(replyId) || !(position >= 0 && position < 100)) return reply.code(404).send();
      const attachment = await inOrganisation(parts.database, parts.orgId, (client) =>
        readAttachment(client, { orgId: parts.orgId, replyId, position }),
      );
      return attachment ? asDownload(reply, attachment) : reply.code(404).send();
    },
  );
}

async function act(
  client: Client,
  { orgId, clock }: StatusParts,
  query: Keyed["Querystring"],
  form: URLSearchParams,
): Promise<void> {
  const idOf = (action: StatusAction): number | null => {
    const id = Number(query[action]);
    return Number.isSafeInteger(id) ? id : null;
  };
  const now = clock.now();
  const [employeeId, continued, mended] = [idOf("clear"), idOf("continue"), idOf("retry")];
  const [replyId, agreed] = [idOf("answer"), idOf("agreed")];
  if (employeeId !== null) await clearFlag(client, { orgId, employeeId }, "cleared on the status page", now);
  if (continued !== null) await continueIncident(client, { orgId, incidentId: continued }, now);
  if (mended !== null) await retryAll(client, { orgId, incidentId: mended }, "mended, says the status page", now);
  if (replyId !== null) await answerReply(client, { orgId, replyId, text: form.get("text") ?? "" }, now);
  if (agreed !== null) await takeBackComplaint(client, { orgId, employeeId: agreed }, form.get("reason") ?? "", now);
}

/** Reading again is the engine's work: the page's own role may change no mail. */
async function rereadAsAsked({ database, orgId }: StatusParts, asked: string | undefined): Promise<void> {
  if (asked === undefined) return;
  const id = asked === "all" ? null : Number(asked);
  if (id === null || Number.isSafeInteger(id)) await rereadUnmatched(database.engine, { orgId, id });
}

/** Bytes of a stranger: no type that a browser would open, no name but ours and what is left of theirs. */
function asDownload(reply: FastifyReply, { name, content }: Attachment): Buffer {
  void reply
    .header("content-type", "application/octet-stream")
    .header(
      "content-disposition",
      `attachment; filename="attachment"; filename*=UTF-8''${encodeURIComponent(name).replaceAll(/['()*]/g, "_")}`,
    )
    .header("cache-control", "no-store")
    .header("referrer-policy", "no-referrer")
    .header("x-content-type-options", "nosniff")
    .header("content-security-policy", "sandbox; default-src 'none'");
  return content;
}

/** Another site may make a browser post here, but it cannot make it say that the request comes from this page. */
function comesFromItself(request: FastifyRequest): boolean {
  const site = request.headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  const { origin, host } = request.headers;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

function asHtml(reply: FastifyReply, nonce: string, html: string): string {
  void reply
    .header("content-type", "text/html; charset=utf-8")
    .header("cache-control", "no-store")
    .header("referrer-policy", "no-referrer")
    .header("x-content-type-options", "nosniff")
    .header(
      "content-security-policy",
      `default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-${nonce}'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    );
  return html;
}

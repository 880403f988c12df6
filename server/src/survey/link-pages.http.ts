/**
 * What the links in a mail open. GET and HEAD never change anything, so a scanner that follows every link does no harm;
 * opting out is a POST, from the page's button or from a mail program by RFC 8058. Wrong links all get the same answer.
 * The survey's questions are not here yet: the page says so.
 */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../ground/clock.ts";
import { type Database, inTransaction } from "../ground/database.store.ts";
import { type LinkTarget, readLink } from "../ground/links.ts";
import { suppressWaiting } from "../outcome/flag.store.ts";
import { type PageText, writePage } from "./link-pages.ts";

const notFound: PageText = {
  language: "en",
  title: "This link is not valid",
  paragraphs: ["Perhaps a part of it was cut off. Open it from the mail again, or reply to the mail to ask for help."],
};
const surveyPage: PageText = {
  language: "en",
  title: "Your link works",
  paragraphs: [
    "This version of Roundtrip sends survey mail but does not show the survey's questions yet. Nothing was recorded by opening this page.",
  ],
};
const unsubscribePage: PageText = {
  language: "en",
  title: "Stop survey mail?",
  paragraphs: ["You will receive no more survey mail at this address. Nothing has changed yet."],
  button: "Stop survey mail",
};
const unsubscribedPage: PageText = {
  language: "en",
  title: "Survey mail is stopped",
  paragraphs: ["You will receive no more survey mail at this address. If this was a mistake, tell your HR team."],
};

/** Adds the pages to the web server. */
export function addLinkPages(
  app: FastifyInstance,
  parts: { database: Database; clock: Clock; linkSecret: Buffer },
): void {
  app.get<{ Params: { token: string } }>("/s/:token", async (request, reply) => {
    return send(reply, readLink(request.params.token, parts.linkSecret, "survey") ? surveyPage : null);
  });
  app.get<{ Params: { token: string } }>("/u/:token", async (request, reply) => {
    return send(reply, readLink(request.params.token, parts.linkSecret, "unsubscribe") ? unsubscribePage : null);
  });
  app.post<{ Params: { token: string } }>("/u/:token", async (request, reply) => {
    const target = readLink(request.params.token, parts.linkSecret, "unsubscribe");
    if (target) await optOut(parts.database, target, parts.clock.now());
    return send(reply, target ? unsubscribedPage : null);
  });
}

async function optOut(database: Database, target: LinkTarget, now: Date): Promise<void> {
  await inTransaction(database.engine, async (client) => {
    const person = await client.query<{ id: number }>(
      `update employee e set opted_out_at = coalesce(e.opted_out_at, $3), updated_at = $3 from delivery d
       where d.org_id = $1 and d.id = $2 and e.org_id = d.org_id and e.id = d.employee_id returning e.id`,
      [target.org, target.delivery, now],
    );
    const employeeId = person.rows[0]?.id;
    if (employeeId !== undefined) await suppressWaiting(client, { orgId: target.org, employeeId }, "opted-out", now);
  });
}

function send(reply: FastifyReply, page: PageText | null): string {
  void reply
    .code(page ? 200 : 404)
    .header("content-type", "text/html; charset=utf-8")
    .header("cache-control", "no-store")
    .header("referrer-policy", "no-referrer")
    .header(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
    .header("x-content-type-options", "nosniff");
  return writePage(page ?? notFound);
}

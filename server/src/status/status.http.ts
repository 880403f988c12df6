/**
 * The status page's routes. There are no accounts yet, so the page lives under a secret address that the start prints,
 * made from the master key. Its one action, clearing a flag, is a POST that must come from the page itself.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../ground/clock.ts";
import { type Database, inOrganisation } from "../ground/database.store.ts";
import { clearFlag } from "../outcome/flag.store.ts";
import { readStatus } from "./status.store.ts";
import { writeStatusBody, writeStatusPage } from "./status-page.ts";

export interface StatusParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly orgId: number;
  /** The secret part of the address. */
  readonly key: string;
  readonly mailboxUrl: string | null;
}

type Keyed = { Params: { key: string }; Querystring: { clear?: string } };

export function addStatusPage(app: FastifyInstance, parts: StatusParts): void {
  const mayEnter = (request: FastifyRequest<Keyed>): boolean => {
    const given = Buffer.from(request.params.key);
    const expected = Buffer.from(parts.key);
    return given.length === expected.length && timingSafeEqual(given, expected);
  };
  const read = () =>
    inOrganisation(parts.database, parts.orgId, (client) => readStatus(client, parts.orgId, parts.mailboxUrl));

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
    const employeeId = Number(request.query.clear);
    if (!mayEnter(request) || !comesFromItself(request)) return reply.code(404).send();
    if (Number.isSafeInteger(employeeId)) {
      const person = { orgId: parts.orgId, employeeId };
      await inOrganisation(parts.database, parts.orgId, (client) =>
        clearFlag(client, person, "cleared on the status page", parts.clock.now()),
      );
    }
    return reply.redirect(`/status/${parts.key}`, 303);
  });
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

/**
 * A mailbox to look into: what reached the miniature world, newest first, found by recipient; one mail as text, as HTML in
 * a closed frame, its headers, its source. Read-only, server-rendered, without script. It has no login: it is for
 * loopback.
 */
import fastify, { type FastifyReply } from "fastify";
import PostalMime, { type Email } from "postal-mime";
import type { Mailbox, ReceivedMail } from "./arrivals.ts";
import {
  type ListedMail,
  type MailPage,
  PAGE_POLICY,
  writeListPage,
  writeMailPage,
  writeMissingPage,
} from "./mailbox-page.ts";

export interface MailboxOptions {
  readonly mailbox: Mailbox;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
}

export interface MailboxServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

const PAGE_SIZE = 50;
/** A header with more text than this is no subject that anybody reads. */
const SUBJECT_MAX = 300;

export async function startMailbox({ mailbox, host, port }: MailboxOptions): Promise<MailboxServer> {
  const app = makeMailbox(mailbox);
  const url = await app.listen({ host, port });
  return { port: Number(new URL(url).port || 80), close: () => app.close() };
}

/** The pages without a socket, for `inject`. */
export function makeMailbox(mailbox: Mailbox) {
  const app = fastify({ forceCloseConnections: true });

  app.addHook("onSend", async (_request, reply) => {
    reply.headers({
      "content-security-policy": PAGE_POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
  });

  app.get<{ Querystring: { recipient?: unknown; page?: unknown } }>("/", async (request, reply) => {
    const recipient = readText(request.query.recipient);
    const asked = Math.max(1, Math.trunc(Number(readText(request.query.page))) || 1);
    const { total } = mailbox.list({ recipient, skip: 0, take: 0 });
    const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
    const page = Math.min(asked, pages);
    const { mails } = mailbox.list({ recipient, skip: (page - 1) * PAGE_SIZE, take: PAGE_SIZE });
    const listed = await Promise.all(mails.map(async (mail) => listedMail(mail, await readHeader(mail))));
    return sendPage(reply, writeListPage({ mails: listed, total, recipient, page, pages }));
  });

  app.get<{ Params: { id: string } }>("/mails/:id", async (request, reply) => {
    const received = mailbox.find(Number(request.params.id));
    if (!received) return sendPage(reply.code(404), writeMissingPage());
    return sendPage(reply, writeMailPage(shownMail(received, await PostalMime.parse(received.bytes))));
  });

  app.get<{ Params: { id: string } }>("/mails/:id/source", async (request, reply) => {
    const received = mailbox.find(Number(request.params.id));
    if (!received) return sendPage(reply.code(404), writeMissingPage());
    return reply.type("text/plain; charset=utf-8").send(received.bytes);
  });

  app.setNotFoundHandler((_request, reply) => sendPage(reply.code(404), writeMissingPage()));
  return app;
}

function sendPage(reply: FastifyReply, html: string): FastifyReply {
  return reply.type("text/html; charset=utf-8").send(html);
}

/** A parameter given twice is an array, and no text. */
function readText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The header alone: a list of fifty mails needs no attachments decoded. */
async function readHeader(received: ReceivedMail): Promise<Email> {
  const end = received.bytes.indexOf("\r\n\r\n");
  return PostalMime.parse(end === -1 ? received.bytes : received.bytes.subarray(0, end + 4));
}

function listedMail(received: ReceivedMail, email: Email): ListedMail {
  const { name = "", address = "" } = email.from ?? {};
  return {
    id: received.id,
    receivedAt: received.receivedAt,
    recipient: received.rcpt.to,
    sender: name === "" ? address : name,
    subject: (email.subject ?? "").slice(0, SUBJECT_MAX).trim() || "(no subject)",
    persona: received.persona,
  };
}

function shownMail(received: ReceivedMail, email: Email): MailPage {
  const { mail, rcpt, helloName, remoteAddress, tlsVersion } = received;
  const facts: [string, string][] = [
    ["From", writePerson(email.from)],
    ["Reply-To", (email.replyTo ?? []).map(writePerson).join(", ")],
    ["To", rcpt.to],
    ["Return path", `<${mail.from}>`],
    ["Received", received.receivedAt.toUTCString()],
    ["Handed over by", `${helloName} (${remoteAddress}), ${tlsVersion ?? "in clear"}`],
    ["Size", `${received.bytes.length.toLocaleString("en")} bytes`],
    ["Persona", received.persona],
  ];
  return {
    ...listedMail(received, email),
    facts: facts.filter(([, value]) => value !== ""),
    headers: email.headers.map(({ originalKey, value }) => [originalKey, value]),
    text: email.text ?? "",
    html: email.html ?? "",
  };
}

function writePerson(person: Email["from"]): string {
  if (!person) return "";
  const address = person.address ?? "";
  return person.name === "" ? address : `${person.name} <${address}>`;
}

/** The mailbox shows every mail, harmlessly, whatever is in it. */
import { expect, test } from "vitest";
import { Arrivals } from "./arrivals.ts";
import { makeMailbox } from "./mailbox.http.ts";

const EVIL = [
  "From: =?utf-8?Q?=3Cimg_src=3Dx_onerror=3Dalert(1)=3E?= <hr@example.com>",
  "Subject: <script>alert(1)</script>",
  "Message-ID: <1@example.com>",
  'X-Evil: "><svg onload=alert(1)>',
  "MIME-Version: 1.0",
  'Content-Type: multipart/alternative; boundary="b"',
  "",
  "--b",
  "Content-Type: text/plain; charset=utf-8",
  "",
  "</pre><script>alert(2)</script>",
  "--b",
  "Content-Type: text/html; charset=utf-8",
  "",
  '<p>Hello "you"</p></iframe><script>alert(3)</script>',
  "--b--",
  "",
].join("\r\n");

function arrive(arrivals: Arrivals, to: string, bytes = EVIL): void {
  arrivals.keep({
    id: arrivals.nextId(),
    receivedAt: new Date("2026-03-02T09:00:00Z"),
    mail: {
      kind: "mail",
      from: "b@bounce.example.com",
      sizeBytes: null,
      smtpUtf8: false,
      returns: null,
      envelopeId: null,
    },
    rcpt: { kind: "rcpt", to, notify: null, originalRecipient: null },
    persona: "greylist",
    messageId: "<1@example.com>",
    helloName: "<b>out.example.com",
    remoteAddress: "127.0.0.1",
    tlsVersion: "TLSv1.3",
    bytes: Buffer.from(bytes),
  });
}

function mailboxOf(...recipients: readonly string[]) {
  const arrivals = new Arrivals({ newestMails: 1000, newestBytes: 1e9 });
  for (const recipient of recipients) arrive(arrivals, recipient);
  return makeMailbox(arrivals.mailbox);
}

async function get(app: ReturnType<typeof mailboxOf>, url: string) {
  const { statusCode, body, headers } = await app.inject({ url });
  return { status: statusCode, body, headers };
}

test("no text of a mail becomes markup of a page, and no page may run or load anything", async () => {
  const app = mailboxOf('anna"><script>@acme.example');
  for (const url of ["/", "/mails/1", '/?recipient="><script>alert(4)</script>']) {
    const { status, body, headers } = await get(app, url);
    expect(status).toBe(200);
    expect(body).not.toMatch(/<script|<svg|<img|<b>out/);
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none';/);
    expect(headers["content-security-policy"]).not.toContain("script-src");
  }
});

test("the HTML of a mail stands in a sandboxed frame with a policy that allows nothing", async () => {
  const { body } = await get(mailboxOf("anna@acme.example"), "/mails/1");
  const [, frame = ""] = /<iframe title="[^"]*" sandbox="allow-popups" srcdoc="([^"]*)"><\/iframe>/.exec(body) ?? [];
  expect(frame).toContain("default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; img-src data:");
  expect(frame.indexOf("Content-Security-Policy")).toBeLessThan(frame.indexOf("alert(3)"));
  expect(frame).toContain("&lt;p&gt;Hello &quot;you&quot;&lt;/p&gt;");
});

test("the source comes as plain text, byte for byte", async () => {
  const { body, headers } = await get(mailboxOf("anna@acme.example"), "/mails/1/source");
  expect(body).toBe(EVIL);
  expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
  expect(headers["x-content-type-options"]).toBe("nosniff");
});

test("the list is newest first, in pages, and found by any part of the recipient", async () => {
  const app = mailboxOf(...Array.from({ length: 120 }, (_, n) => `p${n}@${n % 2 === 0 ? "acme" : "other"}.example`));
  const ids = ({ body }: { body: string }) =>
    Array.from(body.matchAll(/href="\/mails\/(\d+)"/g), ([, id]) => Number(id));
  const first = await get(app, "/");
  expect(ids(first)).toEqual(Array.from({ length: 50 }, (_, n) => 120 - n));
  expect(first.body).toContain("120 mails");
  expect(first.body).toContain('href="/?recipient=&amp;page=2"');
  expect(ids(await get(app, "/?page=3"))).toEqual(Array.from({ length: 20 }, (_, n) => 20 - n));
  expect(ids(await get(app, "/?page=99"))).toHaveLength(20);
  const found = await get(app, "/?recipient=ACME&page=2");
  expect(ids(found)).toEqual(Array.from({ length: 10 }, (_, n) => 19 - 2 * n));
  expect(found.body).toContain("60 mails for “ACME”");
});

test.each(["/mails/99", "/mails/x", "/mails/99/source", "/nothing"])(
  "%s is answered with a page that says so",
  async (url) => {
    const { status, body } = await get(mailboxOf("anna@acme.example"), url);
    expect(status).toBe(404);
    expect(body).toContain("No such mail");
  },
);

test("odd parameters and broken mails make no error page", async () => {
  const arrivals = new Arrivals({ newestMails: 10, newestBytes: 1e9 });
  for (const bytes of ["", "no header", "\r\n", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x"]) {
    arrive(arrivals, "anna@acme.example", bytes);
  }
  const app = makeMailbox(arrivals.mailbox);
  for (const url of [
    "/?page=-1&page=2",
    "/?recipient=a&recipient=b",
    "/",
    "/mails/1",
    "/mails/2",
    "/mails/3",
    "/mails/4",
  ]) {
    expect((await get(app, url)).status).toBe(200);
  }
  expect((await get(app, "/")).body).toContain("(no subject)");
});

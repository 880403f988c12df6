/**
 * Reports come by mail and by upload, through the real listener and the real routes: counted once, kept apart by domain,
 * joined to our own deliveries, shown on the status page; hostile ones are kept as mail and harm nobody.
 */
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { until, useRoundtrip } from "./harness.ts";

const journey = useRoundtrip();
const day = new Date();
const begin = Math.floor(day.getTime() / 1000) - 43_200;

interface ReportFacts {
  readonly id: string;
  readonly domain?: string;
  readonly reporter?: string;
}

function report({ id, domain = "mail.roundtrip.test", reporter = "acme.test" }: ReportFacts): string {
  const row = (ip: string, count: number, dkim: string, spf: string): string =>
    `<record><row><source_ip>${ip}</source_ip><count>${String(count)}</count><policy_evaluated><disposition>none</disposition><dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row><identifiers><header_from>${domain}</header_from></identifiers></record>`;
  return `<feedback><report_metadata><org_name>${reporter}</org_name><email>dmarc@acme.test</email><report_id>${id}</report_id><date_range><begin>${String(begin)}</begin><end>${String(begin + 86_400)}</end></date_range></report_metadata><policy_published><domain>${domain}</domain><p>none</p></policy_published>${row("192.0.2.1", 90, "pass", "pass")}${row("198.51.100.7", 6, "pass", "fail")}${row("203.0.113.66", 4, "fail", "fail")}</feedback>`;
}

function mail(subject: string, content: Buffer): string {
  const lines = content.toString("base64").replaceAll(/.{76}/g, "$&\r\n");
  return `From: dmarc@acme.test\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`;
}

/** Hands one mail to the listener; returns the replies. */
async function deliver(to: string, text: string): Promise<string[]> {
  const socket = connect(journey.running.inboundPort!, "127.0.0.1");
  const replies: string[] = [];
  const steps = [
    "EHLO acme.test\r\n",
    "MAIL FROM:<dmarc@acme.test>\r\n",
    `RCPT TO:<${to}>\r\n`,
    "DATA\r\n",
    `${text}.\r\n`,
    "QUIT\r\n",
  ];
  let buffer = "";
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    buffer += chunk.toString("latin1");
    const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(buffer);
    if (!whole) continue;
    replies.push(whole[0]);
    buffer = "";
    const step = steps.shift();
    if (step === undefined) break;
    socket.write(step);
  }
  socket.destroy();
  return replies;
}

const rows = async <Row extends object>(sql: string): Promise<Row[]> =>
  (await journey.running.database.owner.query<Row>(sql)).rows;
const settled = (number: number) =>
  until(
    `${String(number)} mails to be settled`,
    async () => (await rows("select from inbound_mail where state <> 'received'")).length === number,
  );
const upload = (body: string | Buffer | FormData, headers: Record<string, string> = {}) =>
  fetch(`${journey.running.statusUrl!}/reports`, {
    method: "POST",
    body: typeof body === "string" || body instanceof FormData ? body : new Uint8Array(body),
    headers,
    redirect: "manual",
  });

beforeAll(async () => {
  await journey.importPeople("email,name\r\nanna@acme.test,Anna\r\nbo@acme.test,Bo\r\n");
  await journey.launch();
  await until(
    "both mails to be accepted",
    async () => (await rows("select from delivery where state in ('accepted', 'delivered')")).length === 2,
  );
});

describe("a report by mail", () => {
  it("to the report address is taken, read, and kept per source and day", async () => {
    const replies = await deliver(
      "dmarc@bounce.roundtrip.test",
      mail("whatever it says", gzipSync(report({ id: "one" }))),
    );
    expect(replies[2]).toMatch(/^250/);
    expect(replies[5]).toMatch(/^250/);
    await settled(1);
    const kept = await rows("select reporter, messages, passed, sources, incomplete, source from report");
    expect(kept).toEqual([
      { reporter: "acme.test", messages: 100, passed: 96, sources: 3, incomplete: false, source: "mail" },
    ]);
    const sources = await rows("select host(ip) as ip, origin, messages from report_source order by messages desc");
    expect(sources).toEqual([
      { ip: "192.0.2.1", origin: "authorised", messages: 90 },
      { ip: "198.51.100.7", origin: "forwarder", messages: 6 },
      { ip: "203.0.113.66", origin: "unknown", messages: 4 },
    ]);
  });

  it("is joined to what we sent to that receiver, per round", async () => {
    expect(await rows("select mails from report_round")).toEqual([{ mails: 2 }]);
  });

  it("that comes again is counted once; about another's domain it is shown to nobody; a hostile one is kept and says why", async () => {
    await deliver("dmarc@bounce.roundtrip.test", mail("again", gzipSync(report({ id: "one" }))));
    await deliver(
      "dmarc@bounce.roundtrip.test",
      mail("foreign", gzipSync(report({ id: "two", domain: "other.example" }))),
    );
    await deliver("dmarc@bounce.roundtrip.test", mail("bomb", gzipSync(Buffer.alloc(64 * 1024 * 1024, " "))));
    await settled(4);
    expect(await rows("select from report")).toHaveLength(1);
    const notes = await rows("select state, note, org_id from inbound_mail where state <> 'settled' order by id");
    expect(notes).toEqual([
      { state: "unmatched", note: "About something that is not ours: other.example.", org_id: null },
      { state: "unmatched", note: "Not read: too large when unpacked.", org_id: null },
    ]);
  });
});

describe("an upload", () => {
  it("as plain bytes answers a program what became of it", async () => {
    const answer = await upload(gzipSync(report({ id: "three", reporter: "&lt;script&gt;alert(1)&lt;/script&gt;" })));
    expect([answer.status, await answer.json()]).toEqual([200, { kept: 1, results: ["kept"], text: null }]);
    const again = await upload(report({ id: "three", reporter: "&lt;script&gt;alert(1)&lt;/script&gt;" }));
    expect(await again.json()).toMatchObject({ kept: 1, results: ["known"] });
  });

  it("in a form leads back to the page", async () => {
    const form = new FormData();
    form.append("report", new Blob([gzipSync(report({ id: "four" }))]), "acme.xml.gz");
    const answer = await upload(form, { accept: "text/html" });
    expect([answer.status, answer.headers.get("location")]).toEqual([
      303,
      expect.stringMatching(/report=read#reports$/),
    ]);
    expect(await rows("select from report where report_id = 'four'")).toHaveLength(1);
  });

  it("that is damaged gives way to the whole report, and not the other way round", async () => {
    const whole = report({ id: "five" });
    expect(await (await upload(whole.slice(0, -200))).json()).toMatchObject({ results: ["kept"] });
    expect(await rows("select incomplete, messages from report where report_id = 'five'")).toEqual([
      { incomplete: true, messages: 96 },
    ]);
    expect(await (await upload(whole)).json()).toMatchObject({ results: ["replaced"] });
    expect(await (await upload(whole.slice(0, -200))).json()).toMatchObject({ results: ["known"] });
    expect(await rows("select incomplete, messages from report where report_id = 'five'")).toEqual([
      { incomplete: false, messages: 100 },
    ]);
  });

  it("of secured connections, or of one failed mail, is kept with what it says", async () => {
    const tls = {
      "organization-name": "acme.test",
      "date-range": { "start-datetime": day.toISOString(), "end-datetime": day.toISOString() },
      "report-id": "tls",
      policies: [
        {
          policy: { "policy-type": "sts", "policy-domain": "bounce.roundtrip.test" },
          summary: { "total-successful-session-count": 9, "total-failure-session-count": 2 },
          "failure-details": [{ "result-type": "certificate-expired", "failed-session-count": 2 }],
        },
      ],
    };
    expect(await (await upload(JSON.stringify(tls))).json()).toMatchObject({ results: ["kept"] });
    const kept = await rows("select result, sessions, failed from report_tls order by position");
    expect(kept).toEqual([
      { result: "", sessions: 9, failed: 2 },
      { result: "certificate-expired", sessions: 0, failed: 2 },
    ]);
    const failure =
      "From: f@acme.test\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nSource-IP: 192.0.2.9\r\nOriginal-Rcpt-To: someone@acme.test\r\nReported-Domain: mail.roundtrip.test\r\n";
    expect(await (await upload(failure)).json()).toMatchObject({ results: ["kept"] });
    expect(await rows("select reporter from report where kind = 'dmarc-failure'")).toEqual([{ reporter: "acme.test" }]);
  });

  it("is refused when it is no report, is not ours, comes from another site, or does not know the address", async () => {
    expect((await upload('<!DOCTYPE f [<!ENTITY a "b">]><feedback>&a;</feedback>')).status).toBe(422);
    expect((await upload(report({ id: "six", domain: "other.example" }))).status).toBe(422);
    expect((await upload(report({ id: "seven" }), { "sec-fetch-site": "cross-site" })).status).toBe(404);
    const stranger = await fetch(journey.running.statusUrl!.replace(/[^/]+$/, "x/reports"), {
      method: "POST",
      body: "x",
    });
    expect(stranger.status).toBe(404);
  });
});

describe("the status page", () => {
  it("says what passed, from where, and who else sends, with nothing of a report taken as markup", async () => {
    const html = await (await fetch(journey.running.statusUrl!)).text();
    expect(html).toContain("Of 400 mails that claim to be ours, 384 (96%) passed");
    expect(html).toContain("over secured connections 9 times, and failed 2 times");
    expect(html).toContain("203.0.113.66");
    expect(html).toContain("&lt;script&gt;alert(1)");
    expect(html).not.toContain("<script>alert(1)");
  });
});

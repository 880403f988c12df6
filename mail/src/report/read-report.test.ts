/** Reports are read in every wrapping, damaged ones as far as they go, and hostile ones not at all. */
import { deflateRawSync, gzipSync, crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readReport } from "./read-report.ts";
import type { AggregateReport, TlsReport } from "./report.ts";

interface Record {
  readonly ip?: string;
  readonly count?: number | string;
  readonly dkim?: string;
  readonly spf?: string;
  readonly disposition?: string;
  readonly extra?: string;
}

function record({
  ip = "192.0.2.1",
  count = 1,
  dkim = "pass",
  spf = "fail",
  disposition = "none",
  extra = "",
}: Record): string {
  return `<record><row><source_ip>${ip}</source_ip><count>${String(count)}</count><policy_evaluated><disposition>${disposition}</disposition><dkim>${dkim}</dkim><spf>${spf}</spf>${extra}</policy_evaluated></row><identifiers><envelope_from>bounce.example.com</envelope_from><header_from>example.com</header_from></identifiers><auth_results><dkim><domain>example.com</domain><result>pass</result></dkim></auth_results></record>`;
}

const metadata =
  "<report_metadata><org_name>example.net</org_name><email>dmarc@example.net</email><report_id>r-1</report_id><date_range><begin>1795392000</begin><end>1795478399</end></date_range></report_metadata><policy_published><domain>Example.COM</domain><p>reject</p></policy_published>";

function aggregate(records: readonly Record[], head = '<?xml version="1.0"?><feedback>'): string {
  return `${head}${metadata}${records.map(record).join("")}</feedback>`;
}

const tls = (policies: readonly object[]): string =>
  JSON.stringify({
    "organization-name": "Example Net",
    "date-range": { "start-datetime": "2026-11-23T00:00:00Z", "end-datetime": "2026-11-23T23:59:59Z" },
    "contact-info": "tls@example.net",
    "report-id": "t-1",
    policies,
  });
const policy = (failed: number): object => ({
  policy: { "policy-type": "sts", "policy-domain": "example.com" },
  summary: { "total-successful-session-count": 10, "total-failure-session-count": failed },
  "failure-details": failed === 0 ? [] : [{ "result-type": "certificate-expired", "failed-session-count": failed }],
});

/** A zip archive of these members; `lie` writes that size instead of the true one. */
function zip(members: readonly { name: string; content: Buffer; lie?: number }[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content, lie } of members) {
    const packed = deflateRawSync(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(lie ?? content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, Buffer.from(name), packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), fields, place, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

const mail = (name: string, bytes: Buffer): Buffer =>
  Buffer.from(
    `From: dmarc@example.net\r\nTo: dmarc@bounce.example.com\r\nSubject: Report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n--x\r\nContent-Type: application/octet-stream; name="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${bytes.toString("base64").replaceAll(/.{76}/g, "$&\r\n")}\r\n--x--\r\n`,
  );

async function readOne(bytes: Buffer | string): Promise<AggregateReport> {
  const { reports, problems } = await readReport(Buffer.from(bytes));
  expect(problems).toEqual([]);
  expect(reports).toHaveLength(1);
  return reports[0] as AggregateReport;
}

const problemsOf = async (bytes: Buffer | string) => (await readReport(Buffer.from(bytes))).problems;
const oneRecord = aggregate([{ count: 3 }]);

describe("an aggregate report", () => {
  it("is added up by source address, each verdict for itself", async () => {
    const report = await readOne(
      aggregate([
        { ip: "192.0.2.1", count: 5, spf: "pass" },
        { ip: "192.0.2.1", count: 2, dkim: "fail", disposition: "reject" },
        { ip: "2001:0DB8::0:1", count: 1, extra: "<reason><type>mailing_list</type></reason>" },
      ]),
    );
    expect(report).toMatchObject({
      reporter: "example.net",
      contact: "dmarc@example.net",
      reportId: "r-1",
      domain: "example.com",
      policy: "reject",
      begin: new Date("2026-11-23T00:00:00Z"),
      records: 3,
      messages: 8,
      passed: 6,
      sourceCount: 2,
      isIncomplete: false,
      flags: [],
    });
    expect(report.sources[0]).toMatchObject({
      ip: "192.0.2.1",
      messages: 7,
      passed: 5,
      spfPassed: 5,
      rejected: 2,
      signers: ["example.com"],
    });
    expect(report.sources[1]).toMatchObject({ ip: "2001:db8::1", forwarded: 1 });
  });

  it("is known by local names, in the namespace of RFC 9990 or with prefixes", async () => {
    for (const head of ['<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">', '\uFEFF\n<feedback xmlns:xsi="x">'])
      expect((await readOne(aggregate([{ count: 3 }], head))).messages).toBe(3);
    const prefixed = oneRecord
      .replaceAll(/<(\/?)([a-z_]+)>/g, "<$1d:$2>")
      .replace("<d:feedback>", '<d:feedback xmlns:d="x">');
    expect((await readOne(prefixed)).messages).toBe(3);
  });

  it("comes bare, in gzip, in zip, in one another, as attachment, and in other encodings", async () => {
    const xml = Buffer.from(oneRecord);
    const wrappings = [
      xml,
      gzipSync(xml),
      gzipSync(gzipSync(xml)),
      zip([{ name: "a.xml", content: xml }]),
      zip([{ name: "a.xml.gz", content: gzipSync(xml) }]),
      gzipSync(zip([{ name: "a.xml", content: xml }])),
      mail("a.xml", xml),
      mail("a.xml.gz", gzipSync(xml)),
      mail("no-name-that-helps", zip([{ name: "a", content: xml }])),
      Buffer.from(`\uFEFF${oneRecord}`, "utf16le"),
    ];
    for (const bytes of wrappings) expect((await readOne(bytes)).messages).toBe(3);
    const latin = oneRecord.replace('"1.0"', '"1.0" encoding="ISO-8859-1"').replace("example.net", "B\u00FCro");
    expect((await readOne(Buffer.from(latin, "latin1"))).reporter).toBe("B\u00FCro");
  });

  it("that is damaged yields every complete record, and says that it is incomplete", async () => {
    const whole = aggregate(Array.from({ length: 50 }, (_, at) => ({ ip: `192.0.2.${String(at)}` })));
    for (const bytes of [
      Buffer.from(whole.slice(0, whole.length / 2)),
      gzipSync(whole).subarray(0, -40),
      Buffer.from(whole.replace("</auth_results></record>", "</record>")),
      zip([{ name: "a.xml", content: Buffer.from(whole), lie: 1 }]),
    ]) {
      const report = await readOne(bytes);
      expect(report.records).toBeGreaterThan(5);
      expect(report).toMatchObject({ reporter: "example.net", isIncomplete: true });
    }
  });

  it("loses only the records that make no sense", async () => {
    const bad = ["999.1.1.1", "1.2.3", "", "::g", "01.2.3.4"].map((ip) => ({ ip }));
    const report = await readOne(aggregate([...bad, { count: "-1" }, { count: "1e9" }, { count: 7 }]));
    expect(report).toMatchObject({
      records: 1,
      badRecords: 7,
      messages: 7,
      isIncomplete: true,
      flags: ["bad-records"],
    });
  });

  it("with an odd range is read, and marked", async () => {
    const withEnd = (end: string): string => oneRecord.replace("1795478399", end);
    expect((await readOne(withEnd("1795000000"))).flags).toEqual(["range-reversed"]);
    expect((await readOne(withEnd("1826928000"))).flags).toEqual(["range-long"]);
    expect((await readOne(withEnd("tomorrow"))).flags).toEqual(["range-missing"]);
  });
});

describe("a TLS report", () => {
  it("is read, with what its sender left out", async () => {
    const { reports } = await readReport(gzipSync(tls([policy(2), { policy: {}, summary: {} }])));
    expect(reports[0]).toMatchObject({
      kind: "tls-report",
      domain: "example.com",
      successes: 10,
      failures: 2,
      isIncomplete: false,
    });
    expect((reports[0] as TlsReport).policies[0]?.details).toEqual([
      { resultType: "certificate-expired", sendingIp: null, receivingHost: null, sessions: 2, reason: null },
    ]);
  });

  it("that was cut off keeps its complete policies", async () => {
    const { reports } = await readReport(Buffer.from(tls([policy(1), policy(2), policy(3)]).slice(0, -60)));
    expect(reports[0]).toMatchObject({ successes: 20, failures: 3, isIncomplete: true });
  });

  it("cannot reach into the program", async () => {
    await readReport(Buffer.from(tls([{ policy: JSON.parse('{"__proto__":{"polluted":1}}') }])));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe("a failure report", () => {
  it("is counted, without the people in it", async () => {
    const text =
      'From: "F" <f@example.net>\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\nVersion: 1\r\nAuth-Failure: dmarc\r\nOriginal-Rcpt-To: <someone@example.org>\r\nSource-IP: 192.0.2.9 (host.example)\r\nReported-Domain: example.com\r\nArrival-Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n--b--\r\n';
    const { reports } = await readReport(Buffer.from(text));
    expect(reports).toEqual([
      {
        kind: "dmarc-failure",
        reporter: "example.net",
        domain: "example.com",
        sourceIp: "192.0.2.9",
        at: new Date("2026-11-23T10:00:00Z"),
        authFailure: "dmarc",
        deliveryResult: "",
        isIncomplete: false,
      },
    ]);
    expect(JSON.stringify(reports)).not.toContain("someone");
    const complaint = await readReport(Buffer.from(text.replace("auth-failure", "abuse")));
    expect(complaint.reports[0]?.kind).toBe("complaint");
  });
});

describe("a hostile file", () => {
  it("with a document type is refused, whatever it declares", async () => {
    const entities = '<!DOCTYPE f [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>';
    expect(await problemsOf(`<?xml version="1.0"?>${entities}<feedback>&b;</feedback>`)).toEqual(["doctype"]);
    expect(
      await problemsOf(oneRecord.replace("<feedback>", '<!DOCTYPE f SYSTEM "http://192.0.2.1/x"><feedback>')),
    ).toEqual(["doctype"]);
  });

  it("that unpacks to very much is refused early, wherever the much is", async () => {
    const blanks = Buffer.alloc(64 * 1024 * 1024, " ");
    const much = Buffer.from(oneRecord.replace("</feedback>", record({}).repeat(40_000)));
    const bombs = [
      gzipSync(blanks),
      gzipSync(gzipSync(blanks)),
      gzipSync(Buffer.concat([Buffer.from("<feedback>"), blanks])),
      gzipSync(much, { level: 9 }),
      zip([{ name: "a.xml", content: blanks, lie: 10 }]),
      mail("a.xml.gz", gzipSync(blanks)),
    ];
    for (const bomb of bombs) {
      const start = process.cpuUsage();
      expect(await readReport(bomb)).toEqual({ reports: [], problems: ["too-large-when-unpacked"] });
      expect(process.cpuUsage(start).user).toBeLessThan(1_000_000);
    }
  });

  it("that hides in layers, members or depth is refused where the limit stands", async () => {
    const xml = Buffer.from(oneRecord);
    expect(await problemsOf(gzipSync(gzipSync(gzipSync(xml))))).toEqual(["packed-too-deep"]);
    expect(await problemsOf(`<feedback>${"<a>".repeat(100)}`)).toEqual(["nested-too-deep"]);
    expect(await problemsOf(`{"policies":${"[".repeat(100)}`)).toEqual(["nested-too-deep"]);
    expect(await problemsOf(`{"policies":[${"[],".repeat(600_000)}[]]}`)).toEqual(["too-many-values"]);
    expect(await problemsOf(`<feedback><a>${"x".repeat(200_000)}`)).toEqual(["value-too-long"]);
    const many = zip(Array.from({ length: 50 }, (_, at) => ({ name: `${String(at)}.xml`, content: xml })));
    const read = await readReport(many);
    expect([read.reports.length, read.problems]).toEqual([20, ["too-many-members"]]);
  });

  it("with a name that leads out of the archive loses that member only", async () => {
    const xml = Buffer.from(oneRecord);
    for (const name of ["../x.xml", "/etc/x.xml", "C:\\x.xml", "a\\..\\x.xml"]) {
      const read = await readReport(
        zip([
          { name, content: xml },
          { name: "a.xml", content: xml },
        ]),
      );
      expect([read.reports.length, read.problems]).toEqual([1, ["unsafe-member"]]);
    }
  });

  it("that is something else is no report", async () => {
    expect(await problemsOf("")).toEqual(["empty"]);
    expect(await problemsOf("<html><body>login</body></html>")).toEqual(["not-a-report"]);
    expect(await problemsOf('{"a":1}')).toEqual(["not-a-report"]);
    expect(await problemsOf("From: a@example.com\r\n\r\nHello")).toEqual(["not-a-report"]);
  });

  it("is never an exception: any bytes, and any damage to good ones", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        await readReport(Buffer.from(bytes));
      }),
      { numRuns: 200 },
    );
    const good = [
      Buffer.from(oneRecord),
      gzipSync(oneRecord),
      zip([{ name: "a", content: Buffer.from(oneRecord) }]),
      Buffer.from(tls([policy(1)])),
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...good), fc.nat(), fc.nat(255), fc.nat(), async (bytes, at, byte, cut) => {
        const damaged = Buffer.from(bytes);
        damaged[at % damaged.length] = byte;
        await readReport(damaged.subarray(0, 1 + (cut % damaged.length)));
      }),
      { numRuns: 400 },
    );
  });
});

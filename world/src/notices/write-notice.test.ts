/** Notices and replies look like those of the systems they imitate, and can be read back. */
import PostalMime, { type Email } from "postal-mime";
import { describe, expect, test } from "vitest";
import type { ReceivedMail } from "../arrivals.ts";
import type { NoticeKind } from "../personas.ts";
import { readFieldAddress, readOriginal } from "./original.ts";
import { writeNotice } from "./write-notice.ts";

const ORIGINAL = [
  'From: "HR via Roundtrip" <survey@surveys.example.com>',
  "Reply-To: <answers@surveys.example.com>",
  "To: <anna.berg@acme.example>",
  "Subject: =?utf-8?Q?Wie_geht_es_Ihnen=3F?=",
  "Message-ID:",
  " <m1@surveys.example.com>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=utf-8",
  "",
  "Bitte antworten Sie bis Freitag: ümläut",
  "",
].join("\r\n");

function received(changes: { mail?: object; rcpt?: object; bytes?: Buffer } = {}): ReceivedMail {
  const from = "b7@bounce.example.com";
  const mail = { kind: "mail", from, sizeBytes: null, smtpUtf8: false, returns: null, envelopeId: null } as const;
  const rcpt = { kind: "rcpt", to: "anna.berg@acme.example", notify: null, originalRecipient: null } as const;
  return {
    id: 7,
    receivedAt: new Date("2026-03-02T09:00:00Z"),
    mail: { ...mail, ...changes.mail },
    rcpt: { ...rcpt, ...changes.rcpt },
    persona: "accepts",
    messageId: "<m1@surveys.example.com>",
    helloName: "out.example.com",
    remoteAddress: "127.0.0.1",
    tlsVersion: null,
    bytes: changes.bytes ?? Buffer.from(ORIGINAL),
  };
}

const now = new Date("2026-03-02T09:05:00Z");

function write(kind: NoticeKind, mail = received()) {
  return writeNotice(kind, { received: mail, now, token: "t-7-0" }, { text: "Zeile eins\nZeile zwei", tongue: "de" });
}

async function read(kind: NoticeKind, mail = received()): Promise<{ to: string; from: string; email: Email }> {
  const notice = write(kind, mail);
  if (!notice) throw new Error("There is no notice.");
  const options = { forceRfc822Attachments: true, attachmentEncoding: "utf8" } as const;
  return { ...notice, email: await PostalMime.parse(notice.bytes, options) };
}

/** The fields of the machine-readable part, as text. */
function statusOf(email: Email): string {
  const part = email.attachments.find(({ mimeType }) => mimeType.endsWith("delivery-status"));
  return typeof part?.content === "string" ? part.content : "";
}

function returnedOf(email: Email): { type: string; text: string } {
  const part = email.attachments.find(({ mimeType }) => /rfc822/.test(mimeType));
  return { type: part?.mimeType ?? "", text: typeof part?.content === "string" ? part.content : "" };
}

function headerOf(email: Email, name: string): string | undefined {
  return email.headers.find(({ key }) => key === name)?.value;
}

describe("delivery reports", () => {
  test.each([
    ["bounce", {}, "failed", "5.1.1"],
    ["delayed", {}, "delayed", "4.4.1"],
    ["delivered", { notify: ["success"] }, "delivered", "2.0.0"],
    ["bounce-exchange", {}, "failed", "5.1.10"],
  ] as const)(
    "%s goes from nobody to the return path, and machines can read it",
    async (kind, rcpt, action, status) => {
      const mail = received({ mail: { envelopeId: "round-7" }, rcpt });
      const { from, to, email } = await read(kind, mail);
      expect({ from, to }).toEqual({ from: "", to: "b7@bounce.example.com" });
      expect(headerOf(email, "auto-submitted")).toBe("auto-replied");
      expect(headerOf(email, "content-type")).toContain("report-type=delivery-status");
      expect(statusOf(email)).toMatch(
        new RegExp(`Action: ${action}\r?\nStatus: ${status.replaceAll(".", "\\.")}\r?\n`),
      );
      expect(statusOf(email)).toMatch(/Original-Envelope-Id: round-7\r?\nReporting-MTA: dns; ?mx\.acme\.example\r?\n/);
      expect(statusOf(email)).toMatch(/\r?\n\r?\nFinal-Recipient: rfc822; ?anna\.berg@acme\.example\r?\n/);
      expect(returnedOf(email).text).toContain("<m1@surveys.example.com>");
    },
  );

  test("a Postfix bounce returns the whole mail, or the header where RET=HDRS asked for that", async () => {
    const whole = returnedOf((await read("bounce")).email);
    expect(whole).toMatchObject({ type: "message/rfc822", text: expect.stringContaining("ümläut") });
    const header = returnedOf((await read("bounce", received({ mail: { returns: "headers" } }))).email);
    expect(header).toMatchObject({ type: "text/rfc822-headers", text: expect.not.stringContaining("ümläut") });
  });

  test("an Exchange report has words for people in text and HTML", async () => {
    const { email } = await read("bounce-exchange", received({ rcpt: { to: "o'neil@acme.example" } }));
    expect(email.subject).toBe("Undeliverable: Wie geht es Ihnen?");
    expect(email.text).toContain("Your message to o'neil@acme.example could not be delivered.");
    expect(email.html).toContain("<b>acme.example</b>");
  });

  test("NOTIFY is obeyed, and a mail without return path is never reported on (RFC 3461 §4.1, RFC 5321 §4.5.5)", () => {
    const never = received({ rcpt: { notify: ["never"] } });
    const onlySuccess = received({ rcpt: { notify: ["success"] } });
    const nobody = received({ mail: { from: "" } });
    for (const kind of ["bounce", "bounce-exchange", "delayed"] as const) {
      expect([write(kind, never), write(kind, onlySuccess), write(kind, nobody)]).toEqual([null, null, null]);
    }
    expect(write("delivered")).toBeNull();
    expect(write("delivered", onlySuccess)).not.toBeNull();
  });

  test("an address beyond ASCII is reported as RFC 6533 §3 says", async () => {
    const { email } = await read("bounce", received({ rcpt: { to: "søren@acme.example" } }));
    expect(headerOf(email, "content-type")).toContain("report-type=global-delivery-status");
    expect(statusOf(email)).toContain("Final-Recipient: utf-8; søren@acme.example");
  });
});

describe("answers", () => {
  test("a vacation program answers the return path from nobody (RFC 3834 §3, §4)", async () => {
    const { from, to, email } = await read("vacation");
    expect({ from, to }).toEqual({ from: "", to: "b7@bounce.example.com" });
    expect(email.subject).toBe("Auto: Wie geht es Ihnen?");
    expect(headerOf(email, "auto-submitted")).toBe("auto-replied (vacation)");
    expect(email.inReplyTo).toBe("<m1@surveys.example.com>");
    expect(email.text).toContain("nicht im Büro");
    expect(write("vacation", received({ mail: { from: "" } }))).toBeNull();
  });

  test("the Exchange one answers Reply-To", async () => {
    const { from, to, email } = await read("vacation-exchange");
    expect({ from, to }).toEqual({ from: "", to: "answers@surveys.example.com" });
    expect(email.subject).toBe("Automatische Antwort: Wie geht es Ihnen?");
    expect(headerOf(email, "x-auto-response-suppress")).toBe("All");
  });

  test("who has left says so", async () => {
    expect((await read("left-company")).email.text).toContain("nicht mehr im Unternehmen");
  });

  test("a person answers Reply-To under their own name, in the thread, with the mail quoted below", async () => {
    const { from, to, email } = await read("human-reply");
    expect({ from, to }).toEqual({ from: "anna.berg@acme.example", to: "answers@surveys.example.com" });
    expect(email.from?.address).toBe("anna.berg@acme.example");
    expect(email.subject).toBe("Re: Wie geht es Ihnen?");
    expect(email.inReplyTo).toBe("<m1@surveys.example.com>");
    expect(headerOf(email, "references")).toBe("<m1@surveys.example.com>");
    expect(headerOf(email, "auto-submitted")).toBeUndefined();
    expect(email.text).toMatch(/\?[^]*answers@surveys\.example\.com schrieb:\n> Zeile eins\n> Zeile zwei\n$/);
    expect(email.html).toContain("<blockquote");
  });

  test("a mail that names nobody is answered by nobody", () => {
    const bytes = Buffer.from("Subject: x\r\n\r\ny\r\n");
    expect(write("human-reply", received({ bytes }))).toBeNull();
    expect(write("vacation-exchange", received({ bytes }))).toBeNull();
  });
});

test("header fields are found whatever their case and folding, and nowhere but in the header", () => {
  const { field } = readOriginal(Buffer.from("SUBJECT: a\r\n b\r\nX-Subject: c\r\n\r\nFrom: <d@example.com>\r\n"));
  expect(field("Subject")).toBe("a b");
  expect(field("From")).toBeNull();
  expect(readFieldAddress('"Berg, <A>" <a@example.com>')).toBe("a@example.com");
  expect(readFieldAddress("a@example.com")).toBe("a@example.com");
  expect(readFieldAddress("a@example.com, b@example.com")).toBeNull();
});

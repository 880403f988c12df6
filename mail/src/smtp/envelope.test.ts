/** The MAIL and RCPT that leave, the mails that cannot, and the addresses that must not. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_CAPABILITIES } from "./capabilities.ts";
import { refuseUnsent, writeMail, writeRcpt, type Envelope } from "./envelope.ts";

const all = { ...NO_CAPABILITIES, size: 10_000, eightBitMime: true, smtpUtf8: true, dsn: true };
const envelope: Envelope = {
  from: "b+1@bounce.example.com",
  to: "ana@example.com",
  sizeBytes: 8192,
  isEightBit: false,
  smtpUtf8: false,
};
const dsn = { notify: ["success", "failure"], returns: "headers", envelopeId: "a+b=c d" } as const;

describe("writes", () => {
  test("no parameter that is not offered or not needed", () => {
    expect(writeMail({ ...envelope, dsn }, NO_CAPABILITIES)).toBe("MAIL FROM:<b+1@bounce.example.com>\r\n");
    expect(writeRcpt({ ...envelope, dsn }, NO_CAPABILITIES)).toBe("RCPT TO:<ana@example.com>\r\n");
    expect(writeMail(envelope, all)).toBe("MAIL FROM:<b+1@bounce.example.com> SIZE=8192\r\n");
  });

  test("every parameter that is", () => {
    const full = { ...envelope, to: "josé@example.com", isEightBit: true, smtpUtf8: true, dsn };
    expect(writeMail(full, all)).toBe(
      "MAIL FROM:<b+1@bounce.example.com> SIZE=8192 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+2Bb+3Dc+20d\r\n",
    );
    expect(writeRcpt(full, all)).toBe("RCPT TO:<josé@example.com> NOTIFY=SUCCESS,FAILURE\r\n");
  });

  test("the original recipient as xtext, and NEVER alone", () => {
    const tagged = { ...envelope, to: "a+b=c@example.com", dsn: { ...dsn, notify: "never" as const } };
    expect(writeRcpt(tagged, all)).toBe(
      "RCPT TO:<a+b=c@example.com> NOTIFY=NEVER ORCPT=rfc822;a+2Bb+3Dc@example.com\r\n",
    );
  });

  test("the null reverse-path", () => {
    expect(writeMail({ ...envelope, from: "" }, NO_CAPABILITIES)).toBe("MAIL FROM:<>\r\n");
  });
});

describe("refuses unsent", () => {
  test("nothing that fits", () => {
    expect(refuseUnsent(envelope, all)).toBeNull();
    expect(refuseUnsent({ ...envelope, sizeBytes: 10_000 }, all)).toBeNull();
    expect(refuseUnsent({ ...envelope, sizeBytes: 1e9 }, { ...all, size: null })).toBeNull();
    expect(refuseUnsent({ ...envelope, sizeBytes: 1e9 }, { ...all, size: Infinity })).toBeNull();
  });

  test.each([
    ["more bytes than the server takes", { sizeBytes: 10_001 }, all, "5.3.4"],
    ["an address beyond ASCII without SMTPUTF8", { smtpUtf8: true }, { ...all, smtpUtf8: false }, "5.6.7"],
    ["8-bit text without 8BITMIME", { isEightBit: true }, { ...all, eightBitMime: false }, "5.6.3"],
  ])("%s", (_, part, offer, enhanced) => {
    const word = refuseUnsent({ ...envelope, ...part }, offer);
    expect(word).toMatchObject({ step: "mail", code: null, enhanced, temporary: false });
  });
});

describe("throws for", () => {
  test.each(["a@example.com>\r\nDATA", "a b@example.com", "a\0@example.com", "<a@example.com>", "a\n@b", "a\x7f@b"])(
    "%j as sender or recipient",
    (address) => {
      expect(() => writeMail({ ...envelope, from: address, smtpUtf8: true }, all)).toThrow("envelope");
      expect(() => writeRcpt({ ...envelope, to: address, smtpUtf8: true }, all)).toThrow("envelope");
    },
  );

  test("no recipient, an address beyond ASCII that nobody announced, half a character", () => {
    expect(() => writeRcpt({ ...envelope, to: "" }, all)).toThrow("recipient");
    expect(() => writeRcpt({ ...envelope, to: "josé@example.com" }, all)).toThrow("SMTPUTF8");
    expect(() => writeRcpt({ ...envelope, to: "\ud800@example.com", smtpUtf8: true }, all)).toThrow("Unicode");
  });

  test.each(["a\r\nb", "é", "", "x".repeat(101)])("the envelope id %j", (envelopeId) => {
    expect(() => writeMail({ ...envelope, dsn: { ...dsn, envelopeId } }, all)).toThrow("ENVID");
  });

  test("an empty list of notices", () => {
    expect(() => writeRcpt({ ...envelope, dsn: { ...dsn, notify: [] } }, all)).toThrow("NOTIFY");
  });
});

test("whatever the address, what is written is one command with one path, or it throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (to) => {
      let written: string;
      try {
        written = writeRcpt({ ...envelope, to, smtpUtf8: true }, all);
      } catch {
        return;
      }
      expect(written).toMatch(/^RCPT TO:<[^\0-\x20<>]+>\r\n$/u);
    }),
  );
});

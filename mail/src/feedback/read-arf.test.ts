/** Abuse reports are read; what is not one is told apart. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readFeedbackReport } from "./read-arf.ts";

test("a complaint says its kind, its recipients and where the mail came from", () => {
  const report = readFeedbackReport(
    "Feedback-Type: Abuse\r\nUser-Agent: Loop/1.0\r\nVersion: 1\r\nOriginal-Mail-From: <b1@bounce.example.com>\r\n" +
      "Original-Rcpt-To: <a@example.org>\r\nOriginal-Rcpt-To: b@example.org\r\nSource-IP: 192.0.2.1\r\nReported-Domain: example.com\r\n",
  );
  expect(report).toMatchObject({
    feedbackType: "abuse",
    originalRecipients: ["a@example.org", "b@example.org"],
    sourceIp: "192.0.2.1",
    reportedDomains: ["example.com"],
    originalEnvelopeId: null,
  });
});

test("folded fields are whole, unknown ones are kept", () => {
  const report = readFeedbackReport("Authentication-Results: mx.example.org;\n dmarc=fail\nX-New: 1\n");
  expect(report.fields.get("authentication-results")).toEqual(["mx.example.org; dmarc=fail"]);
  expect(report.fields.get("x-new")).toEqual(["1"]);
  expect(report.feedbackType).toBe("");
});

test("any text at all is read", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => typeof readFeedbackReport(text).feedbackType === "string"),
  );
});

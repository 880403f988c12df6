/** Delivery reports are read whatever their shape, and what they do not say is not made up. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readDeliveryReport } from "./read-dsn.ts";
import { readXtext } from "./xtext.ts";

const postfix = `Reporting-MTA: dns; mx.example.org
X-Postfix-Queue-ID: 4F5D61A2B3
Original-Envelope-Id: QQ+3D1+2B2
Arrival-Date: Tue, 24 Nov 2026 09:00:00 +0100 (CET)

Final-Recipient: rfc822; Anna.Berg@acme.example
Original-Recipient: rfc822;anna.berg@acme.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.acme.example
Diagnostic-Code: smtp; 550 5.1.1 <anna.berg@acme.example>: Recipient address
    rejected: User unknown

Final-Recipient: rfc822; bo@acme.example
Action: delayed
Status: 4.4.1 (no answer)
Will-Retry-Until: Sun, 29 Nov 2026 09:00:00 +0100
X-Odd: kept
`;

describe("a report as Postfix writes it", () => {
  const report = readDeliveryReport(postfix);

  test("says who reports, when, and under which envelope id", () => {
    expect(report.reportingMta).toEqual({ type: "dns", text: "mx.example.org" });
    expect(report.originalEnvelopeId).toBe("QQ=1+2");
    expect(report.arrivalDate).toBe("Tue, 24 Nov 2026 09:00:00 +0100 (CET)");
    expect(report.otherFields).toEqual([{ name: "X-Postfix-Queue-ID", value: "4F5D61A2B3" }]);
  });

  test("says of each recipient what happened, in the server's words", () => {
    expect(report.recipients).toHaveLength(2);
    expect(report.recipients[0]).toEqual({
      finalRecipient: { type: "rfc822", text: "Anna.Berg@acme.example" },
      originalRecipient: { type: "rfc822", text: "anna.berg@acme.example" },
      action: "failed",
      status: "5.1.1",
      remoteMta: { type: "dns", text: "mail.acme.example" },
      diagnosticCode: {
        type: "smtp",
        text: "550 5.1.1 <anna.berg@acme.example>: Recipient address\nrejected: User unknown",
      },
      lastAttempt: null,
      willRetryUntil: null,
      otherFields: [],
    });
    expect(report.recipients[1]).toMatchObject({
      action: "delayed",
      status: "4.4.1",
      otherFields: [{ name: "X-Odd", value: "kept" }],
    });
  });
});

describe("reports that lost their shape", () => {
  const addresses = (text: string): unknown[] =>
    readDeliveryReport(text).recipients.map((one) => one.finalRecipient?.text);

  test("recipients run together are told apart by Final-Recipient", () => {
    const text =
      "Final-Recipient: rfc822;a@x.example\nAction: failed\nFinal-Recipient: rfc822;b@x.example\nAction: failed\n";
    expect(addresses(text)).toEqual(["a@x.example", "b@x.example"]);
  });

  test("an empty line within a recipient does not make two of him", () => {
    const report = readDeliveryReport("Final-Recipient: rfc822;a@x.example\n\nAction: failed\nStatus: 5.2.2\n");
    expect(report.recipients).toHaveLength(1);
    expect(report.recipients[0]).toMatchObject({ action: "failed", status: "5.2.2" });
  });

  test("one block for all, CRLF, other letter cases, brackets, comments and source routes", () => {
    const text = "REPORTING-MTA: dns;x\r\nfinal-recipient: RFC822; <a@x.example> (ours)\r\naction: Failed (bad)\r\n";
    expect(readDeliveryReport(text)).toMatchObject({
      recipients: [{ finalRecipient: { text: "a@x.example" }, action: "failed" }],
    });
    expect(addresses("Final-Recipient: rfc822;@relay.example:a@x.example\n")).toEqual(["a@x.example"]);
  });

  test("an internationalised address is decoded", () => {
    expect(addresses("Final-Recipient: utf-8; j\\x{F6}rg@x.example\n")).toEqual(["jörg@x.example"]);
    expect(addresses("Final-Recipient: utf-8; jörg@x.example\n")).toEqual(["jörg@x.example"]);
  });

  test("a word that is no action and a number that is no status are kept, not believed", () => {
    const [recipient] = readDeliveryReport(
      "Final-Recipient: rfc822;a@x.example\nAction: exploded\nStatus: 9.9\n",
    ).recipients;
    expect(recipient).toMatchObject({ action: null, status: null });
    expect(recipient?.otherFields.map((field) => field.value)).toEqual(["exploded", "9.9"]);
  });

  test("a text that is no report names nobody", () => {
    expect(readDeliveryReport("Dear all,\n\nsee you: tomorrow\n").recipients).toEqual([]);
  });
});

test("xtext: two hex digits after a plus, anything else as written", () => {
  expect(readXtext("a+2Bb+3D+zz+")).toBe("a+b=+zz+");
});

test("no text makes the reader throw, and no recipient is made up", () => {
  const line = fc.constantFrom(
    "Final-Recipient: rfc822; a@x.example",
    "Action: failed",
    "Status: 5.1.1",
    "",
    " folded",
    "noise",
    "Reporting-MTA: dns; x",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 30 }), (lines) => {
      const { recipients } = readDeliveryReport(lines.join("\n"));
      expect(recipients.length).toBeLessThanOrEqual(lines.filter((text) => text.includes(":")).length);
    }),
  );
});

/** Sources and receivers get the one name that can be told of them. */
import type { ReportedSource } from "@roundtrip/mail/report/report";
import { describe, expect, it } from "vitest";
import { nameSource, receiverOfHost, receiverOfReporter } from "./known-source.ts";

const source = (facts: Partial<ReportedSource>): ReportedSource => ({
  ip: "192.0.2.1",
  records: 1,
  messages: 10,
  passed: 0,
  dkimPassed: 0,
  spfPassed: 0,
  quarantined: 0,
  rejected: 0,
  forwarded: 0,
  signers: [],
  envelopeFrom: [],
  envelopeTo: [],
  ...facts,
});

describe("a source", () => {
  it("is ours by its address, even where nothing passed", () => {
    expect(nameSource(source({}), new Set(["192.0.2.1"]))).toBe("ours");
  });

  it("is a forwarder when our signature held and our SPF record does not list it", () => {
    expect(nameSource(source({ passed: 9, dkimPassed: 9 }), new Set())).toBe("forwarder");
    expect(nameSource(source({ passed: 9, dkimPassed: 9, spfPassed: 9 }), new Set())).toBe("authorised");
  });

  it("is Amazon for us only when what it sends passes as ours", () => {
    const signers = ["amazonses.com"];
    expect(nameSource(source({ passed: 9, dkimPassed: 9, signers }), new Set())).toBe("ses");
    expect(nameSource(source({ signers, envelopeFrom: ["eu-west-1.amazonses.com"] }), new Set())).toBe("unknown");
  });

  it("is unknown where nothing vouches for it, whatever a receiver says of forwarding", () => {
    expect(nameSource(source({ forwarded: 10 }), new Set())).toBe("unknown");
  });
});

describe("a receiver", () => {
  it("has the same name by its reports and by its servers", () => {
    expect(receiverOfReporter("google.com", "noreply-dmarc-support@google.com")).toBe(
      receiverOfHost("gmail-smtp-in.l.google.com"),
    );
    expect(receiverOfReporter("Enterprise Outlook", "dmarcreport@microsoft.com")).toBe(
      receiverOfHost("acme-test.mail.protection.outlook.com"),
    );
    expect(receiverOfReporter("Acme", "postmaster@mail.acme.test")).toBe(receiverOfHost("mx1.acme.test"));
    expect(receiverOfReporter("Somebody", "")).toBe("somebody");
  });
});

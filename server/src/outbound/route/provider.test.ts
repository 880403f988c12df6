/** Who runs a domain's mail, told by the names of its mail hosts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findProvider } from "./provider.ts";

describe("a domain's mail hosts name its provider", () => {
  it.each([
    [["example-com.mail.protection.outlook.com"], "microsoft"],
    [["example-com.p-v1.mx.microsoft"], "microsoft"],
    [["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "google"],
    [["ASPMX.L.GOOGLE.COM."], "google"],
    [["eu-smtp-inbound-1.mimecast.com"], "mimecast"],
    [["mxa-00000000.gslb.pphosted.com"], "proofpoint"],
    [["d1.ess.de.barracudanetworks.com"], "barracuda"],
    [["mx1.hc1.iphmx.com"], "cisco"],
    [["mta5.am0.yahoodns.net"], "yahoo"],
    [["mx01.mail.icloud.com"], "apple"],
    [["inbound-smtp.eu-west-1.amazonaws.com"], "ses"],
  ])("%j: %s", (hosts, provider) => {
    expect(findProvider(hosts)).toBe(provider);
  });

  it("a gateway wins over a mailbox provider, wherever it stands", () => {
    expect(findProvider(["aspmx.l.google.com", "us-smtp-inbound-1.mimecast.com"])).toBe("mimecast");
  });

  it("a suffix counts at the boundary of a label only", () => {
    expect(findProvider(["mx.notgoogle.com"])).toBe("own:notgoogle.com");
    expect(findProvider(["mx.google.com.example.org"])).toBe("own:example.org");
  });

  it("an own server goes by its registrable domain, also under suffixes of two labels", () => {
    expect(findProvider(["mx1.mail.example.com"])).toBe("own:example.com");
    expect(findProvider(["mx1.company.co.uk"])).toBe("own:company.co.uk");
    expect(findProvider(["mx.localdomain"])).toBe("own:mx.localdomain");
  });

  it("is one word for any names", () => {
    fc.assert(
      fc.property(fc.array(fc.domain()), (hosts) => {
        expect(findProvider(hosts)).toMatch(/^(own:\S*|[a-z-]+)$/);
      }),
    );
  });
});

/** What a mail host must show, decided from what is known about it; and what it means when it cannot. */
import { describe, expect, it } from "vitest";
import { findCause } from "../../outcome/cause/find-cause.ts";
import { decideTls, explainTlsBreach, type TlsWishes } from "./tls-policy.ts";

const enforce = { mode: "enforce", mx: ["mx.example.com"], maxAgeSeconds: 60 } as const;
const record = { usage: 3, selector: 1, matchingType: 1, association: Buffer.alloc(32) };
const pinned = { kind: "records", usable: [record], baseName: "mx.example.com" } as const;
const useless = { kind: "records", usable: [], baseName: "mx.example.com" } as const;
const nothing: TlsWishes = { sts: null, tlsa: { kind: "none" }, isTlsRequired: false };

describe("a mail host", () => {
  it.each([
    ["of which nothing is known: TLS where it is offered", {}, "opportunistic"],
    ["under a policy that is only tested: the same", { sts: { ...enforce, mode: "testing" } }, "opportunistic"],
    ["that an MTA-STS policy names: a valid certificate", { sts: enforce }, "certificate"],
    ["that it does not name: no mail", { sts: { ...enforce, mx: ["other.example.com"] } }, "excluded"],
    [
      "that it does not name, though DANE vouches for it: no mail",
      { sts: { ...enforce, mx: [] }, tlsa: pinned },
      "excluded",
    ],
    ["with usable TLSA records: these, also beside an MTA-STS policy", { sts: enforce, tlsa: pinned }, "dane"],
    ["with TLSA records nobody can use: TLS with anybody", { tlsa: useless }, "encrypted"],
    ["with such records under an MTA-STS policy: a valid certificate", { sts: enforce, tlsa: useless }, "certificate"],
    ["whose TLSA records cannot be looked up: no mail", { tlsa: { kind: "unknown", why: "silence" } }, "excluded"],
    ["of a domain on our own list: a valid certificate", { isTlsRequired: true }, "certificate"],
    ["of such a domain with TLSA records: these", { isTlsRequired: true, tlsa: pinned }, "dane"],
  ] as const)("%s", (_, wishes, kind) => {
    expect(decideTls("mx.example.com", { ...nothing, ...wishes }).kind).toBe(kind);
  });
});

describe("a policy that was not met", () => {
  it.each([
    ["TLS failed: certificate has expired (CERT_HAS_EXPIRED)"],
    ["TLS failed: self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)"],
    ["TLS failed: unable to verify the first certificate (UNABLE_TO_VERIFY_LEAF_SIGNATURE)"],
    [
      "TLS failed: Hostname/IP does not match certificate's altnames: Host: mailbox-full.example. is not in the cert's altnames: DNS:user-unknown.example (ERR_TLS_CERT_ALTNAME_INVALID)",
    ],
    ["TLS failed: wrong version number (ERR_SSL_WRONG_VERSION_NUMBER)"],
    ["TLS failed: Nothing came within 300 seconds"],
    ["The server does not offer STARTTLS, and without TLS nothing may be sent"],
    ["the server said 454 4.7.0 TLS not available due to temporary reason"],
    ["the server said 550 5.1.1 user unknown"],
    ["this mail server is not among those it names"],
    ["its certificate fits none of its TLSA records"],
  ])("puts the mail off and is nobody's address: %s", (why) => {
    for (const source of ["MTA-STS policy", "DANE records", "rule of our own"] as const) {
      const word = explainTlsBreach(source, why);
      const verdict = findCause({ ...word, code: null, remoteHost: "mx.example.com" });
      expect(verdict).toMatchObject({ cause: "tls-failed", permanent: false, fault: "their-system" });
    }
  });
});

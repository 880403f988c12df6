/** The certificate made at start is one that TLS accepts and OpenSSL can read. */
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { writeSelfSignedCertificate } from "./self-signed-certificate.ts";

test("what is written reads as a valid certificate for its names, signed by its own key", () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = writeSelfSignedCertificate({
    ...pair,
    dnsNames: ["mx.world.example", "localhost"],
    notBefore: new Date("2026-01-01T00:00:00Z"),
    notAfter: new Date("2036-01-01T00:00:00Z"),
    serial: 1,
  });
  const certificate = new X509Certificate(pem);
  expect(certificate.verify(pair.publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(pair.privateKey)).toBe(true);
  expect(certificate.checkHost("localhost")).toBe("localhost");
  expect(certificate.subject).toBe("CN=mx.world.example");
  expect(certificate.validFromDate.toISOString()).toBe("2026-01-01T00:00:00.000Z");
  expect(certificate.validToDate.toISOString()).toBe("2036-01-01T00:00:00.000Z");
});

/**
 * Writes a self-signed certificate (RFC 5280 §4.1, ECDSA with SHA-256 by RFC 5758 §3.2) for a server that nobody needs to
 * trust, such as a mail server of the miniature world, which is met with opportunistic TLS. No key of ours lies in the
 * repository that way. It is no certificate authority and knows no extension but subjectAltName.
 */
import { type KeyObject, sign } from "node:crypto";

export interface CertificateWish {
  /** A P-256 pair. */
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** The first is the common name; all are alternative names. */
  readonly dnsNames: readonly [string, ...string[]];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** 1 to 127. */
  readonly serial: number;
}

/** The certificate as PEM. */
export function writeSelfSignedCertificate(wish: CertificateWish): string {
  const body = sequence(
    tagged(0xa0, integer(2)),
    integer(wish.serial),
    ECDSA_WITH_SHA256,
    commonName(wish.dnsNames[0]),
    sequence(generalizedTime(wish.notBefore), generalizedTime(wish.notAfter)),
    commonName(wish.dnsNames[0]),
    wish.publicKey.export({ type: "spki", format: "der" }),
    tagged(0xa3, sequence(alternativeNames(wish.dnsNames))),
  );
  const signature = sign("sha256", body, wish.privateKey);
  const certificate = sequence(body, ECDSA_WITH_SHA256, bitString(signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

function commonName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(oid("550403"), tagged(0x0c, Buffer.from(name)))));
}

function alternativeNames(names: readonly string[]): Buffer {
  const list = sequence(...names.map((name) => tagged(0x82, Buffer.from(name))));
  return sequence(oid("551d11"), tagged(0x04, list));
}

function generalizedTime(date: Date): Buffer {
  return tagged(0x18, Buffer.from(date.toISOString().replaceAll(/\.\d+|[-:T]/g, "")));
}

function bitString(bytes: Buffer): Buffer {
  return tagged(0x03, Buffer.from([0]), bytes);
}

function integer(value: number): Buffer {
  return tagged(0x02, Buffer.from([value]));
}

/** An object identifier by its encoded content in hex. */
function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts);
}

/** DER: tag, length, content. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.from([tag, size]), content]);
  const length = size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const ECDSA_WITH_SHA256 = sequence(oid("2a8648ce3d040302"));

/** A certificate authority for one test file, made by the openssl command: nothing of it lies in the repository. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Identity {
  readonly key: string;
  /** PEM; the authority's own certificate follows, as servers send it. */
  readonly cert: string;
  readonly certificate: X509Certificate;
}

export interface Authority {
  readonly pem: string;
  readonly certificate: X509Certificate;
  issue(...names: readonly string[]): Identity;
}

export function makeAuthority(name: string): Authority {
  return inFolder((folder) => {
    const [key, cert] = [join(folder, "ca.key"), join(folder, "ca.pem")];
    openssl("req", "-x509", ...newKey(key), "-days", "30", "-subj", `/CN=${name}`, "-out", cert);
    const [keyPem, pem] = [readFileSync(key, "utf8"), readFileSync(cert, "utf8")];
    return { pem, certificate: new X509Certificate(pem), issue: (...names) => issue(names, { key: keyPem, pem }) };
  });
}

/** Nobody vouches for it but itself. */
export function makeSelfSigned(name: string): Identity {
  return inFolder((folder) => {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    openssl("req", "-x509", ...newKey(key), "-days", "30", ...names, "-out", cert);
    return readIdentity(key, readFileSync(cert, "utf8"), "");
  });
}

function issue(names: readonly string[], authority: { readonly key: string; readonly pem: string }): Identity {
  return inFolder((folder) => {
    const file = (name: string): string => join(folder, name);
    writeFileSync(file("ca.key"), authority.key);
    writeFileSync(file("ca.pem"), authority.pem);
    writeFileSync(
      file("names"),
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\nbasicConstraints=CA:FALSE\n`,
    );
    openssl("req", "-new", ...newKey(file("key.pem")), "-subj", `/CN=${names[0] ?? ""}`, "-out", file("request.pem"));
    const by = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-set_serial", String(Date.now())];
    openssl(
      "x509",
      "-req",
      "-in",
      file("request.pem"),
      ...by,
      "-days",
      "20",
      "-extfile",
      file("names"),
      "-out",
      file("cert.pem"),
    );
    return readIdentity(file("key.pem"), readFileSync(file("cert.pem"), "utf8"), authority.pem);
  });
}

function readIdentity(keyFile: string, own: string, chain: string): Identity {
  return { key: readFileSync(keyFile, "utf8"), cert: own + chain, certificate: new X509Certificate(own) };
}

function newKey(file: string): readonly string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file];
}

function openssl(...words: readonly string[]): void {
  execFileSync("openssl", words, { stdio: "ignore" });
}

function inFolder<Value>(work: (folder: string) => Value): Value {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-authority-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

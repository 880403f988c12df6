/** Signatures hold before an independent verifier, break when anything signed is changed, and bad keys are named. */
import { generateKeyPairSync } from "node:crypto";
import * as fc from "fast-check";
import { dkimVerify } from "mailauth";
import { describe, expect, test } from "vitest";
import { readAddress } from "../address.ts";
import { writeDate, writeListUnsubscribe, writeMailbox, writeText, type HeaderField } from "../header.ts";
import { compileMessage } from "../message/compile-message.ts";
import { fillMessage } from "../message/fill-message.ts";
import { wireBytes, type Message } from "../message/message.ts";
import type { Result } from "../result.ts";
import { writeDkimRecord, writeTxtStrings } from "./dkim-record.ts";
import { generateDkimKey } from "./generate-dkim-key.ts";
import { createDkimSigner, explainDkimKeyProblem, type DkimSettings } from "./sign-dkim.ts";

const keys = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ed25519: generateKeyPairSync("ed25519"),
};
const signedAt = new Date("2026-11-24T08:00:00Z");
const DAY_MS = 86_400_000;

function value<Value, Problem>(result: Result<Value, Problem>): Value {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

function signer(kind: keyof typeof keys, settings: Partial<DkimSettings> = {}) {
  const names = { domain: "example.com", selector: "rt2026a" };
  return value(
    createDkimSigner({ ...names, privateKey: keys[kind].privateKey, expiresAfterMs: 10 * DAY_MS, ...settings }),
  );
}

async function signed(message: Message, kind: keyof typeof keys, settings?: Partial<DkimSettings>): Promise<Message> {
  return { ...message, headers: [await signer(kind, settings).sign(message, signedAt), ...message.headers] };
}

async function verdict(wire: Buffer | string, kind: keyof typeof keys, curTime = signedAt) {
  const record = writeDkimRecord(keys[kind].publicKey);
  const { results } = await dkimVerify(wire, { resolver: async () => [[record]], strict: true, curTime });
  return results.map((result) => result.status.result);
}

function surveyMail(subject = "Ihre Umfrage für März"): Message {
  const ana = value(readAddress("ana@example.org"));
  const survey = value(readAddress("survey@example.com"));
  const compiled = compileMessage({
    headers: [
      value(writeMailbox("From", survey, "Survey via Org, Inc.")),
      value(writeMailbox("Reply-To", survey)),
      value(writeText("Auto-Submitted", "auto-generated")),
    ],
    subject: [subject],
    text: ["Hello ", { slot: "name" }, ",\n\nplease answer.\n"],
    html: ["<p>Hello ", { slot: "name" }, ",</p>\n  <p>please   answer.</p>\n\n\n"],
  });
  return fillMessage(value(compiled), {
    headers: [
      value(writeMailbox("To", ana, "Ána Exämple with a rather long name that has to be folded")),
      writeDate(signedAt),
      { name: "Message-ID", value: "<k3j5h2g7f9d1@example.com>" },
      ...value(writeListUnsubscribe("https://s.example.com/u/k3j5h2g7f9d1")),
    ],
    values: { name: "Ána" },
    seed: "k3j5h2g7f9d1",
  });
}

function plainMail(headers: readonly HeaderField[], body: string): Message {
  return {
    headers: [{ name: "From", value: "a@example.com" }, ...headers],
    contentHeaders: [],
    body: Buffer.from(body),
  };
}

describe.each(["rsa", "ed25519"] as const)("%s signatures", (kind) => {
  test.each([
    ["a survey mail", surveyMail()],
    ["an empty body", plainMail([], "")],
    ["a body of blank lines", plainMail([], "\r\n \r\n\r\n")],
    ["a body with trailing blanks and no last line break", plainMail([], "a \t \r\n\t b\r\n\r\nc ")],
    ["folded headers", plainMail([{ name: "Subject", value: "one\r\n \t two\r\n  three \t" }], "x\r\n")],
    ["an empty subject", plainMail([{ name: "Subject", value: "" }], "x\r\n")],
    ["8-bit names", plainMail([{ name: "To", value: "Zoë\u00a0 <josé@example.org>" }], "ü\r\n")],
    [
      "mixed-case names",
      plainMail(
        [
          { name: "sUBJECT", value: "x" },
          { name: "list-ID", value: "<a.b>" },
        ],
        "x\r\n",
      ),
    ],
    [
      "equal names twice",
      plainMail(
        [
          { name: "Reply-To", value: "a@example.com" },
          { name: "Reply-To", value: "b@example.com" },
        ],
        "x\r\n",
      ),
    ],
  ])("verify for %s", async (_, message) => {
    expect(await verdict(wireBytes(await signed(message, kind)), kind)).toEqual(["pass"]);
  });

  test("verify for any fields and body", async () => {
    const blanks = fc.constantFrom(" ", "\t", "\r\n ", "\r\n\t", "  ");
    const word = fc.string({ unit: fc.constantFrom("a", "é", "=", ";", ":", "x"), minLength: 1, maxLength: 6 });
    const text = fc.array(fc.tuple(word, blanks), { maxLength: 6 }).map((pairs) => `${pairs.flat().join("")}z`);
    const field = fc.record({ name: fc.constantFrom("Subject", "To", "List-Id", "X-Other", "CC"), value: text });
    const body = fc.string({ unit: fc.constantFrom("a", " ", "\t", "\r\n", "ß", "="), maxLength: 60, size: "max" });
    await fc.assert(
      fc.asyncProperty(fc.array(field, { maxLength: 5 }), body, async (headers, content) => {
        expect(await verdict(wireBytes(await signed(plainMail(headers, content), kind)), kind)).toEqual(["pass"]);
      }),
      { numRuns: 100 },
    );
  });

  test("the same message at the same time gets the same signature", async () => {
    expect(await signer(kind).sign(surveyMail(), signedAt)).toEqual(await signer(kind).sign(surveyMail(), signedAt));
  });

  test.each([
    ["please answer", "please Answer"],
    ["<k3j5h2g7f9d1@", "<k3j5h2g7f9d2@"],
    ["ana@example.org", "eve@example.org"],
    ["Survey via Org, Inc.", "Survey via Org, Inc,"],
    ["u/k3j5h2g7f9d1>", "u/k3j5h2g7f9d2>"],
    ["text/plain", "text/plaim"],
    ["t=1", "t=2"],
  ])("turning %s into %s breaks them", async (from, to) => {
    const wire = wireBytes(await signed(surveyMail(), kind)).toString("latin1");
    expect(wire).toContain(from);
    expect(await verdict(Buffer.from(wire.replace(from, to), "latin1"), kind)).not.toContain("pass");
  });

  test.each(["From", "Subject", "To", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"])(
    "a second %s breaks them, above or below",
    async (name) => {
      const mail = await signed(surveyMail(), kind);
      const added = { name, value: "added" };
      const [signature, ...rest] = mail.headers;
      for (const headers of [
        [added, ...mail.headers],
        [signature!, ...rest, added],
      ]) {
        expect(await verdict(wireBytes({ ...mail, headers }), kind)).not.toContain("pass");
      }
    },
  );

  test("a first Reply-To breaks them, where there was none", async () => {
    const mail = await signed(plainMail([], "x\r\n"), kind);
    const headers = [...mail.headers, { name: "Reply-To", value: "eve@example.net" }];
    expect(await verdict(wireBytes({ ...mail, headers }), kind)).not.toContain("pass");
  });

  test("they end when they say", async () => {
    const wire = wireBytes(await signed(surveyMail(), kind));
    expect(await verdict(wire, kind, new Date(signedAt.getTime() + 10 * DAY_MS - 1000))).toEqual(["pass"]);
    expect(await verdict(wire, kind, new Date(signedAt.getTime() + 10 * DAY_MS + 1000))).not.toContain("pass");
  });
});

describe("the field", () => {
  test("names the fields it signs, with no l=, in lines of at most 76", async () => {
    const { value: field } = await signer("rsa").sign(surveyMail(), signedAt);
    expect(
      field
        .replaceAll("\r\n ", " ")
        .replaceAll(": ", ":")
        .replace(/; bh=.*$/, ""),
    ).toBe(
      "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=rt2026a; t=1795507200; x=1796371200; " +
        "h=from:from:to:to:subject:subject:date:date:message-id:message-id:reply-to:reply-to:" +
        "list-unsubscribe:list-unsubscribe:list-unsubscribe-post:list-unsubscribe-post:" +
        "mime-version:content-type:auto-submitted",
    );
    for (const line of `DKIM-Signature: ${field}`.split("\r\n")) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("leaves out what must never be signed, and takes in what is asked for", async () => {
    const settings = { neverSign: ["Message-ID", "Date", "Return-Path"], signHeaders: ["X-Round"] };
    const mail = surveyMail();
    const marked = await signed(
      { ...mail, headers: [...mail.headers, { name: "X-Round", value: "7" }] },
      "rsa",
      settings,
    );
    const names = /h=([^;]*);/.exec(marked.headers[0]!.value)![1]!.replaceAll(/\s/g, "").split(":");
    expect(names).not.toContain("date");
    expect(names).not.toContain("message-id");
    expect(names).toContain("x-round");
    const rewritten = wireBytes(marked)
      .toString("latin1")
      .replace(/^Message-ID: .*$/m, "Message-ID: <x@example.net>");
    expect(await verdict(Buffer.from(rewritten, "latin1"), "rsa")).toEqual(["pass"]);
  });

  test("an international domain becomes A-labels", () => {
    expect(signer("rsa", { domain: "Bücher.example" }).domain).toBe("xn--bcher-kva.example");
  });

  test("both algorithms can sign one message", async () => {
    const mail = surveyMail();
    const fields = await Promise.all([
      signer("rsa").sign(mail, signedAt),
      signer("ed25519", { selector: "ed" }).sign(mail, signedAt),
    ]);
    const records = { "rt2026a._domainkey.example.com": keys.rsa, "ed._domainkey.example.com": keys.ed25519 };
    const { results } = await dkimVerify(wireBytes({ ...mail, headers: [...fields, ...mail.headers] }), {
      resolver: async (name: string) => [[writeDkimRecord(records[name as keyof typeof records].publicKey)]],
      strict: true,
      curTime: signedAt,
    });
    expect(results.map((result) => result.status.result)).toEqual(["pass", "pass"]);
  });
});

describe("keys", () => {
  const pem = keys.rsa.privateKey.export({ type: "pkcs8", format: "pem" });
  const encrypted = { cipher: "aes-256-cbc", passphrase: "x", format: "pem" } as const;
  test.each([
    ["nothing", "", "not-a-key"],
    ["words", "hello", "not-a-key"],
    ["a PEM cut short", pem.slice(0, 400), "not-a-key"],
    ["an encrypted PKCS #8 key", keys.rsa.privateKey.export({ type: "pkcs8", ...encrypted }), "encrypted"],
    ["an encrypted PKCS #1 key", keys.rsa.privateKey.export({ type: "pkcs1", ...encrypted }), "encrypted"],
    ["a public PEM", keys.rsa.publicKey.export({ type: "spki", format: "pem" }), "public-key"],
    ["a public KeyObject", keys.rsa.publicKey, "public-key"],
    ["an elliptic-curve key", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, "wrong-type"],
    ["an RSA-PSS key", generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey, "wrong-type"],
    ["RSA of 1024 bits", generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey, "too-short"],
  ] as const)("%s is refused with its own word", (_, privateKey, problem) => {
    const settings = { domain: "example.com", selector: "s", privateKey, expiresAfterMs: DAY_MS };
    expect(createDkimSigner(settings)).toEqual({ ok: false, error: problem });
    expect(explainDkimKeyProblem(problem)).toMatch(/^[A-Z].*: .*\.$/);
  });

  test.each([
    [{ domain: "not a domain" }, "bad-domain"],
    [{ domain: "localhost" }, "bad-domain"],
    [{ selector: "" }, "bad-selector"],
    [{ selector: "a b" }, "bad-selector"],
    [{ selector: "a;d=example.net" }, "bad-selector"],
  ])("%j is refused as %s", (names, problem) => {
    const settings = { domain: "example.com", selector: "s", privateKey: pem, expiresAfterMs: DAY_MS, ...names };
    expect(createDkimSigner(settings)).toEqual({ ok: false, error: problem });
  });

  test("PEM in PKCS #1 and PKCS #8 are both taken", () => {
    expect(signer("rsa", { privateKey: pem }).algorithm).toBe("rsa-sha256");
    const pkcs1 = keys.rsa.privateKey.export({ type: "pkcs1", format: "pem" });
    expect(signer("rsa", { privateKey: pkcs1 }).algorithm).toBe("rsa-sha256");
  });

  test.each(["rsa", "ed25519"] as const)("a generated %s key signs, and its record verifies", async (kind) => {
    const { privateKeyPem, record } = await generateDkimKey(kind);
    const wire = wireBytes(await signed(surveyMail(), kind, { privateKey: privateKeyPem }));
    const { results } = await dkimVerify(wire, { resolver: async () => [[record]], strict: true, curTime: signedAt });
    expect(results[0]?.status.result).toBe("pass");
    expect(writeDkimRecord(privateKeyPem)).toBe(record);
  });

  test("a long record is written as strings of at most 255", () => {
    const record = writeDkimRecord(keys.rsa.publicKey);
    const strings = writeTxtStrings(record)
      .split(' "')
      .map((string) => string.replaceAll('"', ""));
    expect(strings.length).toBe(2);
    expect(strings.join("")).toBe(record);
    for (const string of strings) expect(string.length).toBeLessThanOrEqual(255);
  });
});

describe("never unsigned", () => {
  test("a message without From throws", async () => {
    const message = { headers: [{ name: "To", value: "a@example.com" }], contentHeaders: [], body: Buffer.from("x") };
    await expect(signer("rsa").sign(message, signedAt)).rejects.toThrow("without From");
  });

  test("an invalid date throws", async () => {
    await expect(signer("rsa").sign(surveyMail(), new Date(Number.NaN))).rejects.toThrow("valid date");
  });

  test("settings that leave From out, or last no time, throw", () => {
    expect(() => signer("rsa", { neverSign: ["FROM"] })).toThrow("always signs From");
    expect(() => signer("rsa", { expiresAfterMs: 0 })).toThrow("last");
    expect(() => signer("rsa", { expiresAfterMs: Number.NaN })).toThrow("last");
  });
});

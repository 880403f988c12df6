/** Our DKIM signatures before a verifier from another hand: python3-dkim accepts what we sign, and nothing that was changed since. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readAddress } from "@roundtrip/mail/address";
import { writeDkimRecord } from "@roundtrip/mail/dkim/dkim-record";
import { createDkimSigner } from "@roundtrip/mail/dkim/sign-dkim";
import { writeDate, writeListUnsubscribe, writeMailbox } from "@roundtrip/mail/header";
import { compileMessage } from "@roundtrip/mail/message/compile-message";
import { fillMessage } from "@roundtrip/mail/message/fill-message";
import { wireBytes, type Message } from "@roundtrip/mail/message/message";
import type { Result } from "@roundtrip/mail/result";
import { verifyWithPython } from "./python-dkim.ts";

const keys = { rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }), ed25519: generateKeyPairSync("ed25519") };
/** That verifier reads the real clock, so signatures are made now. */
const signedAt = new Date();

describe.each(["rsa", "ed25519"] as const)("python3-dkim accepts %s signatures", (kind) => {
  test("of survey mail, empty bodies, trailing blanks, folded fields, equal names and 8-bit names", async () => {
    const mails = [
      surveyMail(),
      plainMail("Subject: x", ""),
      plainMail("Subject: x", "\r\n\r\n"),
      plainMail("Subject: x", "a \t \r\n\t b\r\n\r\nc \r\n\r\n\r\n"),
      plainMail("Subject: one\r\n \t two\r\n  three", "x\r\n"),
      plainMail("Reply-To: a@example.com\nReply-To: b@example.com", "x\r\n"),
      plainMail("To: Zoë <josé@example.org>", "ü\r\n"),
    ];
    expect(verdicts(kind, await Promise.all(mails.map((mail) => signed(kind, mail))))).toEqual(mails.map(() => true));
  });

  test("and refuses the same mail with a byte changed or a field added", async () => {
    const wire = (await signed(kind, surveyMail())).toString("latin1");
    const [signature = "", rest = ""] = wire.split(/(?<=\r\n)(?=From: )/);
    const changed = [
      wire.replace("please answer", "please Answer"),
      wire.replace("ana@example.org", "eve@example.org"),
      `${signature}From: eve@example.net\r\n${rest}`,
      `${signature}Subject: another\r\n${rest}`,
    ];
    const answers = verdicts(
      kind,
      changed.map((text) => Buffer.from(text, "latin1")),
    );
    expect(answers).toHaveLength(changed.length);
    expect(answers).not.toContain(true);
  });
});

function verdicts(kind: keyof typeof keys, mails: readonly Buffer[]): unknown[] {
  return verifyWithPython(mails, { "rt2026a._domainkey.example.com": writeDkimRecord(keys[kind].publicKey) });
}

async function signed(kind: keyof typeof keys, message: Message): Promise<Buffer> {
  const { privateKey } = keys[kind];
  const names = { domain: "example.com", selector: "rt2026a" };
  const signer = value(createDkimSigner({ ...names, privateKey, expiresAfterMs: 10 * 86_400_000 }));
  return wireBytes({ ...message, headers: [await signer.sign(message, signedAt), ...message.headers] });
}

function surveyMail(): Message {
  const survey = value(readAddress("survey@example.com"));
  const compiled = compileMessage({
    headers: [value(writeMailbox("From", survey, "Survey via Org, Inc."))],
    subject: ["Ihre Umfrage für ", { slot: "name" }],
    text: ["Hello ", { slot: "name" }, ",\n\nplease answer.\n"],
    html: ["<p>Hello ", { slot: "name" }, ",</p>\n  <p>please   answer.</p>\n\n\n"],
  });
  return fillMessage(value(compiled), {
    headers: [
      value(writeMailbox("To", value(readAddress("ana@example.org")), "Ána Exämple with a name that has to be folded")),
      writeDate(signedAt),
      ...value(writeListUnsubscribe("https://s.example.com/u/k3j5h2g7f9d1")),
    ],
    values: { name: "Ána" },
    seed: "k3j5h2g7f9d1",
  });
}

function plainMail(fields: string, body: string): Message {
  const headers = ["From: a@example.com", ...fields.split(/(?<!\r)\n/)].map((line) => {
    const [name = "", ...rest] = line.split(": ");
    return { name, value: rest.join(": ") };
  });
  return { headers, contentHeaders: [], body: Buffer.from(body) };
}

function value<Value, Problem>(result: Result<Value, Problem>): Value {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

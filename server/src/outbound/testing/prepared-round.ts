/** A prepared round with keys of its own, for tests that send without the whole program. */
import { readAddress } from "@roundtrip/mail/address";
import { generateDkimKey } from "@roundtrip/mail/dkim/generate-dkim-key";
import { createDkimSigner, type DkimSigner } from "@roundtrip/mail/dkim/sign-dkim";
import { prepareMessage } from "../message/prepare-message.ts";
import { writeStandingHeaders } from "../message/standing-headers.ts";
import type { PreparedRound } from "../outbound.ts";

let signer: Promise<DkimSigner> | undefined;

export async function preparedForTests(orgId: number, roundId: number): Promise<PreparedRound> {
  signer ??= makeSigner();
  const own = mustBe(readAddress("survey@mail.roundtrip.test"));
  const headers = mustBe(
    writeStandingHeaders({
      from: own,
      replyTo: own,
      senderName: "Ana Silva",
      organisation: "Example Works",
      orgId,
      roundId,
      kind: "invitation",
    }),
  );
  const source = {
    language: "en",
    subject: "Hello {{ first_name }}",
    preview: "",
    body: "Please answer.",
    button: "Answer",
  };
  const facts = {
    organisation: "Example Works",
    round: "Test",
    sender: "Ana Silva",
    closesAt: new Date("2030-01-01"),
    timeZone: "UTC",
    attributes: [],
    headers,
  };
  const secret = Buffer.alloc(32, 9);
  return {
    orgId,
    roundId,
    messages: new Map([["en", mustBe(await prepareMessage(source, facts))]]),
    answerHeaders: null,
    signer: await signer,
    names: {
      sendingDomain: "mail.roundtrip.test",
      bounceDomain: "bounce.roundtrip.test",
      publicUrl: "https://survey.roundtrip.test",
    },
    keys: { returnPath: { id: 1, secret }, messageId: { id: 1, secret }, link: secret },
  };
}

async function makeSigner(): Promise<DkimSigner> {
  const { privateKeyPem } = await generateDkimKey("rsa");
  return mustBe(
    createDkimSigner({
      domain: "mail.roundtrip.test",
      selector: "test",
      privateKey: privateKeyPem,
      expiresAfterMs: 86_400_000,
    }),
  );
}

function mustBe<Value>(result: { ok: true; value: Value } | { ok: false; error: unknown }): Value {
  if (!result.ok) throw new Error(`A fixture is wrong: ${JSON.stringify(result.error)}`);
  return result.value;
}

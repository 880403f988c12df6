/**
 * CPU per mail for what the composer does to each one: derive tokens, fill, sign with DKIM, write the wire bytes, check
 * them. The bare signature, the floor under it all, is measured in turns with it, so that a busy machine slows both.
 *
 *   node tools/run.mjs tools/bench/compose-sign.ts [mails per turn]
 */
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { readAddress, type Address } from "@roundtrip/mail/address";
import { createDkimSigner, type DkimSigner } from "@roundtrip/mail/dkim/sign-dkim";
import { writeDate, writeListUnsubscribe, writeMailbox, writeText } from "@roundtrip/mail/header";
import { checkWire } from "@roundtrip/mail/message/check-wire";
import { compileMessage, type CompiledMessage, type Piece } from "@roundtrip/mail/message/compile-message";
import { fillMessage } from "@roundtrip/mail/message/fill-message";
import { wireBytes } from "@roundtrip/mail/message/message";
import { deriveToken, writeMessageId } from "@roundtrip/mail/tokens";
import { returnPathDay, writeReturnPath } from "@roundtrip/mail/verp";
import type { Result } from "@roundtrip/mail/result";

const TURNS = 5;
const mailsPerTurn = Number(process.argv[2] ?? 2000);
const secret = Buffer.alloc(32, 1);
const headerBytes = Buffer.alloc(1200, "x");
const signedAt = new Date("2026-11-24T08:00:00Z");
const keys = {
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
  ed25519: generateKeyPairSync("ed25519").privateKey,
};

console.log(`CPU µs per mail, median of ${TURNS} turns of ${mailsPerTurn} [lowest-highest]`);
for (const sizeKb of [3, 8, 30]) {
  const compiled = compileOf(sizeKb * 1024);
  await measure(`${sizeKb} KB, fill and write alone`, [
    ["fill", (index) => composeAndSign(compiled, undefined, index)],
  ]);
  for (const [kind, key] of Object.entries(keys)) {
    const signer = signerOf(key);
    const { length: bytes } = await composeAndSign(compiled, signer, 1);
    await measure(`${sizeKb} KB (${bytes} bytes), ${kind}`, [
      ["compose + sign", (index) => composeAndSign(compiled, signer, index)],
      ["bare signature", () => bareSignature(kind, key)],
    ]);
  }
}

type Contender = readonly [name: string, run: (index: number) => unknown];

async function measure(title: string, contenders: readonly Contender[]): Promise<void> {
  const turns = contenders.map((): number[] => []);
  for (let turn = -1; turn < TURNS; turn += 1) {
    for (const [index, [, run]] of contenders.entries()) {
      const before = process.cpuUsage();
      for (let mail = 0; mail < mailsPerTurn; mail += 1) await run(mail);
      const { user, system } = process.cpuUsage(before);
      // The first turn warms up and is not counted.
      if (turn >= 0) turns[index]?.push((user + system) / mailsPerTurn);
    }
  }
  const figures = contenders.map(([name], index) => `${name} ${median(turns[index] ?? [])}`);
  console.log(`${title.padEnd(32)} ${figures.join("   ")}`);
}

function median(figures: readonly number[]): string {
  const sorted = figures.toSorted((one, other) => one - other).map((figure) => figure.toFixed(1));
  return `${sorted[sorted.length >> 1]} [${sorted[0]}-${sorted.at(-1)}]`;
}

async function composeAndSign(
  compiled: CompiledMessage,
  signer: DkimSigner | undefined,
  delivery: number,
): Promise<Buffer> {
  const token = deriveToken(secret, "survey-link", 1, delivery);
  const link = `https://survey.example.com/a/${token}`;
  const seed = deriveToken(secret, "seed", 1, delivery);
  writeReturnPath(
    { id: 1, secret },
    { org: 1, delivery, generation: 0, day: returnPathDay(signedAt) },
    "bounce.example.com",
  );
  const message = fillMessage(compiled, {
    headers: [
      valueOf(writeMailbox("To", address(`person${delivery}@example.org`), "Ana Example")),
      writeDate(signedAt),
      { name: "Message-ID", value: writeMessageId(seed, "example.com") },
      ...valueOf(writeListUnsubscribe(`https://survey.example.com/u/${token}`)),
    ],
    values: { name: "Ana Example", department: "Forschung & Entwicklung", link },
    seed,
  });
  const headers = signer ? [await signer.sign(message, signedAt), ...message.headers] : message.headers;
  const wire = wireBytes({ ...message, headers });
  valueOf(checkWire(wire));
  return wire;
}

/** What the key itself takes for a header of ordinary length. */
function bareSignature(kind: string, key: KeyObject): Buffer {
  return sign(kind === "rsa" ? "sha256" : null, kind === "rsa" ? headerBytes : headerBytes.subarray(0, 32), key);
}

function compileOf(bytes: number): CompiledMessage {
  const survey = address("survey@example.com");
  return valueOf(
    compileMessage({
      headers: [
        valueOf(writeMailbox("From", survey, "Survey via Org, Inc.")),
        valueOf(writeMailbox("Reply-To", survey)),
        { name: "List-Id", value: "<round-7.example.com>" },
        valueOf(writeText("Auto-Submitted", "auto-generated")),
        valueOf(writeText("X-Auto-Response-Suppress", "OOF, AutoReply")),
        valueOf(writeText("Feedback-ID", "round-7:org-1:survey:roundtrip")),
      ],
      subject: ["Ihre Meinung zählt, ", { slot: "name" }],
      text: pieces(bytes * 0.3, "\n", ""),
      html: pieces(bytes * 0.6, "</p>\n", '<p style="margin:0 0 12px">'),
    }),
  );
}

/** Paragraphs of about this many bytes, with a slot in every fourth. */
function pieces(bytes: number, close: string, open: string): readonly Piece[] {
  const sentence = "Deine Antwort bleibt vertraulich und hilft, unsere Arbeit für alle ein Stück besser zu machen.";
  const count = Math.max(1, Math.round(bytes / (sentence.length + open.length + close.length + 14)));
  const slots: readonly Piece[] = [{ slot: "name" }, { slot: "link" }, { slot: "department" }];
  return Array.from({ length: count }, (_, index): readonly Piece[] => {
    const slot = index % 4 === 0 ? slots[(index / 4) % slots.length] : undefined;
    return slot === undefined ? [open, sentence, close] : [open, sentence, " ", slot, close];
  }).flat();
}

function signerOf(privateKey: KeyObject): DkimSigner {
  const names = { domain: "example.com", selector: "rt2026a" };
  return valueOf(createDkimSigner({ ...names, privateKey, expiresAfterMs: 10 * 86_400_000 }));
}

function address(text: string): Address {
  return valueOf(readAddress(text));
}

function valueOf<Value, Problem>(result: Result<Value, Problem>): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

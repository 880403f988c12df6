/** Makes a round ready to send: reads its texts, compiles them per language, loads the signer. Refuses, in words for people, what cannot be sent. */
import { type Address, explainAddressProblem, readAddress } from "@roundtrip/mail/address";
import { type HeaderField, writeMailbox } from "@roundtrip/mail/header";
import type { Queryable } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import { prepareMessage, type PreparedMessage } from "./message/prepare-message.ts";
import { writeStandingHeaders } from "./message/standing-headers.ts";
import type { PreparedRound, SendingKeys, SendingNames } from "./outbound.ts";
import { listTexts, readRound } from "./round/round.store.ts";
import { loadSigner } from "./sign/dkim-key.store.ts";

export interface PrepareSettings {
  readonly names: SendingNames;
  readonly keys: SendingKeys;
  readonly masterKey: Buffer;
}

export async function prepareRound(
  engine: Queryable,
  orgId: number,
  roundId: number,
  settings: PrepareSettings,
): Promise<PreparedRound> {
  const { names, keys, masterKey } = settings;
  const round = await readRound(engine, orgId, roundId);
  if (!round) throw new Refusal("no-such-round", "This round does not exist.");
  const organisation = await readOrganisation(engine, orgId);
  const signer = await loadSigner(engine, orgId, names.sendingDomain, masterKey);
  const prepared = { orgId, roundId, signer, names, keys };
  if (round.kind === "answer") {
    const from = readOwnAddress(organisation.replyLocal, names.sendingDomain);
    return { ...prepared, messages: new Map(), answerHeaders: writeAnswerHeaders(from, organisation.name) };
  }
  const headers = writeStandingHeaders({
    from: readOwnAddress(organisation.fromLocal, names.sendingDomain),
    replyTo: readOwnAddress(organisation.replyLocal, names.sendingDomain),
    senderName: round.senderName,
    organisation: organisation.name,
    orgId,
    roundId,
    kind: round.kind === "test" ? "test" : "invitation",
  });
  if (!headers.ok) {
    throw new Refusal(
      "sender-cannot-be-written",
      `The mail's ${headers.error.field} field cannot be written (${headers.error.because}). Change the sender's name or the organisation's name.`,
    );
  }
  const attributes = await listAttributeKeys(engine, orgId);
  const facts = {
    organisation: organisation.name,
    round: round.name,
    sender: round.senderName,
    closesAt: round.closesAt,
    timeZone: "UTC",
    attributes,
    headers: headers.value,
  };
  const messages = new Map<string, PreparedMessage>();
  for (const source of await listTexts(engine, orgId, roundId)) {
    const message = await prepareMessage(source, facts);
    if (!message.ok) {
      const faults = message.error
        .map((fault) => `${fault.field}, line ${String(fault.line)}: ${fault.text}`)
        .join(" ");
      throw new Refusal("text-cannot-be-sent", `The text in ${source.language} cannot be sent. ${faults}`);
    }
    messages.set(source.language, message.value);
  }
  if (messages.size === 0) throw new Refusal("no-text", "This round has no text yet. Write one, then launch.");
  return { ...prepared, messages, answerHeaders: null };
}

/** An answer comes from the address that was written to. */
function writeAnswerHeaders(from: Address, organisation: string): readonly HeaderField[] {
  const field = writeMailbox("From", from, organisation);
  if (field.ok) return [field.value];
  throw new Refusal(
    "sender-cannot-be-written",
    `The From field of answers cannot be written (${field.error}). Change the organisation's name.`,
  );
}

function readOwnAddress(local: string, domain: string): Address {
  const read = readAddress(`${local}@${domain}`);
  if (!read.ok)
    throw new Refusal(
      "own-address",
      `Our own address ${local}@${domain} is not valid: ${explainAddressProblem(read.error, `${local}@${domain}`)}`,
    );
  return read.value;
}

async function readOrganisation(
  engine: Queryable,
  orgId: number,
): Promise<{ name: string; fromLocal: string; replyLocal: string }> {
  const found = await engine.query<{ name: string; from_local: string; reply_local: string }>(
    "select name, from_local, reply_local from organisation where org_id = $1",
    [orgId],
  );
  const row = found.rows[0];
  if (!row) throw new Error(`Organisation ${String(orgId)} does not exist`);
  return { name: row.name, fromLocal: row.from_local, replyLocal: row.reply_local };
}

/** The keys that people's attributes have; the organisation is sampled by its newest rows, for an import gives all rows the same columns. */
async function listAttributeKeys(engine: Queryable, orgId: number): Promise<readonly string[]> {
  const found = await engine.query<{ key: string }>(
    `select distinct jsonb_object_keys(attributes) as key from (select attributes from employee where org_id = $1 order by id desc limit 1000) e order by 1`,
    [orgId],
  );
  return found.rows.map((row) => row.key);
}

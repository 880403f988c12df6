/**
 * The outbound journey on one screen: a claimed delivery becomes a signed mail with its envelope.
 *
 *   round ─▶ audience ─▶ message ─▶ sign ─▶ route ─▶ send
 *   (launch-round.job, enqueue.store)  │        │         └ sender.job.ts, which calls composeMail
 *                            prepare-round.store
 *
 * The same delivery always becomes the same bytes, so a mail that is sent once more is the same mail.
 */
import { type Address, readAddress } from "@roundtrip/mail/address";
import type { DkimSigner } from "@roundtrip/mail/dkim/sign-dkim";
import type { HeaderField } from "@roundtrip/mail/header";
import { fillMessage } from "@roundtrip/mail/message/fill-message";
import { type Message, sealMessage, type WireMail } from "@roundtrip/mail/message/message";
import { returnPathDay, type ReturnPathKey, type ReturnPathToken, writeReturnPath } from "@roundtrip/mail/verp";
import { writeLink } from "../ground/links.ts";
import { type AnswerText, composeAnswer } from "./message/compose-answer.ts";
import { writePersonalHeaders } from "./message/personal-headers.ts";
import { fillValues, type PreparedMessage } from "./message/prepare-message.ts";

/** A round made ready: texts compiled per language, the signer loaded. */
export interface PreparedRound {
  readonly orgId: number;
  readonly roundId: number;
  /** Empty for the round of answers: those say to each person something else. */
  readonly messages: ReadonlyMap<string, PreparedMessage>;
  /** Fields of answers; null in any other round. */
  readonly answerHeaders: readonly HeaderField[] | null;
  readonly signer: DkimSigner;
  readonly names: SendingNames;
  readonly keys: SendingKeys;
}

export interface SendingNames {
  readonly sendingDomain: string;
  readonly bounceDomain: string;
  /** `https://host`, without a slash at the end. */
  readonly publicUrl: string;
}

export interface SendingKeys {
  readonly returnPath: ReturnPathKey;
  readonly messageId: ReturnPathKey;
  readonly link: Buffer;
}

/** What composing needs of a claimed delivery. */
export interface ToCompose {
  readonly orgId: number;
  readonly id: number;
  readonly generation: number;
  readonly address: string;
  readonly language: string;
  readonly slots: {
    readonly name: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly answer?: AnswerText;
  };
  /** Date of the mail: of its first claim, and kept for every later try. */
  readonly messageDate: Date;
}

export interface ComposedMail extends WireMail {
  readonly from: string;
  readonly to: string;
  readonly smtpUtf8: boolean;
  readonly dsn: {
    readonly notify: readonly ["failure", "delay"];
    readonly returns: "headers";
    readonly envelopeId: string;
  };
}

/** Rejects when the mail cannot be made or signed: nothing is ever sent unsigned. `lend` gives the buffer it is made in. */
export async function composeMail(
  round: PreparedRound,
  delivery: ToCompose,
  lend?: (octets: number) => Buffer,
): Promise<ComposedMail> {
  const to = readRecipient(delivery);
  const { names, keys } = round;
  const token: ReturnPathToken = {
    org: delivery.orgId,
    delivery: delivery.id,
    generation: delivery.generation,
    day: returnPathDay(delivery.messageDate),
  };
  const returnPath = writeReturnPath(keys.returnPath, token, names.bounceDomain);
  const reference = returnPath.slice(0, returnPath.indexOf("@"));
  const messageId = `<${writeReturnPath(keys.messageId, token, names.sendingDomain)}>`;
  const message = writeMessage(round, delivery, { to, messageId, reference }, lend);
  const signature = await round.signer.sign(message, delivery.messageDate);
  return {
    ...sealMessage(message, signature),
    from: returnPath,
    to: to.text,
    smtpUtf8: to.needsSmtpUtf8,
    dsn: { notify: ["failure", "delay"], returns: "headers", envelopeId: reference },
  };
}

interface Names {
  readonly to: Address;
  readonly messageId: string;
  readonly reference: string;
}

function writeMessage(
  round: PreparedRound,
  delivery: ToCompose,
  { to, messageId, reference }: Names,
  lend?: (octets: number) => Buffer,
): Message {
  const { names, keys } = round;
  const { answer } = delivery.slots;
  if (answer) {
    if (!round.answerHeaders) throw new Error("An answer is sent by the round of answers only");
    const own = { to, date: delivery.messageDate, messageId, reference, unsubscribeUrl: null };
    return composeAnswer(answer, [...round.answerHeaders, ...writePersonalHeaders(own)], reference);
  }
  const target = { org: delivery.orgId, delivery: delivery.id };
  const unsubscribeLink = writeLink(names.publicUrl, keys.link, "unsubscribe", target);

  const prepared = findMessage(round, delivery.language);
  const person = {
    ...delivery.slots,
    surveyLink: writeLink(names.publicUrl, keys.link, "survey", target),
    unsubscribeLink,
  };
  const headers = writePersonalHeaders({
    to,
    date: delivery.messageDate,
    messageId,
    reference,
    unsubscribeUrl: names.publicUrl.startsWith("https://") ? unsubscribeLink : null,
  });
  const personal = { headers, values: fillValues(prepared, person), seed: reference };
  return fillMessage(prepared.compiled, personal, lend);
}

function readRecipient(delivery: ToCompose): Address {
  const read = readAddress(delivery.address);
  if (!read.ok)
    throw new Error(`Delivery ${String(delivery.id)} has an address that was let in wrongly: ${read.error}`);
  return read.value;
}

function findMessage(round: PreparedRound, language: string): PreparedMessage {
  const prepared = round.messages.get(language) ?? round.messages.values().next().value;
  if (!prepared) throw new Error(`Round ${String(round.roundId)} has no text`);
  return prepared;
}

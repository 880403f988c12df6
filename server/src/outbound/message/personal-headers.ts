/**
 * The header fields that are one mail's own (RFC 5322 §3.6, RFC 2369, RFC 8058). All of them derive from the delivery, so
 * a mail sent again has the same ones. What cannot be written here should have been refused earlier, and throws.
 */
import type { Address } from "@roundtrip/mail/address";
import {
  writeDate,
  writeListUnsubscribe,
  writeMailbox,
  type FieldProblem,
  type HeaderField,
} from "@roundtrip/mail/header";
import type { Result } from "@roundtrip/mail/result";

export interface PersonalFacts {
  readonly to: Address;
  readonly date: Date;
  /** `<token@domain>`, as tokens.ts writes it. */
  readonly messageId: string;
  /** https; opening it changes nothing, posting to it stops the mail. Null where we are reached by http alone, which RFC 8058 rules out. */
  readonly unsubscribeUrl: string | null;
  /** By which a mail that comes back is recognised: letters, digits, dots and hyphens. */
  readonly reference: string;
}

const REFERENCE = /^[A-Za-z0-9.-]{1,200}$/;
const MESSAGE_ID = /^<[A-Za-z0-9.-]+@[A-Za-z0-9.-]+>$/;

/** The name is left out of To: it would only say what the receiver knows, and is one thing less that can go wrong. */
export function writePersonalHeaders({
  to,
  date,
  messageId,
  unsubscribeUrl,
  reference,
}: PersonalFacts): readonly HeaderField[] {
  if (!REFERENCE.test(reference)) throw new Error("A reference is made of letters, digits, dots and hyphens.");
  if (!MESSAGE_ID.test(messageId)) throw new Error("This is no Message-ID.");
  return [
    must("To", writeMailbox("To", to)),
    writeDate(date),
    { name: "Message-ID", value: messageId },
    ...(unsubscribeUrl === null ? [] : must("List-Unsubscribe", writeListUnsubscribe(unsubscribeUrl))),
    { name: "X-Roundtrip-Reference", value: reference },
  ];
}

function must<Value>(name: string, result: Result<Value, FieldProblem>): Value {
  if (result.ok) return result.value;
  throw new Error(`The field ${name} cannot be written (${result.error}): it should have been refused earlier.`);
}

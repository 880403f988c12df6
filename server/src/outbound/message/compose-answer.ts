/**
 * Makes the mail that answers a person's reply: plain text, in the thread of what they wrote (RFC 5322 §3.6.4). It says
 * nothing of being automatic, for a person wrote it. The same answer gives the same bytes. It neither signs nor sends.
 */
import type { HeaderField } from "@roundtrip/mail/header";
import { compileMessage } from "@roundtrip/mail/message/compile-message";
import { fillMessage } from "@roundtrip/mail/message/fill-message";
import type { Message } from "@roundtrip/mail/message/message";

export interface AnswerText {
  readonly subject: string;
  readonly text: string;
  /** Message ids with brackets, as they came from outside: those that cannot be written are left out. */
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
}

/** More than a reader needs, and few enough for any header. */
const mostReferences = 20;
const WRITABLE_ID = /^<[!-;=?-~]{1,120}@[!-;=?-~]{1,120}>$/;

/** `headers`: all fields but Subject and those of the thread. Throws when a field cannot be written: it should have been refused earlier. */
export function composeAnswer(answer: AnswerText, headers: readonly HeaderField[], seed: string): Message {
  const compiled = compileMessage({
    headers: [...headers, ...threadFields(answer)],
    subject: [answer.subject],
    text: [`${answer.text.trimEnd()}\n`],
  });
  if (!compiled.ok)
    throw new Error(`The ${compiled.error.field} of an answer cannot be written: ${compiled.error.because}`);
  return fillMessage(compiled.value, { headers: [], values: {}, seed });
}

/** References: the thread's first mail, then the latest ones, the one that is answered last. */
function threadFields({ inReplyTo, references }: AnswerText): readonly HeaderField[] {
  const answered = inReplyTo !== null && WRITABLE_ID.test(inReplyTo) ? [inReplyTo] : [];
  const before = references.filter((id) => WRITABLE_ID.test(id) && id !== inReplyTo);
  const kept = before.length <= mostReferences ? before : [...before.slice(0, 1), ...before.slice(1 - mostReferences)];
  const all = [...kept, ...answered];
  return [
    ...answered.map((id) => ({ name: "In-Reply-To", value: id })),
    ...(all.length > 0 ? [{ name: "References", value: all.join("\r\n ") }] : []),
  ];
}

/** `Re:` once, whatever came before it; without what no subject may hold. */
export function answerSubject(subject: string): string {
  const bare = subject
    // Line breaks and control characters.
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .toWellFormed()
    .replace(/^(?:\s*(?:re|aw|sv|vs|antw|odp)\s?(?:\[\d{1,3}\])?\s?:)+/i, "")
    .trim()
    .slice(0, 200);
  return `Re: ${bare || "your message"}`;
}

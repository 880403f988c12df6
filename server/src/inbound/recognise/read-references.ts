/** Reads what ties an incoming mail to one of ours: ids and our own header, in the returned message and in the mail. Pure. */
import { readMailboxes, readMessageIds } from "@roundtrip/mail/header-read";
import type { MimePart } from "@roundtrip/mail/mime/read-mime";
import type { MailView } from "./mail-view.ts";
import type { RecognisedMail, References } from "./recognised.ts";

const MOST_IDS = 50;

export function readReferences(view: MailView): Omit<References, "originalEnvelopeId"> {
  const own = [view.headers.first("In-Reply-To"), view.headers.first("References")];
  const returned = view.returned.map((piece) => field(piece, "Message-ID"));
  const ids = [...returned, ...own].flatMap((value) => (value === null ? [] : readMessageIds(value)));
  const ownReference =
    view.returned.map((piece) => field(piece, "X-Roundtrip-Reference")).find((value) => value !== null) ?? null;
  return { messageIds: [...new Set(ids)].slice(0, MOST_IDS), ownReference };
}

/** The mail's own place in its thread (RFC 5322 §3.6.4). */
export function readThread({ headers }: MailView): RecognisedMail["thread"] {
  const [messageId = null] = readMessageIds(headers.first("Message-ID") ?? "");
  const ids = ["References", "In-Reply-To"].flatMap((name) => readMessageIds(headers.first(name) ?? ""));
  return { messageId, references: [...new Set(ids)].slice(0, MOST_IDS) };
}

/** Whom the returned message was for, where its To names exactly one. */
export function readReturnedRecipient(view: MailView): string | null {
  for (const piece of view.returned) {
    const to = field(piece, "To");
    if (to === null) continue;
    const mailboxes = readMailboxes(to);
    return mailboxes.length === 1 ? (mailboxes[0]?.address.toLowerCase() ?? null) : null;
  }
  return null;
}

/** Of a parsed message, or of header text, which some put into the notice as it is. */
function field(piece: MimePart | string, name: string): string | null {
  if (typeof piece !== "string") return piece.headers.first(name);
  return (
    new RegExp(`^[ \\t>]{0,8}${name}:[ \\t]*((?:\\S[^\\n]*)?(?:\\n[ \\t]+\\S[^\\n]*)?)`, "im")
      .exec(piece)?.[1]
      ?.trim() ?? null
  );
}

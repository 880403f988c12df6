/** Reads the recipients out of a notice that has no machine part, by the dialect in which it is worded. Pure; never throws. */
import { readMailboxes } from "@roundtrip/mail/header-read";
import type { Headers } from "@roundtrip/mail/mime/headers";
import { anyDialect, type Dialect } from "./dialects.ts";
import { type Finding, mostRecipients } from "./notice-recipient.ts";

/** The words about one recipient go on for so long at most. */
const LONGEST_WORDS = 1500;

export function findDialect(words: string, dialects: readonly Dialect[]): Dialect | null {
  return dialects.find((dialect) => dialect.mark.test(words)) ?? null;
}

/** `words` is the notice without the returned message. Empty when nobody is named. */
export function readPlainNotice(headers: Headers, words: string, dialects: readonly Dialect[]): Finding[] {
  const action = isDelay(words, headers.text("Subject")) ? "delayed" : "failed";
  const found = findAddresses(words, dialects);
  const named = headers
    .all("X-Failed-Recipients")
    .flatMap(readMailboxes)
    .map((mailbox) => mailbox.address.toLowerCase());
  const recipients = named.length > 0 ? named : [...new Set(found.map((entry) => entry.address))];
  return recipients.slice(0, mostRecipients).map((recipient) => {
    const entries = found.filter((entry) => entry.address === recipient);
    const text = entries.map((entry) => entry.words).join("\n");
    return {
      recipient,
      action,
      status: null,
      remoteHost: null,
      text,
      around: text === "" || recipients.length === 1 ? words : "",
    };
  });
}

const DELAYED =
  /has been delayed|has not yet been delivered|not yet been delivered|no action is required on your part|will (?:be )?retr(?:y|ied)|warning message only|temporary problem delivering|is delayed for more than|delivery (?:incomplete|delayed)|still (?:trying|being retried)|delivery attempts will continue/i;
const GAVE_UP = /given up|giving up|permanent error|failed permanently|not going to try again|could not be delivered/i;

function isDelay(words: string, subject: string): boolean {
  if (GAVE_UP.test(words)) return false;
  return (
    DELAYED.test(words) ||
    /^(?:warning: message|delivery delayed|delayed mail|delivery status notification \(delay\))/i.test(subject)
  );
}

/** Marks may overlap: the first dialect that also finds an address is the right one. */
function findAddresses(words: string, dialects: readonly Dialect[]): Entry[] {
  for (const dialect of [...dialects.filter(({ mark }) => mark.test(words)), anyDialect]) {
    const found = readAddresses(dialect, words);
    if (found.length > 0) return found;
  }
  return [];
}

interface Entry {
  readonly address: string;
  readonly words: string;
}

/** Each address with the words up to the next one. */
function readAddresses(dialect: Dialect, words: string): Entry[] {
  const begins = dialect.begins?.exec(words);
  const list = begins ? words.slice(begins.index + begins[0].length) : words;
  const matches = [...list.matchAll(dialect.address)].slice(0, mostRecipients);
  const heading = dialect.isHeaded ? list.slice(0, Math.min(matches[0]?.index ?? 0, LONGEST_WORDS)) : "";
  return matches.map((match, index) => {
    // A transcript line begins with the code.
    const from = /^\s*[45]\d\d /.test(match[0]) ? match.index : match.index + match[0].length;
    const to = Math.min(matches[index + 1]?.index ?? list.length, from + LONGEST_WORDS);
    const address = (match.slice(1).find((group) => group !== undefined) ?? "").replace(/[.>]+$/, "").toLowerCase();
    return {
      address,
      words: `${heading}${list.slice(from, to).replace(/^[>"':\s]+/, "")}`.trim(),
    };
  });
}

/**
 * Writes header fields (RFC 5322 §2.2, §3; RFC 2047). Text from people goes in as data and comes back out as the same
 * text: it can never become another field, another address or an encoded-word of its own. Text with line breaks or
 * control characters is refused, not mended. It does not read headers, and does not know which fields a mail must have.
 */
import type { Address } from "./address.ts";
import { writeEncodedWords } from "./encode/encoded-word.ts";
import { failed, ok, type Result } from "./result.ts";

export interface HeaderField {
  readonly name: string;
  /** As written after `Name: `, folded with CRLF and a space; ASCII, unless an address in it needs SMTPUTF8. */
  readonly value: string;
}

export type TextProblem = "line-break" | "control-character" | "lone-surrogate";
export type FieldProblem = TextProblem | "bad-name" | "bad-value" | "bad-url";

/** RFC 5322 §2.1.1 asks for lines of at most 78 characters; 76 also suits encoded-words. */
const LINE_MAX = 76;
/** Leaves room for the first encoded-word on the line of the name. */
const NAME_MAX = 40;
/** Relays fold lines that are much longer, and a URL that was folded is broken. */
const URL_MAX = 900;

const OUR_NAME = /^[A-Za-z][A-Za-z0-9-]*$/;
const ANY_NAME = /^[!-9;-~]+$/;
const PRINTABLE = /^[ -~]*$/;
const FOLD = /\r\n[ \t]+(?=\S)/y;
const TAB = 9;
const CR = 13;
const SPACE = 0x20;
const DELETE = 0x7f;
const PLAIN_WORDS = /^[!-~]{1,60}(?: [!-~]{1,60})*$/;
const ATOMS = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;

/** Text without structure (RFC 5322 §3.2.5), such as Subject or a field of our own. */
export function writeText(name: string, text: string): Result<HeaderField, FieldProblem> {
  if (!isFieldName(name)) return failed("bad-name");
  const problem = textProblem(text);
  if (problem) return failed(problem);
  const column = name.length + 2;
  if (text === "" || isPlainText(text)) return ok({ name, value: foldWords(text, column) });
  return ok({ name, value: writeEncodedWords(text, column) });
}

/** From, Reply-To, To: one mailbox, with a display name where there is one (RFC 5322 §3.4). */
export function writeMailbox(name: string, address: Address, displayName = ""): Result<HeaderField, FieldProblem> {
  if (!isFieldName(name)) return failed("bad-name");
  const problem = textProblem(displayName);
  if (problem) return failed(problem);
  if (displayName === "") return ok({ name, value: address.text });
  const phrase = writePhrase(displayName, name.length + 2);
  const lastLine = phrase.slice(phrase.lastIndexOf("\n") + 1);
  const column = (lastLine === phrase ? name.length + 2 : 0) + lastLine.length;
  const gap = column + address.text.length + 3 > LINE_MAX ? "\r\n " : " ";
  return ok({ name, value: `${phrase}${gap}<${address.text}>` });
}

/** Date (RFC 5322 §3.3), always in UTC. An invalid Date is a bug of ours and throws. */
export function writeDate(date: Date): HeaderField {
  if (Number.isNaN(date.getTime())) throw new RangeError("The Date field needs a valid date.");
  return { name: "Date", value: date.toUTCString().replace("GMT", "+0000") };
}

/** List-Id (RFC 2919 §3): `id` is a domain-like name such as `round-7.surveys.example.com`. */
export function writeListId(id: string, description = ""): Result<HeaderField, FieldProblem> {
  if (!/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/.test(id) || id.length > 250) return failed("bad-value");
  const problem = textProblem(description);
  if (problem) return failed(problem);
  const phrase = description === "" ? "" : `${writePhrase(description, "List-Id: ".length)}\r\n `;
  return ok({ name: "List-Id", value: `${phrase}<${id}>` });
}

/**
 * List-Unsubscribe with List-Unsubscribe-Post (RFC 2369 §3.2, RFC 8058 §3.1). The URL stays on one line: https, plain
 * ASCII, shorter than 900 characters.
 */
export function writeListUnsubscribe(url: string): Result<readonly [HeaderField, HeaderField], FieldProblem> {
  if (url.length >= URL_MAX || !/^https:\/\/[!-;=?-~]+$/.test(url)) return failed("bad-url");
  return ok([
    { name: "List-Unsubscribe", value: `<${url}>` },
    { name: "List-Unsubscribe-Post", value: "List-Unsubscribe=One-Click" },
  ]);
}

/** Is this field, whoever wrote it, safe to be put on the wire as it is: one field, well folded? */
export function isWritable(field: HeaderField): boolean {
  return ANY_NAME.test(field.name) && (PRINTABLE.test(field.value) || isFolded(field.value));
}

/** What makes this text unfit for any header, if anything does. */
export function textProblem(text: string): TextProblem | undefined {
  if (PRINTABLE.test(text)) return undefined;
  if (/[\r\n\u2028\u2029\x85]/.test(text)) return "line-break";
  if (/\p{Cc}/u.test(text)) return "control-character";
  return text.isWellFormed() ? undefined : "lone-surrogate";
}

/** Every line break in it is a fold with something behind it, and there is no control character but tabs. */
function isFolded(value: string): boolean {
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    if ((code >= SPACE && code !== DELETE) || code === TAB) continue;
    FOLD.lastIndex = at;
    if (code !== CR || !FOLD.test(value)) return false;
    at = FOLD.lastIndex - 1;
  }
  return true;
}

function isFieldName(name: string): boolean {
  return OUR_NAME.test(name) && name.length <= NAME_MAX;
}

/** A display name as atoms, quoted-string or encoded-words, whichever is plainest (RFC 5322 §3.2.3–5). */
function writePhrase(text: string, column: number): string {
  if (!isPlainText(text) || column + text.length + 2 > LINE_MAX) return writeEncodedWords(text, column);
  if (ATOMS.test(text)) return text;
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/**
 * Words of printable ASCII with single blanks between them, which folding and unfolding leave alone. Text that holds
 * `=?` is not plain: a reader would decode it.
 */
function isPlainText(text: string): boolean {
  return PLAIN_WORDS.test(text) && !text.includes("=?");
}

function foldWords(text: string, column: number): string {
  if (column + text.length <= LINE_MAX) return text;
  let line = column;
  return text
    .split(" ")
    .map((word, index) => {
      const fits = index === 0 || line + 1 + word.length <= LINE_MAX;
      line = fits ? line + 1 + word.length : 1 + word.length;
      if (index === 0) return word;
      return fits ? ` ${word}` : `\r\n ${word}`;
    })
    .join("");
}

/**
 * Reads header text as it really arrives: folded, encoded (RFC 2047), in raw 8-bit, with broken address lists
 * (RFC 5322 §3.4) and message ids. Lenient: what cannot be decoded stays as written. Never throws, linear in the input.
 * The strict reading of an address that we would send to is address.ts.
 */
import { decodeCharset } from "./mime/charset.ts";
import { decodeBase64 } from "./mime/transfer-encoding.ts";

export interface Mailbox {
  /** Decoded, empty where there is none. */
  readonly name: string;
  /** As written, without brackets; not checked. */
  readonly address: string;
}

const ENCODED_WORD = /=\?([\w!#$%&'*+.^`{|}~-]{1,60})\?([bq])\?([^?\r\n]{0,2000})\?=/gi;
const FOLD = /\r?\n[ \t]/g;
/** More than this is no list that a person wrote, and would only cost time. */
const MOST_ENTRIES = 1000;

/** A field's value on one line, its folds undone (RFC 5322 §2.2.3). */
export function unfold(value: string): string {
  return value.replace(FOLD, " ").trim();
}

/** Decodes encoded-words; blanks between two of them vanish, and bytes cut apart by a careless encoder are joined again. */
export function readHeaderText(value: string): string {
  const line = unfold(value);
  if (!line.includes("=?")) return line;
  return decodeRuns(line);
}

/** Mailboxes of From, To, Reply-To and the like, groups flattened. Comments are dropped, what has no `@` is left out. */
export function readMailboxes(value: string): Mailbox[] {
  return splitList(unfold(value))
    .map(readMailbox)
    .filter((mailbox) => mailbox.address.includes("@"));
}

/** Every `<…>` of Message-ID, In-Reply-To or References, brackets kept; a bare id is taken as one. */
export function readMessageIds(value: string): string[] {
  const bracketed = unfold(value).match(/<[^<>\s]{1,998}>/g);
  if (bracketed) return bracketed;
  const bare = unfold(value);
  return /^[^<>\s]{1,998}@[^<>\s]{1,998}$/.test(bare) ? [`<${bare}>`] : [];
}

interface Run {
  readonly charset: string;
  readonly bytes: Buffer[];
}

function decodeRuns(line: string): string {
  let out = "";
  let end = 0;
  let run: Run | null = null;
  for (const match of line.matchAll(ENCODED_WORD)) {
    const [whole, charset = "", method = "", content = ""] = match;
    const between = line.slice(end, match.index);
    const joins: boolean = run !== null && run.charset === charset.toLowerCase() && between.trim() === "";
    if (!joins) {
      out += flush(run) + (run !== null && between.trim() === "" ? "" : between);
      run = { charset: charset.toLowerCase(), bytes: [] };
    }
    run?.bytes.push(method.toLowerCase() === "b" ? decodeBase64(content) : decodeQ(content));
    end = match.index + whole.length;
  }
  return out + flush(run) + line.slice(end);
}

function flush(run: Run | null): string {
  // RFC 2231 §5 lets a language follow the charset.
  return run === null ? "" : decodeCharset(Buffer.concat(run.bytes), run.charset.replace(/\*.*$/, ""));
}

function decodeQ(content: string): Buffer {
  const text = content
    .replaceAll("_", " ")
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, "latin1");
}

/** Splits at commas and semicolons that stand in no quotes, comment or brackets, and drops group names. */
function splitList(value: string): string[] {
  const entries: string[] = [];
  let entry = "";
  let quoted = false;
  let depth = 0;
  let bracketed = false;
  for (let at = 0; at < value.length && entries.length < MOST_ENTRIES; at += 1) {
    const char = value.charAt(at);
    if (char === "\\" && (quoted || depth > 0)) {
      if (depth === 0) entry += value.charAt(at + 1);
      at += 1;
    } else if (char === '"' && depth === 0) {
      quoted = !quoted;
      entry += char;
    } else if (quoted) entry += char;
    else if (char === "(") depth += 1;
    else if (char === ")") depth = Math.max(0, depth - 1);
    else if (depth > 0) continue;
    else if ((char === "," || char === ";") && !bracketed) {
      entries.push(entry);
      entry = "";
    } else if (char === ":" && !bracketed && !entry.includes("@")) entry = "";
    else {
      if (char === "<") bracketed = true;
      if (char === ">") bracketed = false;
      entry += char;
    }
  }
  return [...entries, entry];
}

function readMailbox(entry: string): Mailbox {
  const open = entry.lastIndexOf("<");
  if (open === -1) return { name: "", address: entry.trim() };
  const close = entry.indexOf(">", open);
  const address = entry.slice(open + 1, close === -1 ? undefined : close).trim();
  const name = entry.slice(0, open).trim().replace(/^"|"$/g, "").trim();
  return { name: readHeaderText(name), address };
}

/**
 * Reads one mail address, strictly: a dot-atom local part (RFC 5321 §4.1.2, RFC 6531 §3.3) and a domain name in LDH or
 * IDNA form (RFC 5890, UTS 46). What it accepts can only be read one way, by any server: one mailbox, at that domain.
 * It does not ask whether the domain or the mailbox exists, and knows no quoted local parts, comments or IP literals.
 * Runs in browsers too.
 */
import { failed, ok, type Result } from "./result.ts";

export interface Address {
  /** As written, in Unicode NFC; its case is kept, for only the receiver may say that case does not matter. */
  readonly local: string;
  /** Lower case, A-labels (`xn--…`). */
  readonly domain: string;
  /** Exactly `local@domain`: what goes into envelope and header. */
  readonly text: string;
  /** The local part is not ASCII, so every server on the way must offer SMTPUTF8 (RFC 6531). */
  readonly needsSmtpUtf8: boolean;
}

export type AddressProblem =
  | "empty"
  | "too-long"
  | "space-inside"
  | "invisible-character"
  | "display-name"
  | "several-addresses"
  | "no-at-sign"
  | "several-at-signs"
  | "local-empty"
  | "local-quoted"
  | "local-dots"
  | "local-character"
  | "local-too-long"
  | "domain-empty"
  | "domain-one-word"
  | "domain-dots"
  | "domain-character"
  | "domain-ip-address"
  | "domain-label";

/** RFC 5321 §4.5.3.1.3: a path has 256 octets, its angle brackets included. */
const ADDRESS_MAX_OCTETS = 254;
const LOCAL_MAX_OCTETS = 64;
const LABEL_MAX_OCTETS = 63;

/** What nearly all addresses are: no exception of any rule comes near it. */
const PLAIN_ADDRESS =
  /^([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63})$/;
const ATEXT = /^(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]|[^\0-\x7f])+$/;
const DOMAIN_TEXT = /^(?:[A-Za-z0-9-]|[^\0-\x7f])+$/;
const LETTERS_BEYOND_ASCII = /^[\0-\x7f\p{L}\p{M}\p{N}]+$/u;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/u;
const LDH_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const NUMBER_LABEL = /^(?:\d+|0x[0-9a-f]*)$/i;
const ASCII = /^[\0-\x7f]*$/;

/** Blanks around the address are dropped, the domain is lower-cased, Unicode is put into NFC; all else is refused. */
export function readAddress(text: string): Result<Address, AddressProblem> {
  // A bound before any normalising, so that a pasted novel costs nothing.
  if (text.length > 4 * ADDRESS_MAX_OCTETS) return failed("too-long");
  const plain = readPlainAddress(text);
  if (plain) return ok(plain);
  const typed = text.trim().normalize("NFC");
  const problem = shapeProblem(typed);
  if (problem) return failed(problem);
  const at = typed.lastIndexOf("@");
  const local = typed.slice(0, at);
  const wrongLocal = localProblem(local);
  if (wrongLocal) return failed(wrongLocal);
  const domain = readDomain(typed.slice(at + 1));
  if (!domain.ok) return domain;
  const whole = `${local}@${domain.value}`;
  if (octets(whole) > ADDRESS_MAX_OCTETS) return failed("too-long");
  return ok({ local, domain: domain.value, text: whole, needsSmtpUtf8: !ASCII.test(local) });
}

/** Every mail that is made reads its recipient once more, so the usual form is told at one look. */
function readPlainAddress(text: string): Address | undefined {
  const [, local = "", domain = ""] = (text.length <= ADDRESS_MAX_OCTETS && PLAIN_ADDRESS.exec(text)) || [];
  if (local === "" || local.length > LOCAL_MAX_OCTETS) return undefined;
  return { local, domain, text, needsSmtpUtf8: false };
}

/** Two addresses with one key almost surely reach one mailbox: for finding duplicates, never for sending. */
export function addressKey(address: Address): string {
  return address.text.toLowerCase().normalize("NFC");
}

/** One sentence for the person who typed or imported `text`: what is wrong, and what to do. */
export function explainAddressProblem(problem: AddressProblem, text: string): string {
  if (problem === "empty") return "There is no address here: enter one such as name@example.com.";
  return `“${printable(text)}” ${EXPLANATIONS[problem]}.`;
}

const EXPLANATIONS: Readonly<Record<Exclude<AddressProblem, "empty">, string>> = {
  "too-long": `is longer than the ${ADDRESS_MAX_OCTETS} characters an address may have: check that only one address was entered`,
  "space-inside": "has a space or line break inside: remove it",
  "invisible-character":
    "contains a character that cannot be seen, often copied from a document: type the address by hand",
  "display-name": "contains angle brackets: enter only the address between them",
  "several-addresses": "looks like several addresses: enter exactly one",
  "no-at-sign": "has no @ sign: an address looks like name@example.com",
  "several-at-signs": "has more than one @ sign: keep only the one before the domain",
  "local-empty": "has nothing before the @ sign: add the name of the mailbox",
  "local-quoted": "has quotation marks or a backslash before the @ sign: ask for an address without them",
  "local-dots": "has a dot too many before the @ sign: dots may only stand between two other characters",
  "local-character": "has a character before the @ sign that mail addresses cannot have: check the spelling",
  "local-too-long": `has more than ${LOCAL_MAX_OCTETS} characters before the @ sign: check that nothing else was pasted with it`,
  "domain-empty": "has nothing after the @ sign: add the domain, such as example.com",
  "domain-one-word": "ends in a domain without a dot: write the domain in full, such as example.com",
  "domain-dots": "has a dot too many after the @ sign: dots may only stand between two parts of the domain",
  "domain-character": "has a character after the @ sign that domain names cannot have: check the spelling",
  "domain-ip-address":
    "has a number instead of a domain name: ask for an address with a name, such as name@example.com",
  "domain-label": `has a domain part that begins or ends with a hyphen or has more than ${LABEL_MAX_OCTETS} characters: check the spelling`,
};

/** What is wrong with the text as a whole, before it is taken apart. */
function shapeProblem(typed: string): AddressProblem | undefined {
  if (typed === "") return "empty";
  const atSigns = typed.split("@").length - 1;
  if (typed.startsWith('"') || typed.includes("\\")) return "local-quoted";
  if (atSigns > 1 && /[,;\s]/.test(typed)) return "several-addresses";
  if (/[<>]/.test(typed)) return "display-name";
  if (/\s/.test(typed)) return "space-inside";
  if (INVISIBLE.test(typed)) return "invisible-character";
  if (atSigns === 0) return "no-at-sign";
  if (atSigns > 1) return "several-at-signs";
  return undefined;
}

function localProblem(local: string): AddressProblem | undefined {
  if (local === "") return "local-empty";
  if (local.includes('"')) return "local-quoted";
  if (local.split(".").includes("")) return "local-dots";
  if (!ATEXT.test(local.replaceAll(".", "")) || !isPlainUnicode(local)) return "local-character";
  return octets(local) > LOCAL_MAX_OCTETS ? "local-too-long" : undefined;
}

/** A domain in lower-case A-labels, or why this is no domain name that mail can go to. */
export function readDomain(typed: string): Result<string, AddressProblem> {
  if (typed === "") return failed("domain-empty");
  if (typed.startsWith("[")) return failed("domain-ip-address");
  const labels = typed.split(".");
  if (labels.includes("")) return failed("domain-dots");
  if (!labels.every((label) => DOMAIN_TEXT.test(label)) || !isPlainUnicode(typed)) return failed("domain-character");
  if (labels.length === 1) return failed("domain-one-word");
  // A host that ends in a number is an IPv4 address to URL parsers: `1.2.3` would become 1.2.0.3.
  if (NUMBER_LABEL.test(labels.at(-1) ?? "")) return failed("domain-ip-address");
  if (labels.some((label) => label.startsWith("-") || label.endsWith("-"))) return failed("domain-label");
  const domain = toAsciiDomain(typed);
  if (domain === undefined) return failed("domain-character");
  return domain.split(".").every((label) => LDH_LABEL.test(label)) ? ok(domain) : failed("domain-label");
}

/**
 * UTS 46 by way of the URL parser, the one IDNA that Node and browsers share. Plain ASCII needs none of it, and A-labels
 * are taken as written: whether such a domain exists is for DNS to say.
 */
function toAsciiDomain(typed: string): string | undefined {
  return ASCII.test(typed) ? typed.toLowerCase() : URL.parse(`http://${typed}/`)?.hostname;
}

/** Only letters, marks and digits beyond ASCII, and none that compatibility mapping would turn into something else (＠, ｅ, ①). */
function isPlainUnicode(text: string): boolean {
  if (ASCII.test(text)) return true;
  return LETTERS_BEYOND_ASCII.test(text) && text.normalize("NFKC") === text;
}

function octets(text: string): number {
  return ASCII.test(text) ? text.length : new TextEncoder().encode(text).length;
}

/** Short, on one line and without hidden characters, so that the sentence round it stays readable. */
function printable(text: string): string {
  const visible = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "�").trim();
  const points = Array.from(visible);
  return points.length > 80 ? `${points.slice(0, 79).join("")}…` : visible;
}

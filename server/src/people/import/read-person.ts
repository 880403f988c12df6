/**
 * Reads one row of a people file: what it says about a person, or the first thing that is wrong with it and what to do.
 * It trusts nothing: values are trimmed, bounded, free of control characters (CWE-93) and never used as property names.
 * Whether the person is known already is for the plan to find out.
 */
import { type Address, addressKey, explainAddressProblem, readAddress } from "@roundtrip/mail/address";
import { looksMixedScript } from "@roundtrip/mail/mixed-script";
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { readFormulaSafe } from "../formula-cell.ts";
import type { Column, Field } from "./read-columns.ts";
import type { CsvRecord } from "./read-records.ts";

/**
 * What a row says. `undefined`: it says nothing, so what is known stays. An empty cell empties name, start date and
 * attributes; number, language and active cannot be emptied, so there an empty cell says nothing.
 */
export interface PersonRow {
  readonly kind: "person";
  readonly line: number;
  readonly email: string;
  readonly emailKey: string;
  readonly employeeNo: string | undefined;
  readonly name: string | undefined;
  readonly language: string | undefined;
  readonly active: boolean | undefined;
  readonly startsOn: string | null | undefined;
  /** Empty: the attribute is taken away. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Not wrong, but worth a look. */
  readonly warning: Fault | undefined;
  /** As in the file, should the plan turn the row down. */
  readonly cells: readonly string[];
}

export interface RejectedPerson extends Fault {
  readonly kind: "rejected";
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Fault {
  /** The column's name as the file writes it; null when the row as a whole is at fault. */
  readonly column: string | null;
  /** One sentence that says what to do. */
  readonly reason: string;
}

const NAME_MAX_CHARACTERS = 200;
const NUMBER_MAX_CHARACTERS = 100;
const ATTRIBUTE_MAX_CHARACTERS = 1000;

export function readPerson(record: CsvRecord, columns: readonly Column[]): PersonRow | RejectedPerson {
  const cells = record.kind === "fields" ? record.fields : [record.text];
  const read = readValues(record, columns);
  if (!read.ok) return { kind: "rejected", line: record.line, cells, ...read.error };
  return { kind: "person", line: record.line, cells, ...read.value };
}

type Values = Omit<PersonRow, "kind" | "line" | "cells">;

function readValues(record: CsvRecord, columns: readonly Column[]): Result<Values, Fault> {
  if (record.kind === "broken") return failed({ column: null, reason: BROKEN[record.problem] });
  const surplus = record.fields.slice(columns.length).filter((cell) => cell.trim() !== "").length;
  if (surplus > 0) return failed({ column: null, reason: explainSurplus(record.fields.length, columns.length) });
  const values = columns.map((column, index) => ({ column, text: readCell(record.fields[index] ?? "") }));
  for (const { column, text } of values) {
    const reason = explainBadText(column, text, record);
    if (reason !== undefined) return failed({ column: column.title || null, reason });
  }
  return readFields(values);
}

const BROKEN = {
  quotes:
    'The quotation marks in this row do not pair up: put the whole value in quotation marks and write each one inside it twice (""), or remove them.',
  "too-long": "This row is longer than 64 KiB: shorten it, or check that a line break is not missing.",
} as const;

function explainSurplus(cells: number, columns: number): string {
  return `This row has ${String(cells)} values, but the first line names ${String(columns)} columns: put a value that contains the separator in quotation marks.`;
}

/** Trimmed, without our own formula prefix, in the one Unicode form that compares (NFC). */
function readCell(cell: string): string {
  return readFormulaSafe(cell.trim()).trim().normalize("NFC");
}

/** What no value may hold, whatever its column means. */
function explainBadText(column: Column, text: string, record: { line: number; lastLine: number }): string | undefined {
  if (text === "" || column.meaning.kind === "note") return undefined;
  if (column.meaning.kind === "unnamed")
    return "There is a value in a column without a name: name the column in the first line, or empty it.";
  if (/[\r\n\u2028\u2029]/.test(text) && isFreeText(column)) {
    const lines = `lines ${String(record.line)} to ${String(record.lastLine)}`;
    const where = record.lastLine > record.line ? ` (it runs over ${lines})` : "";
    return `This value contains a line break${where}: put it on one line.`;
  }
  if (/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(text) && isFreeText(column))
    return "This value contains a character that cannot be seen: remove it, or type the value by hand.";
  const max = MAX_CHARACTERS[column.meaning.kind === "field" ? column.meaning.field : "attribute"];
  return max !== undefined && text.length > max
    ? `This value is longer than ${String(max)} characters: shorten it.`
    : undefined;
}

/** Addresses have their own reader with better words for what is wrong. */
function isFreeText({ meaning }: Column): boolean {
  return meaning.kind !== "field" || meaning.field !== "email";
}

const MAX_CHARACTERS: Readonly<Partial<Record<Field | "attribute", number>>> = {
  name: NAME_MAX_CHARACTERS,
  "first-name": NAME_MAX_CHARACTERS,
  "last-name": NAME_MAX_CHARACTERS,
  "employee-no": NUMBER_MAX_CHARACTERS,
  attribute: ATTRIBUTE_MAX_CHARACTERS,
};

interface Value {
  readonly column: Column;
  readonly text: string;
}

function readFields(values: readonly Value[]): Result<Values, Fault> {
  const find = (field: Field) =>
    values.find(({ column: { meaning } }) => meaning.kind === "field" && meaning.field === field);
  const emailColumn = find("email");
  const email = readAddress(emailColumn?.text ?? "");
  if (!email.ok) return fault(emailColumn, explainAddressProblem(email.error, emailColumn?.text ?? ""));
  const name = readName([find("name") ?? find("first-name"), find("name") ? undefined : find("last-name")]);
  if (!name.ok) return name;
  const language = readOptional(find("language"), readLanguage, explainLanguage);
  if (!language.ok) return language;
  const active = readOptional(find("active"), readYesOrNo, explainYesOrNo);
  if (!active.ok) return active;
  const startsOn = readOptional(find("starts-on"), readDay, explainDay);
  if (!startsOn.ok) return startsOn;
  return ok({
    email: email.value.text,
    emailKey: addressKey(email.value),
    employeeNo: find("employee-no")?.text || undefined,
    name: name.value,
    language: language.value,
    active: active.value,
    startsOn: startsOn.value ?? (find("starts-on") ? null : undefined),
    attributes: new Map(
      values.flatMap(({ column, text }) => (column.meaning.kind === "attribute" ? [[column.title, text]] : [])),
    ),
    warning: warnOfDisguise(email.value, emailColumn),
  });
}

function fault(value: Value | undefined, reason: string): { ok: false; error: Fault } {
  return failed({ column: value?.column.title ?? null, reason });
}

function readName(parts: readonly (Value | undefined)[]): Result<string | undefined, Fault> {
  const given = parts.filter((part) => part !== undefined);
  const name = given
    .map(({ text }) => text)
    .filter(Boolean)
    .join(" ");
  if (name.length > NAME_MAX_CHARACTERS)
    return fault(given[0], `The name is longer than ${String(NAME_MAX_CHARACTERS)} characters: shorten it.`);
  return ok(given.length === 0 ? undefined : name);
}

/** An empty cell says nothing; one that cannot be read is a fault. */
function readOptional<Read>(
  value: Value | undefined,
  read: (text: string) => Read | undefined,
  explain: (text: string) => string,
): Result<Read | undefined, Fault> {
  if (!value || value.text === "") return ok(undefined);
  const found = read(value.text);
  return found === undefined ? fault(value, explain(shorten(value.text))) : ok(found);
}

/** BCP 47 as far as mail needs it: language, and perhaps script and region. */
function readLanguage(text: string): string | undefined {
  const parts = /^([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?$/i.exec(text);
  if (!parts) return undefined;
  const [, language = "", script = "", region = ""] = parts;
  const titled = script.slice(0, 1).toUpperCase() + script.slice(1).toLowerCase();
  return [language.toLowerCase(), titled, region.toUpperCase()].filter(Boolean).join("-");
}

function explainLanguage(text: string): string {
  return `“${text}” is no language code: write a code such as en, de or pt-BR.`;
}

function readYesOrNo(text: string): boolean | undefined {
  return YES_OR_NO.get(text.toLowerCase());
}

const YES =
  "yes y true t 1 x on active ja j wahr aktiv oui o vrai actif si sí sì s verdadero activo vero attivo sim verdadeiro ativo waar actief tak";
const NO =
  "no n false f 0 off inactive nein falsch inaktiv non faux inactif falso inactivo inattivo não nao inativo nee onwaar inactief nej nei nie";
const YES_OR_NO: ReadonlyMap<string, boolean> = new Map([
  ...YES.split(" ").map((word) => [word, true] as const),
  ...NO.split(" ").map((word) => [word, false] as const),
]);

function explainYesOrNo(text: string): string {
  return `“${text}” is neither yes nor no: write yes for people who get mail and no for those who do not.`;
}

/** Year first, or day first with dots; with slashes nobody can tell day and month apart. A time of midnight is dropped. */
function readDay(text: string): string | undefined {
  const yearFirst = /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?$/.exec(text);
  const dayFirst = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})$/.exec(text);
  const [year, month, day] = yearFirst
    ? [yearFirst[1], yearFirst[3], yearFirst[4]]
    : [dayFirst?.[3], dayFirst?.[2], dayFirst?.[1]];
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const written = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  const instant = new Date(`${written}T00:00:00Z`);
  // The 30th of February would come back as the 1st of March.
  const exists = !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(written);
  return exists && Number(year) >= 1900 ? written : undefined;
}

function explainDay(text: string): string {
  return `“${text}” is no date we can be sure of: write year, month and day, such as 2026-03-31.`;
}

function warnOfDisguise({ local, domain }: Address, value: Value | undefined): Fault | undefined {
  if (!looksMixedScript(local) && !looksMixedScript(domain)) return undefined;
  return {
    column: value?.column.title ?? null,
    reason: `“${local}@${domain}” contains letters of another alphabet that look like Latin ones: check with the person that the address is right.`,
  };
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/**
 * Recognises the columns of a people file by their names, however they are written and in the languages our users'
 * spreadsheets speak. What is not recognised is an attribute under its own name.
 */
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { REPORT_COLUMNS } from "../export-csv.ts";
import { readFormulaSafe } from "../formula-cell.ts";

export type Field = "email" | "name" | "first-name" | "last-name" | "language" | "employee-no" | "starts-on" | "active";

export interface Column {
  /** The name as the file writes it, on one line. */
  readonly title: string;
  readonly meaning:
    | { readonly kind: "field"; readonly field: Field }
    | { readonly kind: "attribute" }
    /** A column without a name, which must be empty, or one of our own notes, which is left out. */
    | { readonly kind: "unnamed" }
    | { readonly kind: "note" };
}

export type ColumnsProblem =
  | { readonly kind: "no-email-column"; readonly found: readonly string[] }
  | { readonly kind: "column-twice"; readonly titles: readonly [string, string] }
  | { readonly kind: "too-many-columns"; readonly count: number }
  | { readonly kind: "column-name-too-long"; readonly title: string };

export const COLUMNS_MAX = 200;
const TITLE_MAX_CHARACTERS = 100;

/** `header` holds the cells of the first record. */
export function readColumns(header: readonly string[]): Result<readonly Column[], ColumnsProblem> {
  const titles = header.map(readTitle);
  if (titles.length > COLUMNS_MAX) return failed({ kind: "too-many-columns", count: titles.length });
  const long = titles.find((title) => title.length > TITLE_MAX_CHARACTERS);
  if (long !== undefined) return failed({ kind: "column-name-too-long", title: long });
  const columns = titles.map((title, index): Column => ({ title, meaning: readMeaning(title, index, titles) }));
  const twice = findTwice(columns);
  if (twice) return failed({ kind: "column-twice", titles: twice });
  if (findTitle(columns, "email") === null) return failed({ kind: "no-email-column", found: titles.filter(Boolean) });
  return ok(columns);
}

/** The name that the file gives to the column of this field; null when it has none. */
export function findTitle(columns: readonly Column[], field: Field): string | null {
  return columns.find(({ meaning }) => meaning.kind === "field" && meaning.field === field)?.title ?? null;
}

/** How much sense a first record makes as a header: the right delimiter finds the addresses, and the most columns. */
export function scoreHeader(header: readonly string[]): number {
  const hasEmail = header.some((cell) => FIELD_OF.get(nameKey(readTitle(cell))) === "email");
  return header.length + (hasEmail ? 1_000_000 : 0);
}

export function explainColumnsProblem(problem: ColumnsProblem): string {
  if (problem.kind === "column-twice")
    return `The columns “${problem.titles[0]}” and “${problem.titles[1]}” mean the same. Rename or remove one of them.`;
  if (problem.kind === "too-many-columns")
    return `The file has ${String(problem.count)} columns, and at most ${String(COLUMNS_MAX)} can be taken. Remove those that are not needed.`;
  if (problem.kind === "column-name-too-long")
    return `The column name “${problem.title.slice(0, 40)}…” is longer than ${String(TITLE_MAX_CHARACTERS)} characters. Check that the first line of the file holds the column names, or shorten it.`;
  if (problem.found.length === 0)
    return "The first line of the file names no columns. Put the column names there, one of them “email”.";
  const found = problem.found.map((title) => `“${title}”`).join(", ");
  return `No column holds mail addresses. The first line of the file names: ${found}. Rename the column with the addresses to “email”.`;
}

/** One line, without a formula prefix of ours; spreadsheets break long names over several lines. */
function readTitle(cell: string): string {
  return readFormulaSafe(cell.trim())
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ")
    .trim()
    .normalize("NFC");
}

function readMeaning(title: string, index: number, titles: readonly string[]): Column["meaning"] {
  if (title === "") return { kind: "unnamed" };
  if (NOTES.has(title)) return { kind: "note" };
  const fields = titles.map((other) => FIELD_OF.get(nameKey(other)));
  const field = FIELD_OF.get(nameKey(title));
  if (!field) return { kind: "attribute" };
  const isWhole = (at: number) => fields[at] === "name" && !isSurnamePerhaps(titles[at] ?? "", fields);
  const hasWholeName = titles.some((_, at) => isWhole(at));
  // Where the whole name is given, its parts are told again: they stay, under their own names.
  if ((field === "first-name" || field === "last-name") && hasWholeName) return { kind: "attribute" };
  if (field === "name" && !isWhole(index)) return { kind: "field", field: "last-name" };
  return { kind: "field", field };
}

const NOTES: ReadonlySet<string> = new Set(REPORT_COLUMNS);

/** “Vorname; Name”: beside a first name and without a last name, the bare word means the last name. */
function isSurnamePerhaps(title: string, fields: readonly (Field | undefined)[]): boolean {
  return nameKey(title) === "name" && fields.includes("first-name") && !fields.includes("last-name");
}

function findTwice(columns: readonly Column[]): [string, string] | undefined {
  const first = new Map<string, string>();
  for (const { title, meaning } of columns) {
    if (meaning.kind === "unnamed" || meaning.kind === "note") continue;
    const key = meaning.kind === "field" ? `field ${meaning.field}` : `attribute ${title.toLowerCase()}`;
    const before = first.get(key);
    if (before !== undefined) return [before, title];
    first.set(key, title);
  }
  return undefined;
}

/** Letters and digits only, without accents and case: “E-Mail-Adresse” and “email adresse” are one name. */
function nameKey(title: string): string {
  return title
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, "");
}

const NAMES: Readonly<Record<Field, string>> = {
  email: `email; mail; email address; mail address; e-mail id; work email; business email; company email; primary email;
    E-Mail-Adresse; Mailadresse; geschäftliche E-Mail; dienstliche E-Mail; courriel; adresse e-mail; adresse mail;
    adresse courriel; adresse électronique; correo; correo electrónico; indirizzo email; posta elettronica;
    endereço de email; correio eletrônico; e-mailadres; mailadres; e-post; e-postadress; e-postadresse; sähköposti;
    adres e-mail; e-posta; メール; メールアドレス; 电子邮件; 电子邮箱; 邮箱; почта; электронная почта`,
  name: `name; full name; display name; employee name; employee; vollständiger Name; Mitarbeitername; nom complet;
    nombre completo; nombre y apellidos; nome completo; volledige naam; naam; namn; navn; imię i nazwisko; nimi; 氏名; 姓名`,
  "first-name": `first name; forename; given name; Vorname; prénom; nombre; nome; voornaam; förnamn; fornavn; imię; etunimi; 名`,
  "last-name": `last name; surname; family name; Nachname; Familienname; nom; nom de famille; apellido; apellidos; cognome;
    sobrenome; apelido; achternaam; efternamn; efternavn; etternavn; nazwisko; sukunimi; 姓`,
  language: `language; lang; locale; preferred language; language code; Sprache; langue; idioma; lingua; língua; taal; språk;
    sprog; język; kieli; 言語; 语言`,
  "employee-no": `employee id; employee no; employee number; employee nr; employee code; emp id; emp no; staff id; staff no;
    staff number; personnel number; payroll number; Personalnummer; Personal-Nr; Mitarbeiternummer; Mitarbeiter-Nr;
    Mitarbeiter-ID; matricule; numéro d'employé; número de empleado; id empleado; matricola; matrícula;
    personeelsnummer; medewerkernummer; anställningsnummer; medarbejdernummer; ansattnummer; numer pracownika; 社員番号; 工号`,
  "starts-on": `start date; starts on; starting date; hire date; date of hire; join date; joining date; date joined; entry date;
    employment start; employment start date; first day; Eintrittsdatum; Eintritt; Startdatum; date d'entrée;
    date d'embauche; date de début; fecha de inicio; fecha de alta; fecha de ingreso; data di assunzione;
    data de admissão; data de início; datum in dienst; startdato; 入社日; 入职日期`,
  active: `active; is active; enabled; aktiv; actif; activo; attivo; ativo; actief; aktywny`,
};

const FIELD_OF: ReadonlyMap<string, Field> = new Map(
  (Object.keys(NAMES) as Field[]).flatMap((field) => NAMES[field].split(";").map((name) => [nameKey(name), field])),
);

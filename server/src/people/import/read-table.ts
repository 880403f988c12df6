/**
 * Opens the bytes of a CSV file as a table: encoding and delimiter guessed and said, header understood, rows one after
 * the other with the line they begin on. The source is read twice, for only its end shows which encoding it is in;
 * neither pass keeps more than a piece of it. What a row means is for `readPerson` to say.
 */
import { failed, ok, type Result } from "@roundtrip/mail/result";
import { type Column, type ColumnsProblem, explainColumnsProblem, readColumns, scoreHeader } from "./read-columns.ts";
import { type Encoding, type EncodingProblem, FILE_MAX_BYTES, readEncoding } from "./read-encoding.ts";
import { type CsvRecord, type Delimiter, readRecords } from "./read-records.ts";

export interface TableSource {
  readonly fileName: string;
  /** The bytes from the beginning, each time it is called. */
  open(): AsyncIterable<Uint8Array>;
}

export interface Table {
  readonly encoding: Encoding;
  readonly delimiter: Delimiter;
  readonly columns: readonly Column[];
  /** All records behind the header, in batches. */
  rows(): AsyncGenerator<readonly CsvRecord[]>;
}

export type TableProblem =
  | ColumnsProblem
  | { readonly kind: EncodingProblem }
  | { readonly kind: "header-broken"; readonly line: number };

export async function readTable(source: TableSource): Promise<Result<Table, TableProblem>> {
  const encoded = await readEncoding(cutBytes(source.open()));
  if (!encoded.ok) return failed({ kind: encoded.error });
  const { encoding, beginning } = encoded.value;
  const header = await findHeader(beginning);
  if (!header) return failed({ kind: "empty" });
  if (header.record.kind === "broken") return failed({ kind: "header-broken", line: header.record.line });
  const { delimiter } = header;
  const { fields, lastLine } = header.record;
  const columns = readColumns(fields);
  if (!columns.ok) return columns;
  const rows = () => readRows(readRecords(decode(cutBytes(source.open()), encoding), delimiter), lastLine);
  return ok({ encoding, delimiter, columns: columns.value, rows });
}

const DELIMITERS: readonly Delimiter[] = [",", ";", "\t", "|"];

/** What spreadsheets write in front of the header to name the delimiter. */
const SEPARATOR_LINE = /^"?sep=([,;\t|])"?[\r\n]/i;

/** A sentence for the person who chose the file: what is wrong with it, and what to do. */
export function explainTableProblem(problem: TableProblem): string {
  if (problem.kind === "header-broken")
    return `The column names in line ${String(problem.line)} cannot be read: their quotation marks do not pair up. Correct that line.`;
  return isColumnsProblem(problem) ? explainColumnsProblem(problem) : ENCODING_SENTENCES[problem.kind];
}

function isColumnsProblem(problem: Exclude<TableProblem, { kind: "header-broken" }>): problem is ColumnsProblem {
  return !Object.hasOwn(ENCODING_SENTENCES, problem.kind);
}

const ENCODING_SENTENCES: Readonly<Record<EncodingProblem, string>> = {
  empty: "The file is empty. Choose a CSV file whose first line names the columns.",
  "too-large": `The file is larger than ${String(FILE_MAX_BYTES / 1_000_000)} MB. Split it and import the parts one after the other.`,
  spreadsheet:
    "This is a spreadsheet, whatever its name ends in. Open it and save it as CSV (UTF-8), then import that file.",
  binary: "This is no text file, or it is damaged. Save the list as CSV (UTF-8) and import that file.",
};

interface Header {
  readonly delimiter: Delimiter;
  readonly record: CsvRecord;
}

/** The first record that is not blank, read with the delimiter that the file declares or that makes most sense of it. */
async function findHeader(beginning: string): Promise<Header | undefined> {
  const declared = SEPARATOR_LINE.exec(beginning)?.[1] as Delimiter | undefined;
  const found: Header[] = [];
  for (const delimiter of declared ? [declared] : DELIMITERS) {
    const record = await findFirstRecord(beginning, delimiter, declared ? 2 : 1);
    if (record) found.push({ delimiter, record });
  }
  const score = ({ record }: Header) => (record.kind === "fields" ? scoreHeader(record.fields) : 0);
  return found.reduce<Header | undefined>((best, one) => (best && score(best) >= score(one) ? best : one), undefined);
}

async function findFirstRecord(
  beginning: string,
  delimiter: Delimiter,
  lineMin: number,
): Promise<CsvRecord | undefined> {
  const once = (async function* () {
    yield beginning;
  })();
  for await (const records of readRecords(once, delimiter)) {
    const first = records.find((record) => record.line >= lineMin && !isBlank(record));
    if (first) return first;
  }
  return undefined;
}

async function* readRows(
  records: AsyncIterable<readonly CsvRecord[]>,
  headerLine: number,
): AsyncGenerator<readonly CsvRecord[]> {
  for await (const batch of records) yield batch.filter((record) => record.line > headerLine && !isBlank(record));
}

function isBlank(record: CsvRecord): boolean {
  return record.kind === "fields" && record.fields.every((field) => field.trim() === "");
}

/** Pieces of bounded size, so that a file that comes in one piece is read like one that comes in many. */
async function* cutBytes(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
}

const PIECE_BYTES = 128 * 1024;

async function* decode(bytes: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding);
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

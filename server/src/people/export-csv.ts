/**
 * Writes CSV (RFC 4180 §2) that a spreadsheet opens without harm: UTF-8 with a byte order mark, formulas neutralised.
 * Read in again by the import, the employees come out as they were. Pure: rows in, pieces of text out, nothing buffered.
 */
import type { Person } from "./employee.ts";
import { writeFormulaSafe } from "./formula-cell.ts";

/** Without it, spreadsheets take UTF-8 for the code page of the computer. */
const BYTE_ORDER_MARK = "\uFEFF";

/** All employees, one row each; `attributeNames` says which attributes get a column and in which order. */
export async function* writeEmployeesCsv(
  employees: AsyncIterable<Person> | Iterable<Person>,
  attributeNames: readonly string[],
): AsyncGenerator<string> {
  const header = ["email", "full_name", "employee_no", "language", "starts_on", "active", ...attributeNames];
  yield BYTE_ORDER_MARK + writeCsvRow(header);
  for await (const person of employees) {
    const { email, name, employeeNo, language, startsOn, active, attributes } = person;
    const values = attributeNames.map((attribute) => attributes.get(attribute) ?? "");
    yield writeCsvRow([email, name, employeeNo ?? "", language, startsOn ?? "", active ? "yes" : "no", ...values]);
  }
}

/** A row that an import turned away, with the cells as they stood in the file. */
export interface RejectedRow {
  readonly row: number;
  readonly column: string | null;
  readonly reason: string;
  readonly cells: readonly string[];
}

/** The rejected rows under their own header, with what is wrong in front: to be mended and imported again. */
export async function* writeRejectedCsv(
  rejected: AsyncIterable<RejectedRow> | Iterable<RejectedRow>,
  header: readonly string[],
): AsyncGenerator<string> {
  yield BYTE_ORDER_MARK + writeCsvRow([...REPORT_COLUMNS, ...header]);
  for await (const { row, column, reason, cells } of rejected) {
    yield writeCsvRow([String(row), column ?? "", reason, ...cells]);
  }
}

/** Columns of our own in a list of rejected rows; an import leaves them out when the mended list comes back. */
export const REPORT_COLUMNS = ["roundtrip row", "roundtrip column", "roundtrip reason"] as const;

function writeCsvRow(cells: readonly string[]): string {
  return `${cells.map((cell) => writeCell(writeFormulaSafe(cell))).join(",")}\r\n`;
}

function writeCell(text: string): string {
  // Foreign delimiters are quoted as well, so that no guess of a reader can go wrong over them.
  return /[",;|\t\r\n]|^\s|\s$/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Keeps a spreadsheet from running what somebody wrote into a cell (CWE-1236): a text that a spreadsheet would take for
 * a formula gets an apostrophe in front on export, and the import takes exactly one off again. The pair restores every
 * text, those that begin with an apostrophe themselves included.
 */

/** The full-width forms are formulas to spreadsheets set to Japanese; blanks in front are skipped by some. */
const FORMULA = /^'*\s*[=+\-@\t\r\n＝＋－＠]/u;

/** The text as it may stand in an exported cell. */
export function writeFormulaSafe(text: string): string {
  return FORMULA.test(text) ? `'${text}` : text;
}

/** The text that `writeFormulaSafe` was given; a text it would never have written comes back as it is. */
export function readFormulaSafe(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}

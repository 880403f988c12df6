/**
 * Cuts CSV text (RFC 4180 §2) into records that know their line. It finds the records itself and leaves only the fields
 * of one record to csv-parse, because a broken row must cost that row alone: an unpaired quotation mark rejects its
 * line and reading goes on with the next, where a parser of whole files swallows all up to the following mark.
 */
import { parse } from "csv-parse/sync";

export type Delimiter = "," | ";" | "\t" | "|";

export type CsvRecord =
  | { readonly kind: "fields"; readonly line: number; readonly lastLine: number; readonly fields: readonly string[] }
  | { readonly kind: "broken"; readonly line: number; readonly problem: RecordProblem; readonly text: string };

export type RecordProblem = "quotes" | "too-long";

export const RECORD_MAX_CHARACTERS = 64 * 1024;
/** What is kept of a line that is too long, so that a person can recognise it. */
const EXCERPT_CHARACTERS = 200;

/** Records in batches, one batch per piece of text; empty lines are left out. Lines count from 1 and end in CRLF, LF or CR. */
export async function* readRecords(
  pieces: AsyncIterable<string>,
  delimiter: Delimiter,
): AsyncGenerator<readonly CsvRecord[]> {
  let state: Cut = { records: [], rest: "", line: 1, skipping: false };
  for await (const piece of pieces) {
    state = cutRecords({ ...state, rest: state.rest + piece }, { delimiter, atEnd: false });
    yield state.records;
  }
  yield cutRecords(state, { delimiter, atEnd: true }).records;
}

interface Cut {
  readonly records: CsvRecord[];
  /** Text that may still grow into a record; never much longer than one. */
  readonly rest: string;
  /** The line on which `rest` begins. */
  readonly line: number;
  /** Inside a line that was given up as too long. */
  readonly skipping: boolean;
}

interface Reading {
  readonly delimiter: Delimiter;
  readonly atEnd: boolean;
}

/** Takes all complete records off the front of `rest`. */
function cutRecords({ rest: text, line: firstLine, skipping: isInside }: Cut, reading: Reading): Cut {
  const records: CsvRecord[] = [];
  let [at, line, skipping] = [0, firstLine, isInside];
  for (;;) {
    const end = findLineEnd(text, at, reading.atEnd);
    if (!end) break;
    const next = skipping ? undefined : readRecordAt(text, { at, end, line }, reading);
    if (next === "needs-more") return { records, rest: text.slice(at), line, skipping };
    if (next?.record) records.push(next.record);
    skipping = false;
    at = next?.at ?? end.next;
    line += next?.lines ?? 1;
  }
  const rest = text.slice(at);
  if (skipping) return { records, rest: rest.endsWith("\r") ? "\r" : "", line, skipping };
  if (rest.length <= RECORD_MAX_CHARACTERS) return { records, rest, line, skipping };
  records.push({ kind: "broken", line, problem: "too-long", text: rest.slice(0, EXCERPT_CHARACTERS) });
  return { records, rest: rest.endsWith("\r") ? "\r" : "", line, skipping: true };
}

interface LineEnd {
  /** Where the text of the line stops. */
  readonly stop: number;
  /** Where the next line begins. */
  readonly next: number;
}

/** The end of the line that begins at `from`; undefined when it has not come yet, or when no text is left. */
function findLineEnd(text: string, from: number, atEnd: boolean): LineEnd | undefined {
  LINE_END.lastIndex = from;
  const found = LINE_END.exec(text);
  if (!found) return atEnd && from < text.length ? { stop: text.length, next: text.length } : undefined;
  // A CR at the very end may be the first half of a CRLF.
  if (found[0] === "\r" && LINE_END.lastIndex === text.length && !atEnd) return undefined;
  return { stop: found.index, next: LINE_END.lastIndex };
}

const LINE_END = /\r\n|\n|\r/g;

interface Start {
  readonly at: number;
  readonly end: LineEnd;
  readonly line: number;
}

interface Step {
  readonly record: CsvRecord | undefined;
  readonly at: number;
  readonly lines: number;
}

/** The record that begins here: one line, or several while a quotation mark is open. */
function readRecordAt(text: string, { at, end, line }: Start, reading: Reading): Step | "needs-more" {
  const first = text.slice(at, end.stop);
  const broken = (problem: RecordProblem): Step => ({
    record: {
      kind: "broken",
      line,
      problem,
      text: problem === "too-long" ? first.slice(0, EXCERPT_CHARACTERS) : first,
    },
    at: end.next,
    lines: 1,
  });
  if (first.length > RECORD_MAX_CHARACTERS) return broken("too-long");
  let [stop, lines, isOpen] = [end, 1, hasOpenQuote(first)];
  while (isOpen) {
    const next = findLineEnd(text, stop.next, reading.atEnd);
    const tooFar = (next?.stop ?? text.length) - at > RECORD_MAX_CHARACTERS;
    if (tooFar || (!next && reading.atEnd)) return broken("quotes");
    if (!next) return "needs-more";
    if (hasOpenQuote(text.slice(stop.next, next.stop))) isOpen = false;
    stop = next;
    lines += 1;
  }
  const fields = readFields(text.slice(at, stop.stop), reading.delimiter);
  if (!fields) return broken("quotes");
  const record: CsvRecord = { kind: "fields", line, lastLine: line + lines - 1, fields };
  return { record: fields.length === 0 ? undefined : record, at: stop.next, lines };
}

/** An odd number of quotation marks: a doubled one inside a value counts twice. */
function hasOpenQuote(line: string): boolean {
  if (!line.includes('"')) return false;
  return line.split('"').length % 2 === 0;
}

/** The fields of one record; none for an empty line, undefined when the quotation marks make no sense. */
export function readFields(record: string, delimiter: Delimiter): readonly string[] | undefined {
  if (record === "") return [];
  if (!record.includes('"')) return record.split(delimiter);
  try {
    // No record holds a NUL, so line breaks inside quotation marks stay in their field.
    const [fields] = parse(record, { delimiter, record_delimiter: "\0", trim: true });
    return fields;
  } catch {
    // The only trouble a single bounded record can give.
    return undefined;
  }
}

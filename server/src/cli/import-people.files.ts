/**
 * `roundtrip import FILE [--dry-run] [--json]`: checks a CSV file against the people known already and, unless it is a
 * dry run, applies it. Gives back what to print; the rim prints it and reports a Refusal.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { type Database, inOrganisation } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import { clearFlag } from "../outcome/flag.store.ts";
import {
  applyImport,
  checkImport,
  discardImport,
  type ImportSummary,
  listRejected,
  type RowFault,
} from "../people/import.store.ts";

export interface ImportOptions {
  readonly dryRun: boolean;
  /** One JSON document instead of sentences. */
  readonly json: boolean;
  readonly now: Date;
}

/** Shape of the JSON: `{ new, changed, unchanged, rejected: [{ row, column, reason }], … }`; row is the line in the file. */
export async function importPeople(
  database: Database,
  orgId: number,
  path: string,
  { dryRun, json, now }: ImportOptions,
): Promise<string> {
  const file = await stat(path).catch(() => undefined);
  if (!file?.isFile()) throw new Refusal("import-no-file", `${path} is no file that can be read. Check the path.`);
  const source = { fileName: basename(path), open: () => createReadStream(path) as AsyncIterable<Uint8Array> };
  const summary = await checkImport(database, orgId, source, now);
  const rejected: RowFault[] = [];
  for await (const { row, column, reason } of listRejected(database, orgId, summary.id))
    rejected.push({ row, column, reason });
  const applied = dryRun ? null : await applyImport(database, orgId, summary.id, now);
  for (const employeeId of applied?.mended ?? []) await clearMended(database, { orgId, employeeId }, now);
  if (dryRun) await discardImport(database, orgId, summary.id);
  return json ? presentJson(summary, rejected, applied?.mended) : explainImport(summary, rejected, dryRun);
}

/** The flag was about the address that this import has replaced: it comes off, and what had bounced goes out again. */
async function clearMended(
  database: Database,
  person: { orgId: number; employeeId: number },
  now: Date,
): Promise<void> {
  await inOrganisation(database, person.orgId, (client) =>
    clearFlag(client, person, "address corrected by an import", now),
  );
}

function presentJson(
  summary: ImportSummary,
  rejected: readonly RowFault[],
  mended: readonly number[] | undefined,
): string {
  const { new: added, changed, unchanged, warnings, encoding, delimiter } = summary;
  const document = {
    new: added,
    changed,
    unchanged,
    rejected,
    warnings,
    encoding,
    delimiter,
    applied: mended !== undefined,
    mended,
  };
  return JSON.stringify(document, null, 2);
}

function explainImport(summary: ImportSummary, rejected: readonly RowFault[], dryRun: boolean): string {
  const { fileName, encoding, delimiter, warnings } = summary;
  const read = `${fileName}: read as ${encoding}, columns separated by ${delimiter === "\t" ? "tabs" : delimiter}`;
  const counts = `${String(summary.new)} new, ${String(summary.changed)} changed, ${String(summary.unchanged)} unchanged, ${String(rejected.length)} rejected`;
  const end = dryRun ? "Nothing was changed: this was a dry run." : "Imported.";
  return [
    read,
    counts,
    ...rejected.map(explainFault),
    ...warnings.map((warning) => `look: ${explainFault(warning)}`),
    end,
  ].join("\n");
}

function explainFault({ row, column, reason }: RowFault): string {
  return `row ${String(row)}${column === null ? "" : `, ${column}`}: ${reason}`;
}

/**
 * An import of people: checked first, which changes nothing and keeps the plan, then applied exactly as checked, in one
 * transaction, or not at all. Rows are staged in the database batch by batch, so a million of them need no more memory
 * than a thousand. It never touches a flag: whose address was mended is reported, and what follows is for `outcome/`.
 */
import { type Client, type Database, inOrganisation } from "../ground/database.store.ts";
import { Refusal } from "../ground/refusal.ts";
import type { Person } from "./employee.ts";
import type { RejectedRow } from "./export-csv.ts";
import {
  employeeKey,
  keysOf,
  type KnownEmployee,
  planImport,
  type PlannedRow,
  type Seen,
} from "./import/plan-import.ts";
import type { Encoding } from "./import/read-encoding.ts";
import { type Fault, type PersonRow, readPerson } from "./import/read-person.ts";
import type { Delimiter } from "./import/read-records.ts";
import { explainTableProblem, readTable, type Table, type TableSource } from "./import/read-table.ts";

export interface ImportSummary {
  readonly id: number;
  readonly fileName: string;
  readonly encoding: Encoding;
  readonly delimiter: Delimiter;
  /** Column names as the file writes them. */
  readonly header: readonly string[];
  readonly new: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly rejectedCount: number;
  /** The first thousand; all of them come from `listRejected`. */
  readonly rejected: readonly RowFault[];
  readonly warningCount: number;
  /** Rows that were taken but deserve a look; the first thousand. */
  readonly warnings: readonly RowFault[];
}

export interface RowFault extends Fault {
  /** The line in the file; the header is line 1. */
  readonly row: number;
}

export interface AppliedImport {
  readonly new: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Employees who still carry a flag that was raised on the address this import replaced. */
  readonly mended: readonly number[];
}

const PAGE_ROWS = 2000;
/** From so many rows on, the tables they went into get fresh statistics at once. */
const MANY_ROWS = 1000;
const LISTED_MAX = 1000;
/** A plan nobody applied holds people's data for nothing; after this time another check throws it away. */
const PLAN_KEPT_MS = 7 * 24 * 3_600_000;

/** Reads the file and plans the import. Changes no employee. Throws a Refusal when the file cannot be read as a table. */
export async function checkImport(
  database: Database,
  orgId: number,
  source: TableSource,
  now: Date,
): Promise<ImportSummary> {
  const table = await readTable(source);
  if (!table.ok) throw new Refusal(`import-${table.error.kind}`, explainTableProblem(table.error));
  const summary = await inOrganisation(database, orgId, async (client) => {
    await client.query(discardStatement("created_at < $2"), [orgId, new Date(now.getTime() - PLAN_KEPT_MS)]);
    const importId = await openImport(client, orgId, source.fileName, now);
    const counts = await stageRows(client, { orgId, importId }, table.value);
    const { encoding, delimiter, columns } = table.value;
    const header = columns.map(({ title }) => title);
    const summary = { id: importId, fileName: source.fileName, encoding, delimiter, header, ...counts };
    await client.query("update people_import set summary = $3 where org_id = $1 and id = $2", [
      orgId,
      importId,
      JSON.stringify(summary),
    ]);
    return summary;
  });
  // Without statistics of the new rows a planner may join them the long way round.
  if (summary.new + summary.changed + summary.unchanged > MANY_ROWS)
    await database.owner.query("analyze people_import_row");
  return summary;
}

/**
 * Does what the check said. Applying again does nothing and gives the same answer. Throws a Refusal, with nothing
 * changed, when people were changed since the check or the import was discarded.
 */
export async function applyImport(
  database: Database,
  orgId: number,
  importId: number,
  now: Date,
): Promise<AppliedImport> {
  const applied = await inOrganisation(database, orgId, async (client) => {
    const { state, summary } = await lockImport(client, orgId, importId);
    if (state === "discarded")
      throw new Refusal("import-discarded", "This import was discarded. Check the file again to import it.");
    if (state === "checked") await applyPlan(client, { orgId, importId }, summary, now);
    const mended = await findMended(client, orgId, importId);
    return { new: summary.new, changed: summary.changed, unchanged: summary.unchanged, mended };
  }).catch((error: unknown) => {
    throw hasCode(error, UNIQUE_VIOLATION) ? refuseOutdated({ cause: error }) : error;
  });
  if (applied.new + applied.changed > MANY_ROWS) await database.owner.query("analyze employee");
  return applied;
}

/** Throws the plan away; rejected rows stay. Does nothing to an import that is applied already. */
export async function discardImport(database: Database, orgId: number, importId: number): Promise<void> {
  await inOrganisation(database, orgId, (client) => client.query(discardStatement("id = $2"), [orgId, importId]));
}

/** All rejected rows with their cells, in the order of the file: to be written as CSV. */
export async function* listRejected(database: Database, orgId: number, importId: number): AsyncGenerator<RejectedRow> {
  for (let [after, isLast] = [0, false]; !isLast;) {
    const page = await inOrganisation(database, orgId, (client) =>
      client.query<RejectedRow>(
        `select line as row, column_name as column, reason, cells from people_import_row
         where org_id = $1 and import_id = $2 and verdict = 'rejected' and line > $3 order by line limit $4`,
        [orgId, importId, after, PAGE_ROWS],
      ),
    );
    yield* page.rows;
    after = page.rows.at(-1)?.row ?? after;
    isLast = page.rows.length < PAGE_ROWS;
  }
}

/** What the check of an import found, or undefined when there is no such import. */
export async function findImport(
  database: Database,
  orgId: number,
  importId: number,
): Promise<(ImportSummary & { readonly state: ImportState }) | undefined> {
  const found = await inOrganisation(database, orgId, (client) =>
    client.query<{ summary: ImportSummary; state: ImportState }>(
      "select summary, state from people_import where org_id = $1 and id = $2",
      [orgId, importId],
    ),
  );
  return found.rows.map(({ summary, state }) => ({ ...summary, state }))[0];
}

export type ImportState = "checked" | "applied" | "discarded";

interface ImportKey {
  readonly orgId: number;
  readonly importId: number;
}

async function openImport(client: Client, orgId: number, fileName: string, now: Date): Promise<number> {
  const opened = await client.query<{ id: number }>(
    "insert into people_import (org_id, file_name, state, summary, created_at) values ($1, $2, 'checked', '{}', $3) returning id",
    [orgId, fileName, now],
  );
  const id = opened.rows[0]?.id;
  if (id === undefined) throw new Error("The database gave a new import no id");
  return id;
}

/** Drops the staged people of imports that match; their rejected rows stay as the record of the import. */
function discardStatement(which: string): string {
  return `with gone as (update people_import set state = 'discarded' where org_id = $1 and ${which} and state = 'checked' returning id)
    delete from people_import_row r using gone where r.org_id = $1 and r.import_id = gone.id and r.verdict <> 'rejected'`;
}

async function stageRows(client: Client, key: ImportKey, table: Table): Promise<Counts> {
  const tally = startTally();
  // With this one index there is one way to look a key up, whatever the planner believes of a table that grows under it.
  await client.query("create temporary table import_key (key text primary key, line integer not null) on commit drop");
  for await (const records of table.rows()) {
    const rows = records.map((record) => readPerson(record, table.columns));
    const people = rows.filter((row) => row.kind === "person");
    const employees = await findKnown(client, key.orgId, people);
    const seen = await findSeen(client, people, employees);
    const planned = planImport(rows, table.columns, { ...indexKnown(employees), seen });
    await stageBatch(client, key, planned);
    planned.forEach(tally.add);
  }
  return tally.counts();
}

type Counts = Pick<
  ImportSummary,
  "new" | "changed" | "unchanged" | "rejectedCount" | "rejected" | "warningCount" | "warnings"
>;

function startTally() {
  const count = { new: 0, changed: 0, unchanged: 0, rejected: 0, warning: 0 };
  const [rejected, warnings]: [RowFault[], RowFault[]] = [[], []];
  return {
    add: (planned: PlannedRow) => {
      count[planned.kind] += 1;
      const fault = planned.kind === "rejected" ? planned : planned.row.warning;
      if (!fault) return;
      if (planned.kind !== "rejected") count.warning += 1;
      const list = planned.kind === "rejected" ? rejected : warnings;
      const row = planned.kind === "rejected" ? planned.line : planned.row.line;
      if (list.length < LISTED_MAX) list.push({ row, column: fault.column, reason: fault.reason });
    },
    counts: (): Counts => ({
      new: count.new,
      changed: count.changed,
      unchanged: count.unchanged,
      rejectedCount: count.rejected,
      rejected,
      warningCount: count.warning,
      warnings,
    }),
  };
}

type KnownRow = KnownEmployee & { readonly emailKey: string };

async function findKnown(client: Client, orgId: number, people: readonly PersonRow[]): Promise<KnownRow[]> {
  const found = await client.query<Omit<KnownRow, "attributes"> & { attributes: Record<string, string> }>(
    `select e.id, e.employee_no as "employeeNo", e.email, e.email_key as "emailKey", e.name, e.language, e.attributes, e.active,
       e.starts_on::text as "startsOn", employee_version(e) as version
     from employee e where e.org_id = $1 and (e.email_key = any ($2) or e.employee_no = any ($3))`,
    [orgId, people.map(({ emailKey }) => emailKey), people.flatMap(({ employeeNo }) => employeeNo ?? [])],
  );
  return found.rows.map((row) => ({ ...row, attributes: new Map(Object.entries(row.attributes)) }));
}

function indexKnown(employees: readonly KnownRow[]) {
  return {
    byNumber: new Map(employees.flatMap((one) => (one.employeeNo === null ? [] : [[one.employeeNo, one] as const]))),
    byAddress: new Map(employees.map((one) => [one.emailKey, one] as const)),
  };
}

/** Lines that earlier batches of this file gave to the same addresses, numbers and employees. */
async function findSeen(client: Client, people: readonly PersonRow[], employees: readonly KnownRow[]): Promise<Seen> {
  const keys = [...people.flatMap((row) => keysOf(row, undefined)), ...employees.map(({ id }) => employeeKey(id))];
  const found = await client.query<{ key: string; line: number }>(
    "select key, line from import_key where key = any ($1)",
    [keys],
  );
  return new Map(found.rows.map(({ key, line }) => [key, line]));
}

async function stageBatch(
  client: Client,
  { orgId, importId }: ImportKey,
  planned: readonly PlannedRow[],
): Promise<void> {
  await client.query(
    `insert into people_import_row (org_id, import_id, line, verdict, email_key, employee_id, version, person, column_name, reason, cells)
     select $1, $2, r.* from jsonb_to_recordset($3::jsonb) as r(line integer, verdict text, email_key text, employee_id bigint,
       version text, person jsonb, column_name text, reason text, cells jsonb)`,
    [orgId, importId, JSON.stringify(planned.map(presentPlanned))],
  );
  const keys = planned.flatMap((one) => (one.kind === "rejected" ? [] : keysOfPlanned(one)));
  await client.query("insert into import_key select * from unnest($1::text[], $2::integer[])", [
    keys.map(({ key }) => key),
    keys.map(({ line }) => line),
  ]);
}

function keysOfPlanned(planned: Exclude<PlannedRow, { kind: "rejected" }>): { key: string; line: number }[] {
  const employee = planned.kind === "new" ? undefined : planned.employee;
  return keysOf(planned.row, employee).map((key) => ({ key, line: planned.row.line }));
}

function presentPlanned(planned: PlannedRow) {
  if (planned.kind === "rejected") {
    const { line, column, reason, cells } = planned;
    return { line, verdict: planned.kind, column_name: column, reason, cells };
  }
  const { line, emailKey } = planned.row;
  const row = { line, verdict: planned.kind, email_key: emailKey };
  const employee =
    planned.kind === "new" ? {} : { employee_id: planned.employee.id, version: planned.employee.version };
  const person = planned.kind === "unchanged" ? {} : { person: presentPerson(planned.person) };
  return { ...row, ...employee, ...person };
}

/** Named as the columns of `employee`. The object takes any attribute name, for `fromEntries` defines and never assigns. */
function presentPerson({ employeeNo, startsOn, attributes, ...person }: Person) {
  return { ...person, employee_no: employeeNo, starts_on: startsOn, attributes: Object.fromEntries(attributes) };
}

type StoredSummary = Pick<ImportSummary, "new" | "changed" | "unchanged">;

/** One import of an organisation at a time, so that two of them cannot wait for each other. */
async function lockImport(
  client: Client,
  orgId: number,
  importId: number,
): Promise<{ state: ImportState; summary: StoredSummary }> {
  await client.query("select from organisation where org_id = $1 for no key update", [orgId]);
  const found = await client.query<{ state: ImportState; summary: StoredSummary }>(
    "select state, summary from people_import where org_id = $1 and id = $2 for update",
    [orgId, importId],
  );
  const row = found.rows[0];
  if (!row) throw new Refusal("import-unknown", "There is no such import. Check the file again to import it.");
  return row;
}

const plannedPerson =
  "jsonb_to_record(r.person) as p(email text, employee_no text, name text, language text, attributes jsonb, active boolean, starts_on date)";

async function applyPlan(
  client: Client,
  { orgId, importId }: ImportKey,
  summary: StoredSummary,
  now: Date,
): Promise<void> {
  const mended = await client.query<{ id: number }>(
    `select e.id from people_import_row r join employee e on e.org_id = r.org_id and e.id = r.employee_id
     where r.org_id = $1 and r.import_id = $2 and r.verdict = 'changed' and e.flag is not null and e.email_key <> r.email_key`,
    [orgId, importId],
  );
  // The version is compared in the statement that writes, so that a change made this very moment is seen as well.
  const changed = await client.query(
    `update employee e set email = p.email, email_key = r.email_key, employee_no = p.employee_no, name = p.name, language = p.language,
       attributes = p.attributes, active = p.active, starts_on = p.starts_on, updated_at = $3
     from people_import_row r, ${plannedPerson}
     where r.org_id = $1 and r.import_id = $2 and r.verdict = 'changed' and e.org_id = r.org_id and e.id = r.employee_id
       and employee_version(e) = r.version`,
    [orgId, importId, now],
  );
  const unchanged = await client.query<{ count: number }>(
    `select count(*) from people_import_row r join employee e on e.org_id = r.org_id and e.id = r.employee_id
     where r.org_id = $1 and r.import_id = $2 and r.verdict = 'unchanged' and employee_version(e) = r.version`,
    [orgId, importId],
  );
  if (changed.rowCount !== summary.changed || unchanged.rows[0]?.count !== summary.unchanged) throw refuseOutdated();
  await client.query(
    `insert into employee (org_id, email, email_key, employee_no, name, language, attributes, active, starts_on, created_at, updated_at)
     select r.org_id, p.email, r.email_key, p.employee_no, p.name, p.language, p.attributes, p.active, p.starts_on, $3, $3
     from people_import_row r, ${plannedPerson}
     where r.org_id = $1 and r.import_id = $2 and r.verdict = 'new' order by r.line`,
    [orgId, importId, now],
  );
  await client.query("delete from people_import_row where org_id = $1 and import_id = $2 and verdict <> 'rejected'", [
    orgId,
    importId,
  ]);
  await client.query(
    `update people_import set state = 'applied', applied_at = $3, summary = summary || jsonb_build_object('mended', $4::jsonb)
     where org_id = $1 and id = $2`,
    [orgId, importId, now, JSON.stringify(mended.rows.map(({ id }) => id))],
  );
}

/** Of those whose address was replaced: who still carries the flag of the old one. A flag raised since then is another matter. */
async function findMended(client: Client, orgId: number, importId: number): Promise<number[]> {
  const found = await client.query<{ id: number }>(
    `select e.id from people_import i, jsonb_array_elements_text(i.summary->'mended') as m(id), employee e
     where i.org_id = $1 and i.id = $2 and e.org_id = i.org_id and e.id = m.id::bigint
       and e.flag is not null and e.flagged_at <= i.applied_at order by e.id`,
    [orgId, importId],
  );
  return found.rows.map(({ id }) => id);
}

const UNIQUE_VIOLATION = "23505";

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function refuseOutdated(options?: ErrorOptions): Refusal {
  return new Refusal(
    "import-outdated",
    "People were changed after this file was checked, so nothing was imported. Check the file again and look at what it would do now.",
    options,
  );
}

/**
 * Decides what an import would do, batch by batch: which row is a new person, which changes one, and which cannot be
 * taken. Pure: the people already known come in as maps, and nothing is written. A person is found by employee number
 * first (the address may then change), else by address; people the file does not name stay as they are.
 */
import { type Employee, findChanges, type Person } from "../employee.ts";
import { type Column, type Field, findTitle } from "./read-columns.ts";
import type { PersonRow, RejectedPerson } from "./read-person.ts";

/** An employee as the plan needs one. `version` changes with every value an import could write. */
export interface KnownEmployee extends Person {
  readonly id: Employee["id"];
  readonly version: string;
}

/** What is known about the people of this batch: others need not be in the maps. */
export interface Known {
  readonly byNumber: ReadonlyMap<string, KnownEmployee>;
  readonly byAddress: ReadonlyMap<string, KnownEmployee>;
  readonly seen: Seen;
}

/** The lines on which earlier batches spoke of somebody, by `keysOf`. */
export type Seen = ReadonlyMap<string, number>;

/** By what a row can be found to repeat another one: its address, its number, the employee it is about. */
export function keysOf(row: PersonRow, employee: { readonly id: number } | undefined): string[] {
  const number = row.employeeNo === undefined ? [] : [numberKey(row.employeeNo)];
  return [addressKey(row.emailKey), ...number, ...(employee ? [employeeKey(employee.id)] : [])];
}

export function employeeKey(id: number): string {
  return `employee ${String(id)}`;
}

function addressKey(emailKey: string): string {
  return `address ${emailKey}`;
}

function numberKey(employeeNo: string): string {
  return `number ${employeeNo}`;
}

export type PlannedRow =
  | { readonly kind: "new"; readonly row: PersonRow; readonly person: Person }
  | { readonly kind: "changed"; readonly row: PersonRow; readonly person: Person; readonly employee: KnownEmployee }
  | { readonly kind: "unchanged"; readonly row: PersonRow; readonly employee: KnownEmployee }
  | RejectedPerson;

const DEFAULT_LANGUAGE = "en";

/** One verdict per row, in order. `columns` lends the names by which a refused row speaks of its cells. */
export function planImport(
  rows: readonly (PersonRow | RejectedPerson)[],
  columns: readonly Column[],
  known: Known,
): PlannedRow[] {
  const seen = new Map(known.seen);
  return rows.map((row) => {
    if (row.kind === "rejected") return row;
    const planned = planRow(row, { ...known, seen });
    if (planned.kind === "conflict") return rejectRow(row, columns, planned);
    const employee = planned.kind === "new" ? undefined : planned.employee;
    for (const key of keysOf(row, employee)) seen.set(key, row.line);
    return planned;
  });
}

interface Conflict {
  readonly kind: "conflict";
  readonly field: Field;
  readonly reason: string;
}

function rejectRow(
  { line, cells }: PersonRow,
  columns: readonly Column[],
  { field, reason }: Conflict,
): RejectedPerson {
  return { kind: "rejected", line, cells, column: findTitle(columns, field), reason };
}

function planRow(row: PersonRow, known: Known): Exclude<PlannedRow, RejectedPerson> | Conflict {
  const byNumber = row.employeeNo === undefined ? undefined : known.byNumber.get(row.employeeNo);
  const byAddress = known.byAddress.get(row.emailKey);
  const employee = byNumber ?? byAddress;
  const conflict = findRepeated(row, employee, known.seen) ?? findForeign(row, byNumber, byAddress);
  if (conflict) return conflict;
  if (!employee) return { kind: "new", row, person: mergePerson(row, undefined) };
  const person = mergePerson(row, employee);
  return findChanges(employee, person).length === 0
    ? { kind: "unchanged", row, employee }
    : { kind: "changed", row, person, employee };
}

/** The file speaks of one person twice: the first time counts. */
function findRepeated(row: PersonRow, employee: KnownEmployee | undefined, seen: Seen): Conflict | undefined {
  const address = seen.get(addressKey(row.emailKey));
  if (address !== undefined)
    return inConflict(
      "email",
      `The address ${row.email} stands in row ${String(address)} already: keep one of the two rows.`,
    );
  const number = row.employeeNo === undefined ? undefined : seen.get(numberKey(row.employeeNo));
  if (number !== undefined)
    return inConflict(
      "employee-no",
      `“${row.employeeNo ?? ""}” stands in row ${String(number)} already: correct the number, or keep one of the two rows.`,
    );
  const person = employee && seen.get(employeeKey(employee.id));
  return person === undefined
    ? undefined
    : inConflict("email", `Row ${String(person)} is about the same person already: keep one of the two rows.`);
}

/** The row would take an address or a number away from somebody else. */
function findForeign(
  row: PersonRow,
  byNumber: KnownEmployee | undefined,
  byAddress: KnownEmployee | undefined,
): Conflict | undefined {
  if (!byAddress || byAddress.id === byNumber?.id) return undefined;
  const owner =
    byAddress.employeeNo === null ? byAddress.name || "another employee" : `employee number ${byAddress.employeeNo}`;
  if (byNumber)
    return inConflict(
      "email",
      `The address ${row.email} belongs to ${owner}: give that person another address first, or correct this one.`,
    );
  return row.employeeNo !== undefined && byAddress.employeeNo !== null
    ? inConflict(
        "employee-no",
        `The address ${row.email} belongs to ${owner}, not to ${row.employeeNo}: correct the number or the address.`,
      )
    : undefined;
}

function inConflict(field: Field, reason: string): Conflict {
  return { kind: "conflict", field, reason };
}

function mergePerson(row: PersonRow, before: Person | undefined): Person {
  const attributes = new Map(before?.attributes);
  for (const [name, value] of row.attributes) {
    if (value === "") attributes.delete(name);
    else attributes.set(name, value);
  }
  return {
    email: row.email,
    employeeNo: row.employeeNo ?? before?.employeeNo ?? null,
    name: row.name ?? before?.name ?? "",
    language: row.language ?? before?.language ?? DEFAULT_LANGUAGE,
    active: row.active ?? before?.active ?? true,
    startsOn: row.startsOn === undefined ? (before?.startsOn ?? null) : row.startsOn,
    attributes,
  };
}

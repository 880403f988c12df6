/**
 * An employee as the import and the employee list see one. Attributes are a Map because their names come from
 * somebody's spreadsheet: a column called `__proto__` is a name like any other there.
 */

/** What an import can say about a person. */
export interface Person {
  readonly email: string;
  readonly employeeNo: string | null;
  readonly name: string;
  /** BCP 47: `en`, `pt-BR`, `zh-Hant`. */
  readonly language: string;
  readonly active: boolean;
  /** `YYYY-MM-DD`: no mail before this day. */
  readonly startsOn: string | null;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface Employee extends Person {
  readonly id: number;
  /** Set by what came back from the mail world, never by an import. */
  readonly flag: {
    readonly kind: string;
    readonly cause: string | null;
    readonly text: string;
    readonly at: Date;
  } | null;
}

/** The fields in which two states of one person differ; empty when they are the same. */
export function findChanges(before: Person, after: Person): (keyof Person)[] {
  const plain = (["email", "employeeNo", "name", "language", "active", "startsOn"] as const).filter(
    (field) => before[field] !== after[field],
  );
  return hasSameEntries(before.attributes, after.attributes) ? plain : [...plain, "attributes"];
}

function hasSameEntries(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, value]) => other.get(name) === value);
}

/**
 * Finds and lists employees. It changes none: people come by import, flags by what comes back from the mail world.
 * Lists go by id and page by the last id seen, so a list that grows while somebody reads it repeats and skips nobody.
 */
import { type Database, inOrganisation } from "../ground/database.store.ts";
import type { Employee } from "./employee.ts";

export interface EmployeeFilter {
  /** `any`: everybody who carries a flag; otherwise that flag only. */
  readonly flag?: string;
  /** Part of a name, address or employee number; case does not matter. */
  readonly search?: string;
  /** The last id of the page before. */
  readonly afterId?: number;
  /** At most 1000. */
  readonly limit?: number;
}

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

export async function listEmployees(
  database: Database,
  orgId: number,
  { flag, search, afterId = 0, limit = LIMIT_DEFAULT }: EmployeeFilter = {},
): Promise<Employee[]> {
  const found = await inOrganisation(database, orgId, (client) =>
    client.query<EmployeeRow>(
      `select ${employeeColumns} from employee e
       where e.org_id = $1 and e.id > $2
         and ($3::text is null or ($3 = 'any' and e.flag is not null) or e.flag = $3)
         and ($4::text is null or strpos(lower(e.name), lower($4)) > 0 or strpos(e.email_key, lower($4)) > 0 or strpos(lower(e.employee_no), lower($4)) > 0)
       order by e.id limit $5`,
      [orgId, afterId, flag ?? null, search?.trim() || null, Math.min(limit, LIMIT_MAX)],
    ),
  );
  return found.rows.map(presentEmployee);
}

/** Everybody, page by page: for an export. */
export async function* listAllEmployees(database: Database, orgId: number): AsyncGenerator<Employee> {
  for (let [afterId, isLast] = [0, false]; !isLast;) {
    const page = await listEmployees(database, orgId, { afterId, limit: LIMIT_MAX });
    yield* page;
    afterId = page.at(-1)?.id ?? afterId;
    isLast = page.length < LIMIT_MAX;
  }
}

export async function findEmployee(database: Database, orgId: number, id: number): Promise<Employee | undefined> {
  const found = await inOrganisation(database, orgId, (client) =>
    client.query<EmployeeRow>(`select ${employeeColumns} from employee e where e.org_id = $1 and e.id = $2`, [
      orgId,
      id,
    ]),
  );
  return found.rows.map(presentEmployee)[0];
}

/** The names of all attributes that somebody has, in alphabetical order. */
export async function listAttributeNames(database: Database, orgId: number): Promise<string[]> {
  const found = await inOrganisation(database, orgId, (client) =>
    client.query<{ name: string }>(
      "select distinct a.name from employee e, jsonb_object_keys(e.attributes) as a(name) where e.org_id = $1 order by a.name",
      [orgId],
    ),
  );
  return found.rows.map(({ name }) => name);
}

type EmployeeRow = Omit<Employee, "attributes" | "flag"> & {
  readonly attributes: Record<string, string>;
  readonly flag: string | null;
  readonly flagCause: string | null;
  readonly flagText: string | null;
  readonly flaggedAt: Date | null;
};

const employeeColumns = `e.id, e.employee_no as "employeeNo", e.email, e.name, e.language, e.active, e.starts_on::text as "startsOn", e.attributes,
  e.flag, e.flag_cause as "flagCause", e.flag_text as "flagText", e.flagged_at as "flaggedAt"`;

function presentEmployee({ flag, flagCause, flagText, flaggedAt, attributes, ...person }: EmployeeRow): Employee {
  return {
    ...person,
    attributes: new Map(Object.entries(attributes)),
    flag: flag !== null && flaggedAt ? { kind: flag, cause: flagCause, text: flagText ?? "", at: flaggedAt } : null,
  };
}

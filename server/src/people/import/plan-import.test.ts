/** A plan says of every row what would become of it, and takes nothing away from anybody. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Known, type KnownEmployee, planImport } from "./plan-import.ts";
import { readColumns } from "./read-columns.ts";
import { readPerson } from "./read-person.ts";

const ada = employee(1, {
  email: "ada@example.com",
  employeeNo: "E1",
  name: "Ada",
  attributes: new Map([["Team", "A"]]),
});
const ben = employee(2, { email: "ben@example.com", employeeNo: null, name: "Ben" });
const cleo = employee(3, { email: "cleo@example.com", employeeNo: "E3", name: "Cleo" });

describe("a row of the plan", () => {
  it("is new when neither number nor address is known", () => {
    expect(plan([{ email: "new@example.com", name: "New" }])).toMatchObject([
      {
        kind: "new",
        person: {
          email: "new@example.com",
          name: "New",
          language: "en",
          active: true,
          employeeNo: null,
          startsOn: null,
        },
      },
    ]);
  });

  it("is unchanged when it says what is known, in whatever case the address is looked up", () => {
    expect(plan([{ email: "ada@example.com", name: "Ada", Team: "A" }])).toMatchObject([
      { kind: "unchanged", employee: ada },
    ]);
    expect(plan([{ email: "ADA@example.com", name: "Ada" }])).toMatchObject([
      { kind: "changed", person: { email: "ADA@example.com" } },
    ]);
  });

  it("changes only what it says: other attributes and columns it does not have stay", () => {
    const [row] = plan([{ email: "ada@example.com", Floor: "2" }]);
    const { id: _, version: __, ...before } = ada;
    expect(row).toMatchObject({
      kind: "changed",
      person: {
        ...before,
        attributes: new Map([
          ["Team", "A"],
          ["Floor", "2"],
        ]),
      },
    });
  });

  it("takes an attribute away with an empty cell", () => {
    expect(plan([{ email: "ada@example.com", Team: "" }])).toMatchObject([
      { kind: "changed", person: { attributes: new Map() } },
    ]);
  });

  it("finds a person by number first, and then the address may change", () => {
    expect(plan([{ email: "lovelace@example.com", "employee no": "E1" }])).toMatchObject([
      { kind: "changed", employee: ada, person: { email: "lovelace@example.com", employeeNo: "E1", name: "Ada" } },
    ]);
  });

  it("finds a person by address, and gives the number to who has none", () => {
    expect(plan([{ email: "ben@example.com", "employee no": "E2" }])).toMatchObject([
      { kind: "changed", employee: ben, person: { employeeNo: "E2" } },
    ]);
  });

  it("never takes an address from somebody else", () => {
    expect(plan([{ email: "cleo@example.com", "employee no": "E1" }])).toMatchObject([
      {
        kind: "rejected",
        column: "email",
        reason:
          "The address cleo@example.com belongs to employee number E3: give that person another address first, or correct this one.",
      },
    ]);
    expect(plan([{ email: "cleo@example.com", "employee no": "E9" }])).toMatchObject([
      { kind: "rejected", column: "employee no" },
    ]);
  });
});

describe("a file that speaks of one person twice", () => {
  it("keeps the first row and names it in the refusal of the later one", () => {
    expect(plan([{ email: "x@example.com" }, { email: " X@EXAMPLE.com" }])).toMatchObject([
      { kind: "new" },
      {
        kind: "rejected",
        line: 3,
        column: "email",
        reason: "The address X@example.com stands in row 2 already: keep one of the two rows.",
      },
    ]);
  });

  it("is noticed by number, and by two ways to the same employee", () => {
    expect(
      plan([
        { email: "x@example.com", "employee no": "7" },
        { email: "y@example.com", "employee no": "7" },
      ]),
    ).toMatchObject([{ kind: "new" }, { kind: "rejected", column: "employee no" }]);
    expect(
      plan([
        { email: "new@example.com", "employee no": "E1" },
        { email: "ada@example.com", "employee no": "" },
      ]),
    ).toMatchObject([
      { kind: "changed" },
      { kind: "rejected", reason: "Row 2 is about the same person already: keep one of the two rows." },
    ]);
  });

  it("is noticed across batches", () => {
    const seen = new Map([
      ["address x@example.com", 5],
      ["number 9", 6],
      ["employee 2", 7],
    ]);
    expect(
      plan(
        [{ email: "x@example.com" }, { email: "y@example.com", "employee no": "9" }, { email: "ben@example.com" }],
        seen,
      ),
    ).toMatchObject([
      { kind: "rejected", reason: expect.stringMatching(/row 5/) as string },
      { kind: "rejected", reason: expect.stringMatching(/row 6/) as string },
      { kind: "rejected", reason: expect.stringMatching(/Row 7/) as string },
    ]);
  });

  it("does not count a row that was rejected for something else", () => {
    expect(
      plan([
        { email: "x@example.com", language: "English" },
        { email: "x@example.com", language: "en" },
      ]),
    ).toMatchObject([{ kind: "rejected" }, { kind: "new" }]);
  });
});

describe("any plan", () => {
  const row = fc.record({
    email: fc.constantFrom(
      "ada@example.com",
      "ben@example.com",
      "cleo@example.com",
      "x@example.com",
      "Y@example.com",
      "broken",
    ),
    "employee no": fc.constantFrom("", "E1", "E3", "E9"),
    name: fc.constantFrom("Ada", "Ben", ""),
  });

  it("leaves every address and number with one person, and answers every row once", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const planned = plan(rows);
        expect(planned.map((one) => (one.kind === "rejected" ? one.line : one.row.line))).toEqual(
          rows.map((_, index) => index + 2),
        );
        const after = applied(planned);
        expect(new Set(after.map(({ email }) => email.toLowerCase())).size).toBe(after.length);
        const numbers = after.flatMap(({ employeeNo }) => employeeNo ?? []);
        expect(new Set(numbers).size).toBe(numbers.length);
      }),
    );
  });

  it("is all unchanged when the same file comes again", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), (rows) => {
        const first = plan(rows);
        const taken = rows.filter((_, index) => first[index]?.kind !== "rejected");
        const again = plan(taken, undefined, applied(first));
        expect(again.map(({ kind }) => kind)).toEqual(taken.map(() => "unchanged"));
      }),
    );
  });
});

type Cells = Readonly<Record<string, string>>;

function plan(
  rows: readonly Cells[],
  seen: Known["seen"] = nothingSeen(),
  employees: readonly KnownEmployee[] = [ada, ben, cleo],
) {
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columns = readColumns(titles.length > 0 ? titles : ["email"]);
  if (!columns.ok) throw new Error(columns.error.kind);
  const people = rows.map((row, index) =>
    readPerson(
      { kind: "fields", line: index + 2, lastLine: index + 2, fields: titles.map((title) => row[title] ?? "") },
      columns.value,
    ),
  );
  return planImport(people, columns.value, {
    byNumber: new Map(employees.flatMap((one) => (one.employeeNo === null ? [] : [[one.employeeNo, one] as const]))),
    byAddress: new Map(employees.map((one) => [one.email.toLowerCase(), one] as const)),
    seen,
  });
}

function nothingSeen(): Known["seen"] {
  return new Map();
}

/** The employees as they stand once the plan is carried out. */
function applied(planned: ReturnType<typeof plan>): KnownEmployee[] {
  const after = new Map([ada, ben, cleo].map((one) => [one.id, one]));
  for (const [index, one] of planned.entries()) {
    if (one.kind === "changed") after.set(one.employee.id, { ...one.employee, ...one.person });
    if (one.kind === "new") after.set(100 + index, { ...one.person, id: 100 + index, version: "1" });
  }
  return [...after.values()];
}

function employee(id: number, person: Partial<KnownEmployee> & { email: string }): KnownEmployee {
  return {
    id,
    version: "1",
    employeeNo: null,
    name: "",
    language: "en",
    active: true,
    startsOn: null,
    attributes: new Map(),
    ...person,
  };
}

/** A row says what it says about a person, or what is wrong with it and what to do. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readColumns } from "./read-columns.ts";
import { readPerson } from "./read-person.ts";

describe("a row", () => {
  it("is trimmed and normalised", () => {
    expect(
      person({
        email: " User@Acme.TEST ",
        name: " E\u0301ve  ",
        language: "PT_br",
        active: "Ja",
        "start date": "1.3.2026",
        Team: " A ",
      }),
    ).toMatchObject({
      email: "User@acme.test",
      emailKey: "user@acme.test",
      name: "Éve",
      language: "pt-BR",
      active: true,
      startsOn: "2026-03-01",
      attributes: new Map([["Team", "A"]]),
    });
  });

  it("says nothing about columns it does not have, nor by an empty cell where nothing can be emptied", () => {
    expect(person({ email: "a@example.com" })).toMatchObject({
      name: undefined,
      language: undefined,
      active: undefined,
      startsOn: undefined,
      employeeNo: undefined,
    });
    expect(
      person({
        email: "a@example.com",
        name: "",
        language: "",
        active: "",
        "start date": "",
        "employee no": "",
        Team: "",
      }),
    ).toMatchObject({
      name: "",
      language: undefined,
      active: undefined,
      startsOn: null,
      employeeNo: undefined,
      attributes: new Map([["Team", ""]]),
    });
  });

  it("joins first and last name", () => {
    expect(person({ email: "a@example.com", "first name": "Ada", surname: "Example" })).toMatchObject({
      name: "Ada Example",
    });
    expect(person({ email: "a@example.com", "first name": "Ada", surname: "" })).toMatchObject({ name: "Ada" });
  });

  it("may name columns as JavaScript names its own, without harm", () => {
    const hostile = { email: "a@example.com", constructor: "x", prototype: "y", toString: "z" };
    expect(person({ ...hostile, ["__proto__"]: "p" })).toMatchObject({
      attributes: new Map([
        ["constructor", "x"],
        ["prototype", "y"],
        ["toString", "z"],
        ["__proto__", "p"],
      ]),
    });
    expect(({} as Record<string, unknown>)["p"]).toBeUndefined();
  });

  it.each(["=1+1", "+1+1", "-1+1", "@SUM(A1)"])("keeps a name that looks like a formula as a text: %s", (name) => {
    expect(person({ email: "a@example.com", name })).toMatchObject({ name });
    expect(person({ email: "a@example.com", name: `'${name}` })).toMatchObject({ name });
  });

  it("warns of an address in letters that look like others, and takes it", () => {
    expect(person({ email: "раypal@example.com" })).toMatchObject({
      kind: "person",
      warning: { column: "email", reason: expect.stringMatching(/another alphabet/) as string },
    });
    expect(person({ email: "müller@example.com" })).toMatchObject({ warning: undefined });
  });
});

describe("a row is rejected, with the column and the cure,", () => {
  it.each([
    [{ email: "" }, "email", /enter one such as/],
    [{ email: "no-at-sign" }, "email", /no @ sign/],
    [{ email: "x@acme.test;y@acme.test" }, "email", /exactly one/],
    [{ email: "a@example.com\r\nBcc: spy@attacker.example" }, "email", /one|space or line break/],
    [{ Name: "Eve\r\nBcc: spy@attacker.example" }, "Name", /line break/],
    [{ Name: "Eve\u2028x" }, "Name", /line break/],
    [{ Team: "a\u0007b" }, "Team", /cannot be seen/],
    [{ Name: "Eve\u202Egnp" }, "Name", /cannot be seen/],
    [{ Name: "x".repeat(201) }, "Name", /longer than 200/],
    [{ Team: "x".repeat(1001) }, "Team", /longer than 1000/],
    [{ "employee no": "1".repeat(101) }, "employee no", /longer than 100/],
    [{ "first name": "x".repeat(150), "last name": "y".repeat(150) }, "first name", /longer than 200/],
    [{ language: "English" }, "language", /such as en, de or pt-BR/],
    [{ active: "perhaps" }, "active", /yes for people/],
    [{ "start date": "03/04/2026" }, "start date", /such as 2026-03-31/],
    [{ "start date": "2026-02-30" }, "start date", /such as/],
    [{ "": "lost" }, null, /without a name/],
  ])("when it says %j", (cells: Record<string, string>, column, reason) => {
    expect(person({ email: "a@example.com", ...cells })).toMatchObject({
      kind: "rejected",
      line: 2,
      column,
      reason: expect.stringMatching(reason) as string,
    });
  });

  it("when it has more values than there are columns; empty ones do not count", () => {
    const columns = columnsOf(["email", "name"]);
    const row = (...fields: string[]) => readPerson({ kind: "fields", line: 7, lastLine: 7, fields }, columns);
    expect(row("a@example.com", "A", "", " ")).toMatchObject({ kind: "person", name: "A" });
    expect(row("a@example.com", "Example", " Ada")).toMatchObject({
      kind: "rejected",
      line: 7,
      reason: expect.stringMatching(/3 values.*2 columns/) as string,
    });
    expect(row("a@example.com")).toMatchObject({ kind: "person", name: "" });
  });

  it("when it could not be cut into cells", () => {
    expect(
      readPerson({ kind: "broken", line: 3, problem: "quotes", text: '1,"x' }, columnsOf(["email"])),
    ).toMatchObject({
      kind: "rejected",
      line: 3,
      column: null,
      cells: ['1,"x'],
      reason: expect.stringMatching(/do not pair up/) as string,
    });
  });
});

it("whatever a row holds, it is a person without control characters or a fault with a sentence", () => {
  const columns = columnsOf(["email", "name", "language", "start date", "active", "employee no", "Team"]);
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 8 }), fc.boolean(), (fields, hasAddress) => {
      const row = readPerson(
        { kind: "fields", line: 2, lastLine: 2, fields: hasAddress ? ["a@example.com", ...fields.slice(1)] : fields },
        columns,
      );
      const texts =
        row.kind === "person" ? [row.name ?? "", row.employeeNo ?? "", ...row.attributes.values()] : [row.reason];
      expect(texts.join("")).not.toMatch(/[\0-\x1f\x7f]/);
      expect(row.kind === "person" || row.reason.endsWith(".")).toBe(true);
    }),
  );
});

function person(cells: Record<string, string>) {
  const titles = Object.keys(cells);
  return readPerson(
    { kind: "fields", line: 2, lastLine: 2, fields: titles.map((title) => cells[title] ?? "") },
    columnsOf(titles),
  );
}

function columnsOf(titles: readonly string[]) {
  const columns = readColumns(titles);
  if (!columns.ok) throw new Error(columns.error.kind);
  return columns.value;
}

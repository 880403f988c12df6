/** An import does exactly what its check said, all of it or nothing, and what it cannot take it says row by row. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inOrganisation, inTransaction, openDatabase } from "../ground/database.store.ts";
import { useTestDatabase } from "../testing/test-database.ts";
import type { Employee, Person } from "./employee.ts";
import { findEmployee, listAllEmployees, listAttributeNames, listEmployees } from "./employees.store.ts";
import { writeEmployeesCsv, writeRejectedCsv } from "./export-csv.ts";
import { applyImport, checkImport, discardImport, findImport, listRejected } from "./import.store.ts";

const test = useTestDatabase();
const now = new Date("2026-03-02T09:00:00Z");

describe("a check", () => {
  it("changes nobody, says what would happen, and keeps its word", async () => {
    const orgId = await test.addOrganisation();
    await bring(orgId, "email,name,Team\nada@example.com,Ada,A\nben@example.com,Ben,B\n");
    const before = await people(orgId);
    const summary = await check(
      orgId,
      "email;name;Team\nada@example.com;Ada;C\nben@example.com;Ben;B\nnew@example.com;Zoë;B\nbroken;X;Y\n",
    );
    expect(summary).toMatchObject({
      new: 1,
      changed: 1,
      unchanged: 1,
      rejectedCount: 1,
      encoding: "utf-8",
      delimiter: ";",
      header: ["email", "name", "Team"],
      rejected: [{ row: 5, column: "email", reason: expect.stringMatching(/no @ sign/) as string }],
    });
    expect(await people(orgId)).toEqual(before);
    expect(await applyImport(test.database, orgId, summary.id, now)).toEqual({
      new: 1,
      changed: 1,
      unchanged: 1,
      mended: [],
    });
    expect(await people(orgId)).toMatchObject([
      { email: "ada@example.com", name: "Ada", attributes: new Map([["Team", "C"]]) },
      { email: "ben@example.com", name: "Ben" },
      { email: "new@example.com", name: "Zoë", language: "en", active: true },
    ]);
  });

  it("says so when the file was not in Unicode", async () => {
    const summary = await checkBytes(
      await test.addOrganisation(),
      Buffer.from("email,name\nzoe@example.com,Zo\xeb\n", "latin1"),
    );
    expect(summary).toMatchObject({ encoding: "windows-1252", new: 1 });
  });

  it("refuses a file without a column of addresses, and a spreadsheet", async () => {
    const orgId = await test.addOrganisation();
    await expect(check(orgId, "Name;Kontakt\nEve;e@example.com")).rejects.toMatchObject({
      code: "import-no-email-column",
      message: expect.stringMatching(/Rename/) as string,
    });
    await expect(checkBytes(orgId, Buffer.from("PK\x03\x04\0\0", "latin1"))).rejects.toMatchObject({
      code: "import-spreadsheet",
    });
  });

  it("finds a row that repeats another one far away in the file", async () => {
    const orgId = await test.addOrganisation();
    const rows = Array.from({ length: 9000 }, (_, index) => `person${String(index)}@example.com,N${String(index)}`);
    const summary = await check(
      orgId,
      `email,employee no\n${rows.join("\n")}\nPerson0@Example.com,\nz@example.com,N1\n`,
    );
    expect(summary).toMatchObject({
      new: 9000,
      rejected: [
        { row: 9002, column: "email", reason: expect.stringMatching(/stands in row 2 already/) as string },
        { row: 9003, column: "employee no", reason: expect.stringMatching(/stands in row 3 already/) as string },
      ],
    });
  });

  it("keeps the rejected rows as they stood, to be mended and brought again", async () => {
    const orgId = await test.addOrganisation();
    const summary = await bring(orgId, 'email,name,Team\nok@example.com,Ok,A\nbroken,=Eve,"A,B"\n5,"x\n');
    const csv = await text(writeRejectedCsv(listRejected(test.database, orgId, summary.id), summary.header));
    expect(csv).toContain(`broken,'=Eve,"A,B"\r\n`);
    const mended = await check(orgId, csv.replace("broken,'", "eve@example.com,'"));
    expect(mended).toMatchObject({
      new: 1,
      rejectedCount: 1,
      header: expect.arrayContaining(["email", "name", "Team"]) as string[],
    });
    await applyImport(test.database, orgId, mended.id, now);
    expect((await people(orgId)).at(-1)).toMatchObject({
      email: "eve@example.com",
      name: "=Eve",
      attributes: new Map([["Team", "A,B"]]),
    });
  });

  it("that nobody applied is thrown away by a check a week later, and cannot be applied then", async () => {
    const orgId = await test.addOrganisation();
    const old = await check(orgId, "email\na@example.com\n");
    await checkImport(
      test.database,
      orgId,
      source("email\nb@example.com\n"),
      new Date(now.getTime() + 8 * 24 * 3_600_000),
    );
    await expect(applyImport(test.database, orgId, old.id, now)).rejects.toMatchObject({ code: "import-discarded" });
    expect(await stagedRows(orgId, old.id)).toBe(0);
  });

  it("is seen by its own organisation only", async () => {
    const [one, two] = [await test.addOrganisation("One"), await test.addOrganisation("Two")];
    const summary = await check(one, "email\na@example.com\n");
    expect(await findImport(test.database, one, summary.id)).toMatchObject({
      id: summary.id,
      state: "checked",
      new: 1,
    });
    expect(await findImport(test.database, two, summary.id)).toBeUndefined();
    await expect(applyImport(test.database, two, summary.id, now)).rejects.toMatchObject({ code: "import-unknown" });
  });
});

describe("applying", () => {
  it("twice, even at once, is the same as once", async () => {
    const orgId = await test.addOrganisation();
    const { id } = await check(orgId, "email\na@example.com\nb@example.com\n");
    const both = await Promise.all([
      applyImport(test.database, orgId, id, now),
      applyImport(test.database, orgId, id, now),
    ]);
    expect(both[0]).toEqual(both[1]);
    expect(await applyImport(test.database, orgId, id, now)).toEqual({ new: 2, changed: 0, unchanged: 0, mended: [] });
    expect(await people(orgId)).toHaveLength(2);
    expect(await stagedRows(orgId, id)).toBe(0);
  });

  it.each([
    ["a person of the plan was changed", "update employee set name = 'Other' where email = 'ada@example.com'"],
    ["a person it left alone was changed", "update employee set name = 'Other' where email = 'ben@example.com'"],
    ["a person of the plan is gone", "delete from employee where email = 'ada@example.com'"],
    [
      "somebody else was given a new address",
      "insert into employee (org_id, email, email_key) select org_id, 'new@example.com', 'new@example.com' from employee where email = 'ben@example.com'",
    ],
  ])("is refused, with nothing done, when %s", async (_, meanwhile) => {
    const orgId = await test.addOrganisation();
    await bring(orgId, "email,name\nada@example.com,Ada\nben@example.com,Ben\n");
    const { id } = await check(
      orgId,
      "email,name\nada@example.com,Countess\nben@example.com,Ben\nnew@example.com,New\n",
    );
    await test.database.owner.query(`${meanwhile} and org_id = ${String(orgId)}`);
    const before = await people(orgId);
    await expect(applyImport(test.database, orgId, id, now)).rejects.toMatchObject({ code: "import-outdated" });
    expect(await people(orgId)).toEqual(before);
    expect(await findImport(test.database, orgId, id)).toMatchObject({ state: "checked" });
  });

  it("still fits when only a flag was raised in between, and leaves the flag alone", async () => {
    const orgId = await test.addOrganisation();
    await bring(orgId, "email,name\nada@example.com,Ada\n");
    const { id } = await check(orgId, "email,name\nada@example.com,Countess\n");
    await flag(orgId, "ada@example.com");
    await applyImport(test.database, orgId, id, now);
    expect(await people(orgId)).toMatchObject([{ name: "Countess", flag: { kind: "hard" } }]);
  });

  it("leaves nothing behind when it is killed in the middle, and can then be done again", async () => {
    const orgId = await test.addOrganisation();
    await bring(orgId, "email,name\nada@example.com,Ada\n");
    const rows = Array.from({ length: 2000 }, (_, index) => `p${String(index)}@example.com,P`).join("\n");
    const { id } = await check(orgId, `email,name\nada@example.com,Countess\n${rows}\n`);
    const before = await people(orgId);
    const dying = openDatabase(test.settings, () => undefined);
    const killed = await inTransaction(test.database.owner, async (blocker) => {
      // Somebody else is just adding a person of the plan: the import has changed people already and waits for them.
      await blocker.query(
        "insert into employee (org_id, email, email_key) values ($1, 'p1999@example.com', 'p1999@example.com')",
        [orgId],
      );
      const applying = applyImport(dying, orgId, id, now).catch((error: unknown) => error);
      await killWaiting();
      await blocker.query("delete from employee where org_id = $1 and email_key = 'p1999@example.com'", [orgId]);
      return applying;
    });
    await dying.close();
    expect(killed).toBeInstanceOf(Error);
    expect(await people(orgId)).toEqual(before);
    expect(await findImport(test.database, orgId, id)).toMatchObject({ state: "checked" });
    expect(await applyImport(test.database, orgId, id, now)).toMatchObject({ new: 2000, changed: 1 });
    expect(await people(orgId)).toHaveLength(2001);
  });

  it("reports whose flagged address it replaced, until the flag is cleared", async () => {
    const orgId = await test.addOrganisation();
    await bring(orgId, "email,employee no\nada@example.com,E1\nben@example.com,E2\n");
    await flag(orgId, "ada@example.com");
    await flag(orgId, "ben@example.com");
    const { id } = await check(orgId, "email,employee no,name\nlovelace@example.com,E1,Ada\nben@example.com,E2,Ben\n");
    const ada = (await people(orgId))[0]!;
    expect(await applyImport(test.database, orgId, id, now)).toMatchObject({ changed: 2, mended: [ada.id] });
    expect(await applyImport(test.database, orgId, id, now)).toMatchObject({ mended: [ada.id] });
    await test.database.owner.query("update employee set flag = null, flagged_at = null where org_id = $1", [orgId]);
    expect(await applyImport(test.database, orgId, id, now)).toMatchObject({ mended: [] });
  });

  it("a discarded import is refused", async () => {
    const orgId = await test.addOrganisation();
    const { id } = await check(orgId, "email\na@example.com\n");
    await discardImport(test.database, orgId, id);
    await expect(applyImport(test.database, orgId, id, now)).rejects.toMatchObject({ code: "import-discarded" });
    expect(await people(orgId)).toEqual([]);
  });
});

describe("hostile files", () => {
  it("with cells that look like formulas are taken as text, exported harmless, and come back the same", async () => {
    const orgId = await test.addOrganisation();
    const summary = await bring(
      orgId,
      attack(
        "D10-formula-basic.csv",
        "email,name\r\nf1@acme.test,=1+1\r\nf2@acme.test,+1+1\r\nf3@acme.test,-1+1\r\nf4@acme.test,@SUM(A1)\r\n",
      ),
    );
    expect(summary).toMatchObject({ new: 4, rejectedCount: 0 });
    expect((await people(orgId)).map(({ name }) => name)).toEqual(["=1+1", "+1+1", "-1+1", "@SUM(A1)"]);
    const csv = await exported(orgId);
    expect(csv).not.toMatch(/(^|,|")[=+\-@]/m);
    expect(await check(orgId, csv)).toMatchObject({ new: 0, changed: 0, unchanged: 4, rejectedCount: 0 });
  });

  it("with a header smuggled into a name are refused row by row", async () => {
    const orgId = await test.addOrganisation();
    const summary = await bring(
      orgId,
      attack("D11-crlf-basic.csv", 'email,name\r\nh1@acme.test,"Eve\r\nBcc: spy@attacker.example"\r\n'),
    );
    expect(summary).toMatchObject({
      new: 0,
      rejected: [{ row: 2, column: "name", reason: expect.stringMatching(/line break/) as string }],
    });
    expect(await people(orgId)).toEqual([]);
  });

  it("with addresses that can be read two ways bring nobody else's address in", async () => {
    const orgId = await test.addOrganisation();
    const inline =
      'email,name\r\nno-at-sign,A\r\na@@acme.test,B\r\n"""spy@attacker.example""@acme.test",C\r\nx@acme.test;y@acme.test,D\r\nuser@acme..test,E\r\n User@Acme.test ,F\r\n';
    const summary = await bring(orgId, attack("D19-address-basic.csv", inline));
    expect(summary.rejected.map(({ row, column }) => [row, column])).toEqual(
      [2, 3, 4, 5, 6].map((row) => [row, "email"]),
    );
    expect(await people(orgId)).toMatchObject([{ email: "User@acme.test", name: "F" }]);
  });

  it("with columns named after parts of JavaScript are taken as attributes and nothing else", async () => {
    const orgId = await test.addOrganisation();
    await bring(orgId, "email,__proto__,constructor\na@example.com,polluted,x\n");
    expect(await people(orgId)).toMatchObject([
      {
        attributes: new Map([
          ["__proto__", "polluted"],
          ["constructor", "x"],
        ]),
      },
    ]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(await check(orgId, await exported(orgId))).toMatchObject({ unchanged: 1 });
  });
});

describe("the list of employees", () => {
  it("is filtered by flag and by words, and paged", async () => {
    const orgId = await test.addOrganisation();
    await bring(
      orgId,
      "email,name,employee no\nada@example.com,Ada Example,E1\nben@example.org,Ben,E2\ncleo@example.com,Cleo 100%,X3\n",
    );
    await flag(orgId, "ben@example.org");
    const emails = async (filter: Parameters<typeof listEmployees>[2]) =>
      (await listEmployees(test.database, orgId, filter)).map(({ email }) => email);
    expect(await emails({ flag: "any" })).toEqual(["ben@example.org"]);
    expect(await emails({ flag: "complaint" })).toEqual([]);
    expect(await emails({ search: "EXAMPLE.com" })).toEqual(["ada@example.com", "cleo@example.com"]);
    expect(await emails({ search: "ada ex" })).toEqual(["ada@example.com"]);
    expect(await emails({ search: "%" })).toEqual(["cleo@example.com"]);
    expect(await emails({ search: "x3" })).toEqual(["cleo@example.com"]);
    const [first] = await listEmployees(test.database, orgId, { limit: 1 });
    expect(await emails({ afterId: first!.id, limit: 1 })).toEqual(["ben@example.org"]);
    expect(await findEmployee(test.database, orgId, first!.id)).toEqual(first);
    expect(await findEmployee(test.database, await test.addOrganisation(), first!.id)).toBeUndefined();
  });

  it("comes back from its own export as it was, whatever people are called", async () => {
    const value = fc.stringMatching(/^[=+\-@' ;,"|a]{0,8}$/).map((words) => words.trim());
    const person = fc.record({
      name: value,
      team: value,
      room: value,
      language: fc.constantFrom("en", "pt-BR"),
      active: fc.boolean(),
      startsOn: fc.constantFrom(null, "2026-03-01"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(person, { minLength: 1, maxLength: 5 }), async (persons) => {
        const orgId = await test.addOrganisation();
        await bring(orgId, await text(writeEmployeesCsv(persons.map(asPerson), ["Team", "=Room"])));
        const [written, after] = [persons.map(asPerson), await people(orgId)];
        expect(after.map(withoutIdAndFlag)).toEqual(written);
        expect(await check(orgId, await exported(orgId))).toMatchObject({
          new: 0,
          changed: 0,
          unchanged: persons.length,
          rejectedCount: 0,
        });
      }),
      { numRuns: 20 },
    );
  });
});

it("takes a hundred thousand people", { timeout: 120_000 }, async () => {
  const orgId = await test.addOrganisation();
  const file = Buffer.from(
    `email,name,employee no,language,Team\n${Array.from({ length: 100_000 }, (_, index) => `person${String(index)}@example.com,Person ${String(index)},N${String(index)},en,"Team ${String(index % 50)}"`).join("\n")}\n`,
  );
  const timings: Record<string, number> = {};
  const timed = async <Value>(name: string, work: () => Promise<Value>) => {
    const start = performance.now();
    const value = await work();
    timings[name] = Math.round(performance.now() - start);
    return value;
  };
  const first = await timed("checkNewMs", () => checkBytes(orgId, file));
  expect(await timed("applyNewMs", () => applyImport(test.database, orgId, first.id, now))).toMatchObject({
    new: 100_000,
  });
  const same = await timed("checkSameMs", () => checkBytes(orgId, file));
  expect(await timed("applySameMs", () => applyImport(test.database, orgId, same.id, now))).toMatchObject({
    unchanged: 100_000,
  });
  const changed = await timed("checkChangedMs", () =>
    checkBytes(orgId, Buffer.from(file.toString().replaceAll(",en,", ",de,"))),
  );
  expect(await timed("applyChangedMs", () => applyImport(test.database, orgId, changed.id, now))).toMatchObject({
    changed: 100_000,
  });
  process.stdout.write(`import of 100,000 people: ${JSON.stringify(timings)}\n`);
});

function source(bytes: Buffer | string) {
  return {
    fileName: "people.csv",
    open: async function* () {
      yield Buffer.from(bytes as string) as Uint8Array;
    },
  };
}

async function checkBytes(orgId: number, bytes: Buffer) {
  return checkImport(test.database, orgId, source(bytes), now);
}

async function check(orgId: number, csv: string) {
  return checkImport(test.database, orgId, source(csv), now);
}

async function bring(orgId: number, csv: string) {
  const summary = await check(orgId, csv);
  await applyImport(test.database, orgId, summary.id, now);
  return summary;
}

async function people(orgId: number) {
  return gather(listAllEmployees(test.database, orgId));
}

async function gather<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const gathered: Item[] = [];
  for await (const item of items) gathered.push(item);
  return gathered;
}

async function exported(orgId: number): Promise<string> {
  return text(
    writeEmployeesCsv(listAllEmployees(test.database, orgId), await listAttributeNames(test.database, orgId)),
  );
}

async function text(pieces: AsyncIterable<string>): Promise<string> {
  return (await gather(pieces)).join("");
}

async function flag(orgId: number, email: string): Promise<void> {
  await test.database.owner.query(
    "update employee set flag = 'hard', flag_text = '550', flagged_at = $3 where org_id = $1 and email = $2",
    [orgId, email, now],
  );
}

async function stagedRows(orgId: number, id: number): Promise<number> {
  const rows = await inOrganisation(test.database, orgId, (client) =>
    client.query("select from people_import_row where org_id = $1 and import_id = $2", [orgId, id]),
  );
  return rows.rowCount ?? 0;
}

/** Ends the connection that waits for a lock, as a killed process would. */
async function killWaiting(): Promise<void> {
  for (let killed = 0; killed === 0;) {
    const ended = await test.database.owner.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into employee%'",
    );
    killed = ended.rowCount ?? 0;
  }
}

function withoutIdAndFlag({ email, employeeNo, name, language, active, startsOn, attributes }: Employee): Person {
  return { email, employeeNo, name, language, active, startsOn, attributes };
}

function asPerson(
  { team, room, ...person }: Omit<Person, "email" | "employeeNo" | "attributes"> & { team: string; room: string },
  index: number,
): Person {
  const attributes = new Map(
    [
      ["=Room", room],
      ["Team", team],
    ].filter(([, value]) => value !== "") as [string, string][],
  );
  return {
    ...person,
    email: `+p${String(index)}@example.com`,
    employeeNo: index === 0 ? null : `-${String(index)}`,
    attributes,
  };
}

/** The file of the attack corpus where it lies beside the repository; the same bytes otherwise. */
function attack(name: string, inline: string): string {
  const file = join(import.meta.dirname, "../../../../shared/corpus/attacks", name);
  return existsSync(file) ? readFileSync(file, "utf8") : inline;
}

/** `roundtrip import` says what an import would do, or did, as words or as one JSON document. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { listEmployees } from "../people/employees.store.ts";
import { useTestDatabase } from "../testing/test-database.ts";
import { importPeople } from "./import-people.files.ts";

const test = useTestDatabase();
const now = new Date("2026-03-02T09:00:00Z");
const folder = mkdtempSync(join(tmpdir(), "roundtrip-import-"));
const path = join(folder, "people.csv");
writeFileSync(path, "email;name\nada@example.com;Ada\nbroken;Eve\n");
afterAll(() => rmSync(folder, { recursive: true }));

it("a dry run changes nothing and gives counts and faults", async () => {
  const orgId = await test.addOrganisation();
  const output = await importPeople(test.database, orgId, path, { dryRun: true, json: true, now });
  expect(JSON.parse(output)).toEqual({
    new: 1,
    changed: 0,
    unchanged: 0,
    rejected: [{ row: 3, column: "email", reason: "“broken” has no @ sign: an address looks like name@example.com." }],
    warnings: [],
    encoding: "utf-8",
    delimiter: ";",
    applied: false,
  });
  expect(await listEmployees(test.database, orgId)).toEqual([]);
});

it("an import brings the people in, and says so in words", async () => {
  const orgId = await test.addOrganisation();
  const output = await importPeople(test.database, orgId, path, { dryRun: false, json: false, now });
  expect(output.split("\n")).toEqual([
    "people.csv: read as utf-8, columns separated by ;",
    "1 new, 0 changed, 0 unchanged, 1 rejected",
    "row 3, email: “broken” has no @ sign: an address looks like name@example.com.",
    "Imported.",
  ]);
  expect(await listEmployees(test.database, orgId)).toMatchObject([{ email: "ada@example.com", name: "Ada" }]);
});

it("a path that is no file is refused", async () => {
  const orgId = await test.addOrganisation();
  for (const wrong of [join(folder, "missing.csv"), folder]) {
    await expect(importPeople(test.database, orgId, wrong, { dryRun: true, json: true, now })).rejects.toMatchObject({
      code: "import-no-file",
    });
  }
});

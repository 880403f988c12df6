/** The demo company has unique valid addresses and every persona in its documented share. */
import { readAddress } from "@roundtrip/mail/address";
import { expect, test } from "vitest";
import { demoEmployees, PERSONAS_PER_THOUSAND, personaCounts, writeEmployeeCsv } from "./demo-company.ts";
import { PERSONA_NAMES, type PersonaName, personaOf } from "./personas.ts";

function countPersonas(count: number): Map<PersonaName, number> {
  const counts = new Map<PersonaName, number>();
  for (const { email } of demoEmployees(count)) {
    const persona = personaOf(email);
    counts.set(persona, (counts.get(persona) ?? 0) + 1);
  }
  return counts;
}

test.each([1, 30, 50, 51, 137, 1000, 20_000])("%d people have the personas that personaCounts foretells", (count) => {
  const foretold = Object.entries(personaCounts(count)).filter(([, number]) => number > 0);
  expect(Object.fromEntries(countPersonas(count))).toEqual(Object.fromEntries(foretold));
});

test("from fifty people on every persona appears, and of a thousand each has its documented share", () => {
  expect(countPersonas(50).size).toBe(PERSONA_NAMES.length);
  expect(personaCounts(1000)).toEqual({ ...PERSONAS_PER_THOUSAND, accepts: 945 });
});

test("a hundred thousand addresses are valid, unique and under .example", () => {
  const seen = new Set<string>();
  for (const { email } of demoEmployees(100_000)) {
    if (!readAddress(email).ok || !email.endsWith(".example")) throw new Error(email);
    seen.add(email);
  }
  expect(seen.size).toBe(100_000);
});

test("the same number gives the same people", () => {
  expect(Array.from(demoEmployees(200))).toEqual(Array.from(demoEmployees(200)));
});

test("a thousand people speak five languages, and all but one have a manager among them", () => {
  const people = Array.from(demoEmployees());
  expect(new Set(people.map(({ language }) => language))).toEqual(new Set(["de", "en", "da", "fr", "ar"]));
  const ids = new Set(people.map(({ employeeId }) => employeeId));
  expect(people.filter(({ managerId }) => managerId === null)).toHaveLength(1);
  expect(people.every(({ managerId }) => managerId === null || ids.has(managerId))).toBe(true);
  expect(people.some(({ name }) => /\p{Script=Arabic}/u.test(name))).toBe(true);
});

test("the CSV has the columns of the import, and quotes what needs it", () => {
  const [person] = demoEmployees(1);
  const lines = Array.from(writeEmployeeCsv([{ ...person!, department: 'Sales, "north"' }]));
  expect(lines[0]).toBe("email,name,language,department,country,employee_id\r\n");
  expect(lines[1]).toBe(
    `${person!.email},${person!.name},${person!.language},"Sales, ""north""",${person!.country},N000001\r\n`,
  );
});

test("a company of nobody, or of more than a million, is refused", () => {
  for (const count of [0, -1, 1.5, 1_000_001]) expect(() => Array.from(demoEmployees(count))).toThrow(RangeError);
});

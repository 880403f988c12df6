/**
 * Demo data: the employees of Nordwind, a company that does not exist, any number from 1 to a million, one after another
 * and always the same for the same number. About 5.5 % have a persona, in the shares of PERSONAS_PER_THOUSAND and, from
 * 50 people on, every persona at least once. Also as CSV, so that a demo goes through the real import.
 */
import { BRANCHES, type Branch, DEPARTMENTS, type Name } from "./demo-names.ts";
import { NO_STARTTLS_LABEL, PERSONA_NAMES, type PersonaName } from "./personas.ts";

export interface DemoEmployee {
  /** Unique, always ASCII. */
  readonly email: string;
  readonly name: string;
  readonly language: string;
  readonly department: string;
  readonly country: string;
  /** `N000001` and so on. */
  readonly employeeId: string;
  /** Null for the head of the company. */
  readonly managerId: string | null;
  readonly persona: PersonaName;
}

/** Of 1,000 employees. The rest accepts. */
export const PERSONAS_PER_THOUSAND: Readonly<Record<Exclude<PersonaName, "accepts">, number>> = {
  "unknown-user": 10,
  "late-bounce": 5,
  "late-bounce-exchange": 4,
  "mailbox-full": 3,
  greylist: 4,
  throttle: 3,
  "drop-after-dot": 1,
  "lost-after-dot": 1,
  slow: 2,
  "no-starttls": 1,
  "spam-block": 1,
  "policy-block": 1,
  "out-of-office": 5,
  "out-of-office-exchange": 4,
  reply: 4,
  "left-company": 2,
  "delayed-notice": 2,
  success: 2,
};

const MOST_EMPLOYEES = 1_000_000;
const EVERY_PERSONA_FROM = 50;
const REPORTS_PER_MANAGER = 8;

/** How many of `count` employees have each persona; `accepts` included, so that all of them sum to `count`. */
export function personaCounts(count: number): Readonly<Record<PersonaName, number>> {
  const counts = Object.fromEntries(PERSONA_NAMES.map((name) => [name, 0])) as Record<PersonaName, number>;
  for (const name of PERSONA_NAMES) {
    if (name === "accepts") continue;
    const share = Math.round((count * PERSONAS_PER_THOUSAND[name]) / 1000);
    counts[name] = count >= EVERY_PERSONA_FROM ? Math.max(1, share) : share;
  }
  counts.accepts = count - Object.values(counts).reduce((sum, number) => sum + number, 0);
  return counts;
}

/** `count` is 1 to 1,000,000. */
export function* demoEmployees(count = 1000): Generator<DemoEmployee> {
  if (!Number.isInteger(count) || count < 1 || count > MOST_EMPLOYEES) {
    throw new RangeError(`A demo company has 1 to ${MOST_EMPLOYEES} employees, not ${count}.`);
  }
  const personas = spreadPersonas(count);
  const hired = new Map<Branch, number>();
  for (let index = 0; index < count; index++) {
    const branch = branchOf(index);
    const place = hired.get(branch) ?? 0;
    hired.set(branch, place + 1);
    yield makeEmployee(branch, place, index, personas.get(index) ?? "accepts");
  }
}

/** The file the import takes, in pieces: `email,name,language,department,country,employee_id` (RFC 4180). */
export function* writeEmployeeCsv(employees: Iterable<DemoEmployee>): Generator<string> {
  yield "email,name,language,department,country,employee_id\r\n";
  for (const { email, name, language, department, country, employeeId } of employees) {
    yield `${[email, name, language, department, country, employeeId].map(writeCell).join(",")}\r\n`;
  }
}

function makeEmployee(branch: Branch, place: number, index: number, persona: PersonaName): DemoEmployee {
  const { firstNames, lastNames, countries } = branch;
  const pairs = firstNames.length * lastNames.length;
  const pair = scatter(place % pairs, pairs);
  const first = pick(firstNames, pair);
  const last = pick(lastNames, Math.floor(pair / firstNames.length));
  const round = Math.floor(place / pairs);
  const local = `${latin(first)}.${latin(last)}${round === 0 ? "" : round + 1}`;
  return {
    email: `${local}${persona === "accepts" ? "" : `+${persona}`}@${domainFor(branch, persona)}`,
    name: `${written(first)} ${written(last)}`,
    language: branch.language,
    department: pick(DEPARTMENTS, scramble(index)),
    country: pick(countries, scramble(index + 7)),
    employeeId: employeeIdOf(index),
    managerId: index === 0 ? null : employeeIdOf(Math.floor((index - 1) / REPORTS_PER_MANAGER)),
    persona,
  };
}

function domainFor(branch: Branch, persona: PersonaName): string {
  return persona === "no-starttls" ? NO_STARTTLS_LABEL + branch.domain : branch.domain;
}

function employeeIdOf(index: number): string {
  return `N${String(index + 1).padStart(6, "0")}`;
}

/** Which employees have which persona: evenly spread over the list, the personas mixed among themselves. */
function spreadPersonas(count: number): Map<number, PersonaName> {
  const counts = personaCounts(count);
  const names = PERSONA_NAMES.filter((name) => name !== "accepts").flatMap((name) =>
    Array.from({ length: counts[name] }, (_, turn) => ({ name, at: (turn + 0.5) / counts[name] })),
  );
  const mixed = names.sort((one, other) => one.at - other.at);
  return new Map(mixed.map(({ name }, turn) => [Math.floor(((turn + 0.5) * count) / mixed.length), name]));
}

function branchOf(index: number): Branch {
  let left = scramble(index + 13) % 100;
  for (const branch of BRANCHES) {
    if (left < branch.share) return branch;
    left -= branch.share;
  }
  return pick(BRANCHES, 0);
}

/** Every number below `size` once, in an order that looks like none: a step that shares no divisor with `size`. */
function scatter(place: number, size: number): number {
  let step = Math.floor(size * 0.618) + 1;
  while (greatestDivisor(step, size) !== 1) step += 1;
  return (place * step + 1) % size;
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

/** A number that looks random and is always the same for the same index. */
function scramble(index: number): number {
  const mixed = Math.imul(index ^ (index >>> 15), 0x2c1b3c6d);
  const again = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (again ^ (again >>> 15)) >>> 0;
}

function pick<Item>(items: readonly Item[], number: number): Item {
  const item = items[number % items.length];
  if (item === undefined) throw new Error("There is nothing to pick from.");
  return item;
}

function written(name: Name): string {
  return typeof name === "string" ? name : name[0];
}

/** As people write their names in addresses: Jürgen is juergen, Søren soeren, Zoé zoe. */
function latin(name: Name): string {
  if (typeof name !== "string") return name[1];
  const spelled = name.toLowerCase().replaceAll(/[äöüßæøåı]/g, (letter) => SPELLINGS[letter] ?? letter);
  return spelled.normalize("NFD").replaceAll(/\p{M}/gu, "");
}

const SPELLINGS: Readonly<Record<string, string>> = {
  ä: "ae",
  ö: "oe",
  ü: "ue",
  ß: "ss",
  æ: "ae",
  ø: "oe",
  å: "aa",
  ı: "i",
};

function writeCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

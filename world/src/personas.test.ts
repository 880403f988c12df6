/** An address names its persona, and an unknown tag accepts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decideAtDot, decideAtRcpt } from "./decide-answer.ts";
import { PERSONA_NAMES, personaNamed, personaOf } from "./personas.ts";

test.each([
  ["anna.berg+mailbox-full@acme.example", "mailbox-full"],
  ["anna.berg+Mailbox-Full@acme.example", "mailbox-full"],
  ["anna+work+greylist@acme.example", "greylist"],
  ["anna.berg@acme.example", "accepts"],
  ["anna+holiday-pictures@acme.example", "accepts"],
  ["anna@unknown-user+slow.example", "accepts"],
  ["anna+constructor@acme.example", "accepts"],
  ["unknown-user@acme.example", "accepts"],
  ["postmaster", "accepts"],
])("%s is %s", (address, name) => {
  expect(personaOf(address)).toBe(name);
});

test("any text has a persona", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(PERSONA_NAMES).toContain(personaOf(text));
    }),
  );
});

test.each(PERSONA_NAMES)("%s: a delivery that ends badly flags its person, and no other does", (name) => {
  const { endsAs, flags } = personaNamed(name);
  expect(flags).toBe(endsAs !== "accepted");
});

test.each(PERSONA_NAMES)("%s: mail is taken at some try, unless the row says that it never is", (name) => {
  const tries = [1, 2, 3].map((turn) => decideAtRcpt(name, "a@acme.example", turn, false).kind);
  const mails = [1, 2].map((copies) => decideAtDot(name, copies).kind);
  const { endsAs, comesBack } = personaNamed(name);
  const isTaken = endsAs === "accepted" || comesBack.some((kind) => kind.startsWith("bounce"));
  expect(tries.includes("take") && mails.includes("take")).toBe(isTaken);
});

test("drop-after-dot keeps exactly one of many copies, and so does lost-after-dot", () => {
  for (const name of ["drop-after-dot", "lost-after-dot"] as const) {
    const answers = [1, 2, 3, 4].map((copies) => decideAtDot(name, copies));
    expect(answers.filter((answer) => answer.kind !== "refuse" && answer.keeps === "mail")).toHaveLength(1);
    expect(answers.map((answer) => answer.kind)).toEqual(["drop", "take", "take", "take"]);
  }
});

test("an address with replacement patterns comes back in the reply as it was", () => {
  const answer = decideAtRcpt("unknown-user", "$&$1+unknown-user@acme.example", 1, false);
  expect(answer).toMatchObject({ reply: expect.stringContaining("<$&$1+unknown-user@acme.example>") });
});

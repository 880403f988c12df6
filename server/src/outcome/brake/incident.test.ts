/** What is said about an incident: plain for HR, exact for IT. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adviseOn, type Evidence, explainIncident, pickTexts, writeForIt } from "./incident.ts";

const evidence: Evidence = {
  people: 312,
  failed: 4,
  arrived: 0,
  windowMs: 600_000,
  cause: "policy-rejected",
  texts: ["550 5.7.1 <a@example.com>: refused by policy"],
};
const refused = { domain: "example.com", kind: "refused-by-their-system", evidence } as const;

describe("for HR", () => {
  it("says who refused how much, why, and that the people are not to blame", () => {
    expect(explainIncident(refused)).toBe(
      "The mail system of example.com refused 4 mails for good within 10 minutes. A rule of their mail system does not let this mail in. The addresses are probably right.",
    );
  });

  it("has a sentence and an advice for every kind, for a domain and for a whole round", () => {
    for (const kind of ["many-unknown", "refused-by-their-system", "refused-because-of-us"] as const)
      for (const domain of ["example.com", null]) {
        expect(explainIncident({ domain, kind, evidence })).toMatch(/^[A-Z0-9e].*\.$/);
        expect(adviseOn({ domain, kind, evidence })).toMatch(/^[A-Z].*\.$/);
      }
  });
});

it("is a mail that IT can act on: since when, from whom, and the answer word for word", () => {
  const sender = {
    organisation: "Example Works",
    sendingDomain: "mail.example.org",
    fromAddress: "survey@mail.example.org",
  };
  expect(writeForIt({ ...refused, openedAt: new Date("2026-11-24T08:01:30Z") }, sender)).toEqual({
    subject: "Your mail system refuses survey mail of Example Works",
    body: [
      "Since 2026-11-24 08:01 UTC the mail system of example.com has refused 4 mails of an employee survey. We have stopped sending to it.",
      "The mails come from survey@mail.example.org; every one carries a DKIM signature of mail.example.org.",
      "Your mail system answered:\n    550 5.7.1 <a@example.com>: refused by policy",
      "Please find the rule or filter that gave this answer, and let mail through that is signed by this domain. Tell us when it is done, and we send the mails again.",
    ].join("\n\n"),
  });
});

describe("the answers that are kept", () => {
  it("differ by more than the address, newest first, and are left as they are", () => {
    const texts = ["550 <a@example.com> no", "550 <b@example.com> no", "554 Spam", "550 <c@example.com> NO"];
    expect(pickTexts(texts)).toEqual(["550 <a@example.com> no", "554 Spam"]);
  });

  it("are at most five of those that were given, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (texts) => {
        const picked = pickTexts(texts);
        expect(picked.length).toBeLessThanOrEqual(5);
        expect(picked.every((text) => texts.includes(text))).toBe(true);
        if (texts.length > 0) expect(picked[0]).toBe(texts[0]);
      }),
    );
  });
});

/** Reading DNS answers: records, absences, aliases, and bytes that are none. */
import { encode, type Packet } from "dns-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDnsName, readAnswer, writeQuestion } from "./dns-answer.ts";

const question = { name: "example.com", type: "A" } as const;
const response = (more: Partial<Packet>): Buffer =>
  encode({ type: "response", id: 7, flags: 0, questions: [question], answers: [], ...more });

describe("an answer", () => {
  it("gives its records, with the shortest time of all that led there", () => {
    const bytes = response({
      answers: [
        { type: "CNAME", name: "Example.com", ttl: 100, data: "www.example.org" },
        { type: "A", name: "www.example.org", ttl: 500, data: "192.0.2.1" },
        { type: "A", name: "elsewhere.example", ttl: 1, data: "192.0.2.2" },
      ],
    });
    expect(readAnswer(bytes, question, 7)).toEqual({
      kind: "records",
      records: ["192.0.2.1"],
      name: "www.example.org",
      ttlSeconds: 100,
      isAuthentic: false,
    });
  });

  it("tells a name without such records from one that does not exist, and how long either holds", () => {
    const soa = { mname: "ns.example.com", rname: "h.example.com", minimum: 90 };
    const authorities: Packet["authorities"] = [{ type: "SOA", name: "example.com", ttl: 700, data: soa }];
    expect(readAnswer(response({ authorities }), question, 7)).toMatchObject({ kind: "no-records", ttlSeconds: 90 });
    expect(readAnswer(response({ flags: 3, authorities }), question, 7)).toMatchObject({
      kind: "no-domain",
      ttlSeconds: 90,
    });
  });

  it("that leads in a circle says so", () => {
    const bytes = response({
      answers: [
        { type: "CNAME", name: "example.com", ttl: 60, data: "a.example.com" },
        { type: "CNAME", name: "a.example.com", ttl: 60, data: "example.com" },
      ],
    });
    expect(readAnswer(bytes, question, 7)).toEqual({ kind: "alias-loop" });
  });

  it("carries whether it was validated", () => {
    const answers: Packet["answers"] = [{ type: "A", name: "example.com", ttl: 60, data: "192.0.2.1" }];
    expect(readAnswer(response({ flags: 1 << 5, answers }), question, 7)).toMatchObject({ isAuthentic: true });
  });

  it.each([
    ["another id", response({ id: 8 })],
    ["another name", response({ questions: [{ name: "example.org", type: "A" }] })],
    ["another type", response({ questions: [{ name: "example.com", type: "MX" }] })],
    ["no question", response({ questions: [] })],
    ["a question for an answer", writeQuestion(question, 7)],
    ["nonsense", Buffer.from("hello")],
  ])("with %s is not ours", (_, bytes) => {
    expect(readAnswer(bytes, question, 7)).toEqual({ kind: "not-ours" });
  });

  it("of a failing server says what failed", () => {
    expect(readAnswer(response({ flags: 2 }), question, 7)).toMatchObject({
      kind: "failed",
      why: expect.stringMatching(/SERVFAIL/) as string,
    });
  });
});

describe("whatever the bytes", () => {
  it("reading never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        readAnswer(Buffer.from(bytes), question, 7);
      }),
    );
  });

  it("not even when an answer was changed here and there", () => {
    const whole = response({
      answers: [
        { type: "CNAME", name: "example.com", ttl: 60, data: "a.example.com" },
        { type: "A", name: "a.example.com", ttl: 60, data: "192.0.2.1" },
        { type: "MX", name: "a.example.com", ttl: 60, data: { preference: 1, exchange: "mx.example.com" } },
        { type: "TXT", name: "a.example.com", ttl: 60, data: "text" },
      ],
    });
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.constantFrom("A", "MX", "TXT", "TLSA", "PTR"), (places, type) => {
        const bytes = Buffer.from(whole);
        for (const [place, value] of places) bytes[place] = value;
        readAnswer(bytes, { name: "example.com", type }, 7);
      }),
      { numRuns: 3000 },
    );
  });
});

it("host names are letters, digits, hyphens and underscores, and not too long", () => {
  expect(["example.com", "_25._tcp.mx.example.com", "a"].every(isDnsName)).toBe(true);
  expect(
    ["", ".", "a..b", "a b.example", "exämple.com", `${"a".repeat(64)}.example`, "a.".repeat(130), "a\0b", "*.x"].some(
      isDnsName,
    ),
  ).toBe(false);
});

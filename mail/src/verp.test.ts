/** A Return-Path comes back as the delivery it was made for; a guess, a change or an old one does not. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { returnPathDay, readReturnPath, writeReturnPath, type ReturnPathKey } from "./verp.ts";

const key: ReturnPathKey = { id: 7, secret: Buffer.alloc(32, 0x61) };
const nextKey: ReturnPathKey = { id: 8, secret: Buffer.alloc(32, 0x62) };
const domain = "bounce.example.com";
const token = { org: 3, delivery: 4711, generation: 2, day: 2520 };
const path = writeReturnPath(key, token, domain);

test("it is one tag letter and 45 of base32, well within 64 octets", () => {
  expect(path).toMatch(/^b[a-z2-7]{45}@bounce\.example\.com$/);
});

test("its layout never changes, for addresses in the mail of others outlive a release", () => {
  expect(path).toBe("ba4aaaaadaaaaaaaaaajgoaqj3bc5qh5cmwnwqwmtx4yny@bounce.example.com");
});

test("days count from 2020-01-01 in UTC", () => {
  expect(returnPathDay(new Date("2020-01-01T23:59:59Z"))).toBe(0);
  expect(returnPathDay(new Date("2026-11-24T00:00:00Z"))).toBe(2519);
});

test("any ids come back, in upper case and under several keys too", () => {
  const tokens = fc.record({
    org: fc.integer({ min: 0, max: 0xffff_ffff }),
    delivery: fc.maxSafeNat(),
    generation: fc.nat(255),
    day: fc.integer({ min: 0, max: 0xffff }),
  });
  fc.assert(
    fc.property(tokens, fc.constantFrom(key, nextKey), fc.integer({ min: -1, max: 30 }), (given, signing, age) => {
      const written = writeReturnPath(signing, given, domain);
      const expected = { ok: true, value: given };
      expect(readReturnPath(written, [key, nextKey], domain, given.day + age)).toEqual(expected);
      expect(readReturnPath(written.toUpperCase(), [key, nextKey], domain, given.day + age)).toEqual(expected);
    }),
  );
});

test("any single character changed, added or lost is refused", () => {
  const elsewhere = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz234567.@-1");
  fc.assert(
    fc.property(fc.nat(path.length - 1), elsewhere, (at, character) => {
      fc.pre(path[at] !== character);
      const [before, after] = [path.slice(0, at), path.slice(at + 1)];
      for (const changed of [before + character + after, before + character + path.slice(at), before + after]) {
        expect(readReturnPath(changed, [key], domain, token.day).ok).toBe(false);
      }
    }),
    { numRuns: 3000 },
  );
});

test("every flipped bit is refused", () => {
  for (let at = 0; at < 46 * 8; at += 1) {
    const bytes = Buffer.from(path);
    bytes[at >> 3] = bytes[at >> 3]! ^ (1 << (at & 7));
    const changed = bytes.toString("latin1");
    expect(readReturnPath(changed, [key], domain, token.day).ok).toBe(changed.toLowerCase() === path);
  }
});

test.each([
  ["", "not-ours"],
  ["ana@bounce.example.com", "not-ours"],
  [`${path}.`, "not-ours"],
  [path.replace("bounce.", "bounze."), "not-ours"],
  [`c${path.slice(1)}`, "not-ours"],
  [path.replace("example", "ex\u0101mple"), "not-ours"],
  [`b${"a".repeat(45)}@${domain}`, "forged"],
])("%j is %s", (recipient, problem) => {
  expect(readReturnPath(recipient, [key], domain, token.day)).toEqual({ ok: false, error: problem });
});

test("letters that only look alike after a change of case are not ours", () => {
  const kelvin = "bank.example.com";
  const recipient = writeReturnPath(key, token, kelvin);
  expect(readReturnPath(recipient.replace("bank", "ban\u212a"), [key], kelvin, token.day)).toEqual({
    ok: false,
    error: "not-ours",
  });
});

test("a token of another domain, of an unknown key or of another secret is forged", () => {
  const forged = { ok: false, error: "forged" };
  const elsewhere = writeReturnPath(key, token, "bounce.example.net").replace("example.net", "example.com");
  expect(readReturnPath(elsewhere, [key], domain, token.day)).toEqual(forged);
  expect(readReturnPath(path, [nextKey], domain, token.day)).toEqual(forged);
  expect(readReturnPath(path, [{ id: 7, secret: nextKey.secret }], domain, token.day)).toEqual(forged);
});

test("it holds for 30 days, and against clocks one day behind", () => {
  const expired = { ok: false, error: "expired" };
  expect(readReturnPath(path, [key], domain, token.day + 30).ok).toBe(true);
  expect(readReturnPath(path, [key], domain, token.day + 31)).toEqual(expired);
  expect(readReturnPath(path, [key], domain, token.day - 1).ok).toBe(true);
  expect(readReturnPath(path, [key], domain, token.day - 2)).toEqual(expired);
});

test("reading never throws, whatever the recipient", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^b[a-z2-7İ]{44}$/)), (local) => {
      expect(readReturnPath(`${local}@${domain}`, [key], domain, token.day).ok).toBe(false);
    }),
  );
});

test("numbers out of range and short secrets throw", () => {
  expect(() => writeReturnPath(key, { ...token, org: -1 }, domain)).toThrow(RangeError);
  expect(() => writeReturnPath(key, { ...token, org: 2 ** 32 }, domain)).toThrow(RangeError);
  expect(() => writeReturnPath(key, { ...token, delivery: 2 ** 53 }, domain)).toThrow(RangeError);
  expect(() => writeReturnPath(key, { ...token, delivery: -1 }, domain)).toThrow(RangeError);
  expect(() => writeReturnPath(key, { ...token, day: 70_000 }, domain)).toThrow(RangeError);
  expect(() => writeReturnPath({ id: 300, secret: key.secret }, token, domain)).toThrow(RangeError);
  expect(() => writeReturnPath({ id: 7, secret: Buffer.from("short") }, token, domain)).toThrow(RangeError);
});

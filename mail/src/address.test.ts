/** What readAddress takes, what it refuses and with which word; properties that hold for any text at all. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressKey, explainAddressProblem, readAddress, type AddressProblem } from "./address.ts";

function accepted(text: string) {
  const result = readAddress(text);
  if (!result.ok) throw new Error(`${text} was refused: ${result.error}`);
  return result.value;
}

describe("accepts", () => {
  test.each([
    ["ana@example.com", "ana@example.com"],
    [" User@Example.COM ", "User@example.com"],
    ["o'brien+survey@mail.example.com", "o'brien+survey@mail.example.com"],
    ["a@xn--bcher-kva.example", "a@xn--bcher-kva.example"],
    ["a@Bücher.example", "a@xn--bcher-kva.example"],
    ["a@straße.example", "a@xn--strae-oqa.example"],
    ["josé@example.com", "josé@example.com"],
    ["jose\u0301@example.com", "josé@example.com"],
    ["用户@例子.example", "用户@xn--fsqu00a.example"],
    ["a@3com.example", "a@3com.example"],
    ["a@1.2.3.example", "a@1.2.3.example"],
    ["a@r3---sn.example", "a@r3---sn.example"],
    ["_-_@example.com", "_-_@example.com"],
  ])("%s as %s", (text, expected) => {
    expect(accepted(text).text).toBe(expected);
  });

  test("a local part beyond ASCII needs SMTPUTF8, a domain beyond ASCII does not", () => {
    expect(accepted("josé@example.com").needsSmtpUtf8).toBe(true);
    expect(accepted("jose@bücher.example").needsSmtpUtf8).toBe(false);
  });

  test("64 octets before the @ sign and 63 in a label, but not one more", () => {
    expect(readAddress(`${"a".repeat(64)}@example.com`).ok).toBe(true);
    expect(readAddress(`${"a".repeat(65)}@example.com`)).toEqual({ ok: false, error: "local-too-long" });
    expect(readAddress(`${"é".repeat(33)}@example.com`)).toEqual({ ok: false, error: "local-too-long" });
    expect(readAddress(`a@${"b".repeat(63)}.example`).ok).toBe(true);
    expect(readAddress(`a@${"b".repeat(64)}.example`)).toEqual({ ok: false, error: "domain-label" });
  });

  test("254 octets in all, but not one more", () => {
    const domain = `${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(53)}.example`;
    expect(readAddress(`${"a".repeat(64)}@${domain}`).ok).toBe(true);
    expect(readAddress(`${"a".repeat(64)}@${domain}s`)).toEqual({ ok: false, error: "too-long" });
  });
});

const refusals: readonly (readonly [string, AddressProblem])[] = [
  ["", "empty"],
  ["   ", "empty"],
  ["no-at-sign", "no-at-sign"],
  ["a@@example.com", "several-at-signs"],
  ["a@b@example.com", "several-at-signs"],
  ['"spy@attacker.example"@example.com', "local-quoted"],
  ['a"b@example.com', "local-quoted"],
  ["a\\@b@example.com", "local-quoted"],
  ["x@example.com;y@example.com", "several-addresses"],
  ["x@example.com, y@example.com", "several-addresses"],
  ["x@example.com y@example.com", "several-addresses"],
  ["Ana <ana@example.com>", "display-name"],
  ["<ana@example.com>", "display-name"],
  ["a na@example.com", "space-inside"],
  ["ana@exam\nple.com", "space-inside"],
  ["ana@example.com\r\nBcc: x", "space-inside"],
  ["ana\u00a0x@example.com", "space-inside"],
  ["ana\u200b@example.com", "invisible-character"],
  ["ana@example.com\0", "invisible-character"],
  ["ana\u202e@example.com", "invisible-character"],
  ["an\ud800a@example.com", "invisible-character"],
  ["ana@exam\u00adple.com", "invisible-character"],
  ["@example.com", "local-empty"],
  [".ana@example.com", "local-dots"],
  ["ana.@example.com", "local-dots"],
  ["a..na@example.com", "local-dots"],
  ["a,b@example.com", "local-character"],
  ["a(b)@example.com", "local-character"],
  ["a:b@example.com", "local-character"],
  ["ana＠spy@example.com", "local-character"],
  ["ａna@example.com", "local-character"],
  ["ana@", "domain-empty"],
  ["ana@localhost", "domain-one-word"],
  ["user@acme..test", "domain-dots"],
  ["ana@example.com.", "domain-dots"],
  ["ana@.example.com", "domain-dots"],
  ["ana@example。com", "domain-character"],
  ["ana@ｅxample.com", "domain-character"],
  ["ana@exa_mple.com", "domain-character"],
  ["ana@example.com:25", "domain-character"],
  ["ana@example.com/x", "domain-character"],
  ["ana@ex%61mple.com", "domain-character"],
  ["ana@example.com?x", "domain-character"],
  ["ana@☃.example", "domain-character"],
  ["ana@192.0.2.1", "domain-ip-address"],
  ["ana@1.2.3", "domain-ip-address"],
  ["ana@example.0x1f", "domain-ip-address"],
  ["ana@bücher.0x1f", "domain-ip-address"],
  ["ana@[192.0.2.1]", "domain-ip-address"],
  ["ana@[IPv6:2001:db8::1]", "domain-ip-address"],
  ["ana@-example.com", "domain-label"],
  ["ana@example-.com", "domain-label"],
  [`a@${"b.".repeat(123)}example`, "too-long"],
  ["x".repeat(5000), "too-long"],
];

describe("refuses", () => {
  test.each(refusals)("%j as %s", (text, problem) => {
    expect(readAddress(text)).toEqual({ ok: false, error: problem });
  });

  test("every refusal is explained in one sentence that stays on one line", () => {
    for (const [text, problem] of refusals) {
      expect(explainAddressProblem(problem, text)).toMatch(/^[^\n\r\0]{20,260}\.$/);
    }
  });
});

describe("for any text", () => {
  const nearMisses = fc
    .tuple(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.constantFrom("@", "＠", "@@", ""),
      fc.string({
        unit: fc.constantFrom("a", "Z", "0", "-", ".", "_", "ß", "ü", "。", "例", "x", "n", "\u00ad", " ", "%"),
      }),
      fc.constantFrom(".example", ".test", ""),
    )
    .map((parts) => parts.join(""));
  const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.emailAddress(), nearMisses);

  test("reading never throws, and what is accepted is exactly one plain address that reads back as itself", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const result = readAddress(text);
        if (!result.ok) return;
        const { value } = result;
        expect(value.text).toBe(`${value.local}@${value.domain}`);
        expect(value.text).not.toMatch(/[\s<>,;:"\\()[\]\p{Cc}\p{Cf}]/u);
        expect(value.text.split("@")).toHaveLength(2);
        expect(value.domain).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
        expect(Buffer.byteLength(value.text)).toBeLessThanOrEqual(254);
        expect(readAddress(value.text)).toEqual(result);
      }),
      { numRuns: 2000 },
    );
  });

  test("the key ignores case and Unicode form", () => {
    expect(addressKey(accepted("JOSE\u0301@Example.com"))).toBe(addressKey(accepted("josé@example.COM")));
    expect(addressKey(accepted("a@example.com"))).not.toBe(addressKey(accepted("b@example.com")));
  });
});

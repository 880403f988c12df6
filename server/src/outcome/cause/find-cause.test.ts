/** Every rule finds what its examples say and nothing it must not, in linear time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { causes, explainCause, faultOf } from "./cause.ts";
import type { RemoteSaying, TextRule } from "./cause-rule.ts";
import { findCause } from "./find-cause.ts";
import { providerRules } from "./provider-rules.ts";
import { replyRules, statusRules, stepRules } from "./status-rules.ts";
import { textRules } from "./text-rules.ts";

function saying(text: string, more: Partial<RemoteSaying> = {}): RemoteSaying {
  const [, code = null, enhanced = null] = /^(?:([245]\d\d)[ -])?(?:([245]\.\d{1,3}\.\d{1,3}))?/.exec(text) ?? [];
  return { step: null, code, enhanced, text, ...more };
}

const hostsOf: Partial<Record<TextRule["scope"], string>> = {
  mimecast: "eu-smtp-inbound-1.mimecast.com",
  yahoo: "mta6.am0.yahoodns.net",
  microsoft: "example-com.mail.protection.outlook.com",
  docomo: "mfsmax.docomo.ne.jp",
  orange: "smtp-in.laposte.net",
  godaddy: "smtp.secureserver.net",
};

describe("each rule keeps what its examples promise", () => {
  test.each([...providerRules, ...textRules])("$id", (rule) => {
    const remoteHost = hostsOf[rule.scope] ?? null;
    for (const text of rule.matches) {
      const code = saying(text).code ?? (rule.class ? `${rule.class}50` : null);
      const { rule: id, cause } = findCause(saying(text, { code, remoteHost }));
      expect({ text, id, cause }).toEqual({ text, id: rule.id, cause: rule.cause });
    }
    for (const text of rule.mustNotMatch) {
      expect({ text, id: findCause(saying(text, { remoteHost })).rule }).not.toEqual({ text, id: rule.id });
    }
  });
});

describe("the rules as a whole", () => {
  const all = [...providerRules, ...textRules, ...statusRules, ...replyRules, ...stepRules];

  test("every id is used once", () => {
    const ids = all.map((rule) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(80);
  });

  test("every rule says where it comes from, and words have examples on both sides", () => {
    const silent = all.filter((rule) => rule.source === "");
    const oneSided = [...providerRules, ...textRules].filter(
      ({ matches, mustNotMatch }) => matches.length === 0 || mustNotMatch.length === 0,
    );
    expect([silent, oneSided]).toEqual([[], []]);
  });

  test("no pattern can take more than linear time: no open gap, no repetition of a repetition, no back reference", () => {
    const risky = [...providerRules, ...textRules].filter(({ pattern }) => {
      const bare = pattern.source.replaceAll(/\\[^1-9]/g, "x").replaceAll(/\[[^\]]*\]/g, "x");
      return /[*+\\]|\)\{|\{\d+,\}/.test(bare) || pattern.flags !== "";
    });
    expect(risky.map((rule) => rule.id)).toEqual([]);
  });

  test("four thousand characters of anything are judged in a few milliseconds", () => {
    for (const piece of [
      "a ",
      "user ",
      "mailbox is ",
      "not ",
      "spf ",
      "<a@b.example> ",
      "x",
      "dmarc polic",
      "the quota ",
    ]) {
      const text = piece.repeat(4000);
      const start = performance.now();
      findCause(saying(text));
      expect(performance.now() - start).toBeLessThan(100);
    }
  });
});

describe("what the numbers cannot say, the words do", () => {
  test.each([
    ["550 5.1.1 <a@example.com>: quota exceeded", "mailbox-full"],
    ["550 5.1.1 <a@example.com>... User Unknown", "recipient-unknown"],
    [
      "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking",
      "recipient-unknown",
    ],
    ["450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted", "greylisted"],
    ["421 4.7.0 Too many connections, slow down", "rate-limited"],
    ["552 5.2.2 mailbox full", "mailbox-full"],
    ["connect to mx.example.com[192.0.2.1]:25: Connection refused", "network-or-timeout"],
  ])("%s is %s", (text, cause) => {
    expect(findCause(saying(text)).cause).toBe(cause);
  });
});

describe("what no words say, the numbers do", () => {
  test.each([
    [{ enhanced: "5.1.1" }, "recipient-unknown"],
    [{ enhanced: "5.2.2" }, "mailbox-full"],
    [{ enhanced: "5.4.4" }, "domain-invalid"],
    [{ enhanced: "4.4.4" }, "network-or-timeout"],
    [{ enhanced: "5.7.26" }, "authentication-failed"],
    [{ code: "550", step: "rcpt" }, "recipient-unknown"],
    [{ code: "550", step: "body" }, "unclassified"],
    [{ code: "550", step: null }, "unclassified"],
    [{ code: "550", enhanced: "5.7.1", step: "rcpt" }, "policy-rejected"],
    [{ code: "550", enhanced: "5.1.0", step: "rcpt" }, "recipient-unknown"],
    [{ code: "553", enhanced: null, step: "mail" }, "policy-rejected"],
    [{ code: "554", enhanced: null, step: "greeting" }, "reputation-blocked"],
    [{ step: "starttls" }, "tls-failed"],
    [{ step: "connect" }, "network-or-timeout"],
    [{}, "unclassified"],
  ] as const)("%o is %s", (numbers, cause) => {
    expect(findCause(saying("", numbers)).cause).toBe(cause);
  });
});

test("permanent is what the remote said: the reply code first, then the enhanced code, else nobody knows", () => {
  expect(findCause(saying("", { code: "550", enhanced: "4.2.2" })).permanent).toBe(true);
  expect(findCause(saying("", { enhanced: "4.2.2" })).permanent).toBe(false);
  expect(findCause(saying("mailbox full")).permanent).toBeNull();
});

test("every cause has a fault and a sentence that ends", () => {
  for (const cause of causes) {
    expect(["address", "their-system", "us"]).toContain(faultOf(cause));
    expect(explainCause(cause)).toMatch(/^[A-Z].{20,}\.$/);
  }
});

test("any words at all get a verdict", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.option(fc.string()),
      fc.option(fc.string()),
      (text, code, enhanced) => {
        expect(causes).toContain(findCause({ step: null, code, enhanced, text }).cause);
      },
    ),
  );
});

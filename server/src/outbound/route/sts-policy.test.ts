/** MTA-STS records and policies, as RFC 8461 shows them and as they come. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isStsHost, readStsPolicy, readStsRecord } from "./sts-policy.ts";

const policy = (text: string) => readStsPolicy(text.trim().replaceAll("\n", "\r\n"));

describe("the record", () => {
  it.each([
    [["v=STSv1; id=20160831085700Z;"], "20160831085700Z"],
    [["v=STSv1;id=1"], "1"],
    [["v=spf1 -all", "v=STSv1 ; id = abc ; x=y"], "abc"],
    [["v=STSv1; id=first; id=second"], "first"],
    [["v=STSv1; id=has-hyphen"], null],
    [["v=STSv1;"], null],
    [["v=STSv2; id=1"], null],
    [["v=STSv1; id=1", "v=STSv1; id=2"], null],
    [[], null],
  ])("%j announces %j", (texts, id) => {
    expect(readStsRecord(texts)).toBe(id);
  });
});

describe("the policy", () => {
  it("is read with either line end, any case of hosts, and fields nobody knows", () => {
    const text =
      "version: STSv1\nmode: enforce\nmx: Mail.Example.com\nmx: *.example.net\nfuture: yes\nmax_age: 604800\n";
    const expected = {
      ok: true,
      value: { mode: "enforce", mx: ["mail.example.com", "*.example.net"], maxAgeSeconds: 604_800 },
    };
    expect(policy(text)).toEqual(expected);
    expect(readStsPolicy(text)).toEqual(expected);
  });

  it("counts the first of a field that comes twice", () => {
    const text = "version: STSv1\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 1\nmax_age: 2";
    expect(policy(text)).toMatchObject({ value: { mode: "enforce", maxAgeSeconds: 1 } });
  });

  it("holds for a year at most", () => {
    expect(policy("version: STSv1\nmode: testing\nmx: a.example\nmax_age: 9999999999")).toMatchObject({
      value: { maxAgeSeconds: 31_557_600 },
    });
  });

  it("that lifts the policy needs no hosts", () => {
    expect(policy("version: STSv1\nmode: none\nmax_age: 60")).toMatchObject({ value: { mode: "none", mx: [] } });
  });

  it.each([
    ["no version", "mode: enforce\nmx: a.example\nmax_age: 60"],
    ["another version", "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 60"],
    ["an unknown mode", "version: STSv1\nmode: strict\nmx: a.example\nmax_age: 60"],
    ["no hosts", "version: STSv1\nmode: enforce\nmax_age: 60"],
    ["no age", "version: STSv1\nmode: enforce\nmx: a.example"],
    ["a negative age", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1"],
    ["a wildcard in the middle", "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 60"],
    ["a page of HTML", "<html><body>Not found</body></html>"],
  ])("with %s is refused with a reason", (_, text) => {
    expect(policy(text)).toMatchObject({ ok: false, error: expect.stringMatching(/^[a-z]/) as string });
  });

  it("is read or refused, whatever the text", () => {
    const lines = fc.array(
      fc.oneof(fc.string(), fc.constantFrom("version: STSv1", "mode: enforce", "mx: *.a.example", "max_age: 5")),
    );
    fc.assert(fc.property(lines, (all) => typeof readStsPolicy(all.join("\n")).ok === "boolean"));
  });
});

describe("a host", () => {
  const { value } = policy("version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmax_age: 1") as {
    value: Parameters<typeof isStsHost>[0];
  };
  it.each([
    ["mail.example.com", true],
    ["mx.example.net", true],
    ["a.b.example.net", false],
    ["example.net", false],
    ["mx.mail.example.com", false],
    ["evilexample.net", false],
  ])("%s is named: %s", (host, isNamed) => {
    expect(isStsHost(value, host)).toBe(isNamed);
  });
});

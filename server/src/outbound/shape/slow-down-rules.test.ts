/** Every rule fits what its examples say and nothing it must not, in linear time. */
import { describe, expect, test } from "vitest";
import { findSlowDown, type LaneReply } from "./slow-down.ts";
import { slowDownRules } from "./slow-down-rules.ts";

function replyOf(line: string): LaneReply {
  const [, code = "", enhanced = null, text = ""] = /^(\d{3}) ((?:[245]\.\d+\.\d+)(?= ))?(.*)$/s.exec(line) ?? [];
  return { code: Number(code), enhanced, text: `${enhanced ?? ""}${text}`, step: "mail" };
}

describe("each rule keeps what its examples promise", () => {
  test.each(slowDownRules)("$id", ({ id, scope, matches, mustNotMatch }) => {
    const provider = scope === "any" ? "own:example.com" : scope[0]!;
    const found = (line: string) => findSlowDown(provider, replyOf(line))?.id ?? "none";
    for (const line of matches) expect({ line, id: found(line) }).toEqual({ line, id });
    for (const line of mustNotMatch) expect({ line, id: found(line) }).not.toEqual({ line, id });
  });
});

describe("the rules as a whole", () => {
  test("every id is used once, and every rule says where it comes from and has examples on both sides", () => {
    const ids = slowDownRules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThan(15);
    const bare = slowDownRules.filter(
      ({ source, matches, mustNotMatch }) => source === "" || matches.length === 0 || mustNotMatch.length === 0,
    );
    expect(bare).toEqual([]);
  });

  test("every rule has something to go by and something to do, and ends within half a day", () => {
    for (const { pattern, codes, effect } of slowDownRules) {
      expect(pattern ?? codes).toBeDefined();
      const { holdMs, ...lowers } = effect;
      expect(Object.keys(lowers).length).toBeGreaterThan(0);
      expect(holdMs).toBeLessThanOrEqual(12 * 3_600_000);
      expect(effect.pauseMs ?? 0).toBeLessThanOrEqual(holdMs);
    }
  });

  test("no pattern can take more than linear time: no open gap, no repetition of a repetition, no back reference", () => {
    const risky = slowDownRules.filter(({ pattern }) => {
      const bare = (pattern?.source ?? "").replaceAll(/\\[^1-9]/g, "x").replaceAll(/\[[^\]]*\]/g, "x");
      return /[*+\\]|\)\{|\{\d+,\}/.test(bare) || (pattern?.flags ?? "") !== "";
    });
    expect(risky.map(({ id }) => id)).toEqual([]);
  });

  test("what is said about one recipient, or without a code, slows nobody down", () => {
    const lines = [
      "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time. - gsmtp",
      "450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted, see https://greylist.example/help",
      "550 5.1.1 <a@example.com>: Recipient address rejected: User unknown",
      "452 4.2.2 The recipient's inbox is out of storage space",
      "451 4.3.0 Temporary lookup failure",
    ];
    const providers = ["google", "microsoft", "yahoo", "own:example.com", "relay"];
    const found = providers.flatMap((provider) => lines.map((line) => findSlowDown(provider, replyOf(line))));
    expect(found.filter((rule) => rule !== null)).toEqual([]);
    const own = { code: null, enhanced: null, text: "Too many connections", step: "connect" } as const;
    expect(findSlowDown("google", own)).toBeNull();
  });

  test("the words of one provider mean nothing in the lane of another", () => {
    const reply = replyOf("421 4.7.1 [TS03] All messages from 192.0.2.25 will be permanently deferred");
    expect(findSlowDown("yahoo", reply)?.id).toBe("yahoo.rate");
    expect(findSlowDown("google", reply)?.id).toBe("any.turned-away");
    expect(findSlowDown("google", { ...reply, step: "body" })).toBeNull();
  });
});

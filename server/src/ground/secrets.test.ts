/** A sealed secret opens only with its own key and in its own place. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSecret, sealSecret } from "./secrets.ts";

describe("secrets at rest", () => {
  const key = randomBytes(32);

  it("opens what it sealed, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.string(), (bytes, context) => {
        const sealed = sealSecret(key, Buffer.from(bytes), context, randomBytes);
        expect(openSecret(key, sealed, context)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it("does not open with another master key, in another row, or after one changed byte", () => {
    const sealed = sealSecret(key, Buffer.from("a private key"), "dkim:1", randomBytes);
    expect(() => openSecret(randomBytes(32), sealed, "dkim:1")).toThrow();
    expect(() => openSecret(key, sealed, "dkim:2")).toThrow();
    for (let at = 0; at < sealed.length; at += 7) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => openSecret(key, changed, "dkim:1")).toThrow();
    }
  });

  it("never shows the plain text in the sealed bytes", () => {
    const sealed = sealSecret(key, Buffer.from("canary-canary-canary"), "x", randomBytes);
    expect(sealed.includes("canary")).toBe(false);
  });
});

/** The value is exactly the one that everybody's HMAC-SHA-256 has. */
import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { writeHmac } from "./hmac.ts";

test("RFC 4231 §4.3: a key shorter than a block", () => {
  expect(writeHmac(Buffer.from("Jefe"), Buffer.from("what do ya want for nothing?")).toString("hex")).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});

test("it agrees with the crypto library for any key and message, also when the key is used again", () => {
  const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((octets) => Buffer.from(octets));
  fc.assert(
    fc.property(bytes(200), bytes(300), bytes(300), (key, ...messages) => {
      for (const message of messages)
        expect(writeHmac(key, message)).toEqual(createHmac("sha256", key).update(message).digest());
    }),
  );
});

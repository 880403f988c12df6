/** Who a mail says it is from, and that no name can say more than a name. */
import { readAddress } from "@roundtrip/mail/address";
import { expect, test } from "vitest";
import { senderDisplayName, writeStandingHeaders } from "./standing-headers.ts";

test.each([
  [{ senderName: "Ana Silva", organisation: "Example Works" }, "Ana Silva via Example Works"],
  [{ senderName: "Example Works HR", organisation: "Example Works" }, "Example Works HR"],
  [{ senderName: " ", organisation: "Example Works" }, "Example Works"],
  [{ senderName: "Ana Silva", organisation: "Example Works", nameForm: "name-only" }, "Ana Silva"],
] as const)("%j", (standing, name) => {
  expect(senderDisplayName(standing)).toBe(name);
});

test("a sender name with a line break is refused, with the field it would have broken", () => {
  const from = readAddress("survey@example.com");
  if (!from.ok) throw new Error(from.error);
  const standing = {
    from: from.value,
    replyTo: from.value,
    senderName: "Eve\r\nBcc: spy@example.net",
    organisation: "Example Works",
    orgId: 1,
    roundId: 1,
    kind: "invitation",
  };
  expect(writeStandingHeaders(standing)).toEqual({ ok: false, error: { field: "From", because: "line-break" } });
});

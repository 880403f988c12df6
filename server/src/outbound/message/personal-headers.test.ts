/** One mail's own fields: what cannot be written throws, for it should never have come this far. */
import { readAddress } from "@roundtrip/mail/address";
import { expect, test } from "vitest";
import { writePersonalHeaders, type PersonalFacts } from "./personal-headers.ts";

function written(change: Partial<PersonalFacts>) {
  const to = readAddress("zoe@example.org");
  if (!to.ok) throw new Error(to.error);
  return writePersonalHeaders({
    to: to.value,
    date: new Date("2026-11-24T09:00:00Z"),
    messageId: `<${"k3j5h2g7".repeat(8)}@example.com>`,
    unsubscribeUrl: "https://survey.example.com/stop/k3j5h2g7",
    reference: "3-17-0",
    ...change,
  });
}

test("a long Message-ID stays one word", () => {
  expect(written({})[2]).toEqual({ name: "Message-ID", value: `<${"k3j5h2g7".repeat(8)}@example.com>` });
});

test.each([
  [{ messageId: "<a b@example.com>" }, "no Message-ID"],
  [{ messageId: "<a@example.com>\r\nBcc: spy@example.net" }, "no Message-ID"],
  [{ reference: "3 17" }, "reference"],
  [{ reference: "3\r\nBcc: spy@example.net" }, "reference"],
  [{ unsubscribeUrl: "http://survey.example.com/stop" }, "List-Unsubscribe"],
  [{ unsubscribeUrl: "https://survey.example.com/\r\nBcc: spy@example.net" }, "List-Unsubscribe"],
  [{ date: new Date(Number.NaN) }, "valid date"],
])("%j throws", (change, words) => {
  expect(() => written(change)).toThrow(words);
});

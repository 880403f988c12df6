/** Bytes that no honest client sends are found. */
import { expect, test } from "vitest";
import { findWireFault } from "./wire-fault.ts";

test.each([
  ["an ordinary mail", "Subject: a\r\n\r\nb\r\n"],
  ["an empty mail", ""],
  ["a line of 998 octets", `${"a".repeat(998)}\r\n`],
])("nothing is wrong with %s", (_name, mail) => {
  expect(findWireFault(Buffer.from(mail))).toBeNull();
});

test.each([
  ["a line of 999 octets", `${"a".repeat(999)}\r\n`, "more than 998 octets"],
  ["a bare line feed", "Subject: a\n\r\nb\r\n", "line feed without"],
  ["a bare line feed at the start", "\nSubject: a\r\n", "line feed without"],
  ["a bare carriage return", "Subject: a\r\n\r\nb\rc\r\n", "carriage return without"],
  ["a carriage return at the very end", "Subject: a\r\n\r\nb\r\n\r", "carriage return without"],
])("%s is found", (_name, mail, fault) => {
  expect(findWireFault(Buffer.from(mail))).toContain(fault);
});

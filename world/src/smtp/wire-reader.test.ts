/** Lines and mails come out the same however the bytes are cut. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { WireReader } from "./wire-reader.ts";

/** What a well-behaved client sends for this mail (RFC 5321 §4.5.2). */
function stuff(mail: string): string {
  return `${mail.replaceAll(/^\./gm, "..")}.\r\n`;
}

test("lines come whole, however they were cut on the way", () => {
  const reader = new WireReader(1000);
  reader.push(Buffer.from("EHLO a.exam"));
  expect(reader.readLine()).toBeUndefined();
  reader.push(Buffer.from("ple\r\nNOOP\r\n"));
  expect(reader.readLine()).toEqual({ kind: "line", text: "EHLO a.example" });
  expect(reader.readLine()).toEqual({ kind: "line", text: "NOOP" });
  expect(reader.readLine()).toBeUndefined();
});

test("any mail comes out as it was before dot-stuffing, however it was cut, and leaves the next command alone", () => {
  const line = fc.string({ unit: fc.constantFrom(".", "a", " ", "é"), maxLength: 6 });
  const mail = fc.array(line).map((lines) => lines.map((text) => `${text}\r\n`).join(""));
  fc.assert(
    fc.property(mail, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (text, cuts) => {
      const reader = new WireReader(100_000);
      const wire = Buffer.from(`${stuff(text)}QUIT\r\n`);
      let body = reader.readBody();
      for (let at = 0, turn = 0; at < wire.length; turn++) {
        const size = cuts[turn % cuts.length]!;
        reader.push(wire.subarray(at, at + size));
        at += size;
        body ??= reader.readBody();
      }
      expect(body).toEqual({ kind: "body", bytes: Buffer.from(text) });
      expect(reader.readLine()).toEqual({ kind: "line", text: "QUIT" });
    }),
  );
});

test("a dot behind a bare line feed ends no mail (CVE-2023-51764)", () => {
  const reader = new WireReader(1000);
  reader.push(Buffer.from("Subject: a\r\n\r\nhello\n.\nMAIL FROM:<x@example.com>\r\n.\r\n"));
  expect(reader.readBody()).toEqual({
    kind: "body",
    bytes: Buffer.from("Subject: a\r\n\r\nhello\n.\nMAIL FROM:<x@example.com>\r\n"),
  });
});

test("a line or a mail that is too long is read past, and what follows is read", () => {
  const reader = new WireReader(100);
  for (let turn = 0; turn < 50; turn++) reader.push(Buffer.alloc(200, "a"));
  expect(reader.readLine()).toBeUndefined();
  reader.push(Buffer.from("\r\nDATA\r\n"));
  expect(reader.readLine()).toEqual({ kind: "too-long" });
  expect(reader.readLine()).toEqual({ kind: "line", text: "DATA" });
  for (let turn = 0; turn < 50; turn++) {
    reader.push(Buffer.alloc(100, "a.\r\n"));
    expect(reader.readBody()).toBeUndefined();
  }
  reader.push(Buffer.from("\r\n.\r\nNOOP\r\n"));
  expect(reader.readBody()).toEqual({ kind: "too-big" });
  expect(reader.readLine()).toEqual({ kind: "line", text: "NOOP" });
});

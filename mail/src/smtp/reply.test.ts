/** What is a reply and what is a fault, however the bytes are cut; and that no bytes whatever break the reader. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { explainReplyFault, ownWord, ReplyReader, wordOf } from "./reply.ts";

function readAll(...chunks: readonly (string | Buffer)[]) {
  const reader = new ReplyReader();
  const readings = chunks.map((chunk) => reader.read(Buffer.from(chunk as string)));
  return { replies: readings.flatMap((reading) => reading.replies), fault: readings.at(-1)?.fault ?? null, reader };
}

function readOne(text: string | Buffer) {
  const { replies, fault } = readAll(text);
  expect(fault).toBeNull();
  expect(replies).toHaveLength(1);
  return replies[0]!;
}

describe("reads", () => {
  test("a reply of one line with its enhanced code, words kept as they were", () => {
    expect(readOne("550 5.1.1 <a@example.com>: unknown  user\r\n")).toEqual({
      code: 550,
      enhanced: "5.1.1",
      lines: ["5.1.1 <a@example.com>: unknown  user"],
      text: "5.1.1 <a@example.com>: unknown  user",
    });
  });

  test("a reply of several lines as one, with the enhanced code of its first line", () => {
    const reply = readOne("450-4.7.1 slow down\r\n450-\r\n450 4.7.1 come back later\r\n");
    expect(reply).toEqual({
      code: 450,
      enhanced: "4.7.1",
      lines: ["4.7.1 slow down", "", "4.7.1 come back later"],
      text: "4.7.1 slow down\n\n4.7.1 come back later",
    });
  });

  test.each([
    ["a code alone", "354\r\n", 354, ""],
    ["a line that ends in a bare LF", "250 ok\n", 250, "ok"],
    ["a NUL and a bare CR, shown as marks", "250 o\0k\ry\r\n", 250, "o\u{fffd}k\u{fffd}y"],
    ["UTF-8", "550 Postfach unbekannt: für Jürgen\r\n", 550, "Postfach unbekannt: für Jürgen"],
  ])("%s", (_, bytes, code, text) => {
    expect(readOne(bytes)).toMatchObject({ code, text, enhanced: null });
  });

  test("bytes that are no UTF-8 as Latin-1, so that they stay readable", () => {
    expect(readOne(Buffer.from("550 f\xfcr J\xfcrgen\r\n", "latin1")).text).toBe("für Jürgen");
  });

  test.each(["5.1", "5.1.1x", "3.1.1", "5.1.1234", "x 5.1.1"])("no enhanced code in “%s”", (text) => {
    expect(readOne(`550 ${text}\r\n`).enhanced).toBeNull();
  });

  test("several replies in one chunk, in order", () => {
    const { replies } = readAll("250 mail\r\n550-5.1.1 no\r\n550 5.1.1 rcpt\r\n354 data\r\n");
    expect(replies.map((reply) => reply.code)).toEqual([250, 550, 354]);
  });

  test("whether a reply has begun that is not complete", () => {
    expect(readAll("250 ok\r\n").reader.isMidReply).toBe(false);
    expect(readAll("250 ok\r\n2").reader.isMidReply).toBe(true);
    expect(readAll("250-ok\r\n").reader.isMidReply).toBe(true);
  });
});

describe("finds at fault", () => {
  test.each([
    ["HTTP/1.1 400 Bad Request\r\n", "not-a-reply"],
    ["\r\n", "not-a-reply"],
    ["25 ok\r\n", "not-a-reply"],
    ["150 ok\r\n", "not-a-reply"],
    ["650 ok\r\n", "not-a-reply"],
    ["250+ok\r\n", "not-a-reply"],
    [" 250 ok\r\n", "not-a-reply"],
    ["\xff\xfd\x01\xff\n", "not-a-reply"],
    ["250-first\r\n550 second\r\n", "code-changes"],
    [`250 ${"x".repeat(4096)}\r\n`, "line-too-long"],
    ["x".repeat(4096), "line-too-long"],
    ["250-x\r\n".repeat(100), "too-many-lines"],
    [`250-${"x".repeat(4000)}\r\n`.repeat(17), "reply-too-long"],
  ])("%j", (bytes, kind) => {
    expect(readAll(bytes)).toMatchObject({ replies: [], fault: { kind } });
  });

  test("nothing in a reply that just keeps the limits", () => {
    expect(readOne(`250 ${"x".repeat(4096 - 6)}\r\n`).text).toHaveLength(4090);
    expect(readOne(`${"250-x\r\n".repeat(99)}250 x\r\n`).lines).toHaveLength(100);
  });

  test("what stood before the fault is still heard, what comes after it is not", () => {
    const { replies, fault } = readAll("250 ok\r\nnonsense\r\n250 ok\r\n", "250 ok\r\n");
    expect(replies).toHaveLength(1);
    expect(fault && explainReplyFault(fault)).toBe("The server sent something that is no SMTP reply: “nonsense”");
  });

  test("an excerpt stays short", () => {
    expect(readAll("y".repeat(1_000_000)).fault?.excerpt).toBe("y".repeat(80));
  });
});

describe("for any bytes", () => {
  const replyText = fc.stringMatching(/^[2-5]\d\d[ -](5\.1\.1 )?[a-z ü]{0,20}\r?\n$/).map((text) => Buffer.from(text));
  const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const streams = fc.array(fc.oneof(replyText, anyBytes), { maxLength: 8 }).map((parts) => Buffer.concat(parts));

  test("reading never throws, and the text never holds what a database or terminal would choke on", () => {
    fc.assert(
      fc.property(streams, (bytes) => {
        for (const reply of readAll(bytes).replies) expect(reply.text).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/);
      }),
    );
  });

  test("the cut into chunks does not matter", () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(200)), (bytes, cuts) => {
        const chunks: Buffer[] = [];
        let rest = bytes;
        for (const cut of cuts) {
          chunks.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        const { replies, fault } = readAll(bytes);
        expect(readAll(...chunks, rest)).toMatchObject({ replies, fault });
      }),
    );
  });
});

test("a word is temporary when the code is 4xx, or when it is our own", () => {
  expect(wordOf("rcpt", readOne("450 4.2.0 later\r\n"))).toEqual({
    step: "rcpt",
    code: 450,
    enhanced: "4.2.0",
    text: "4.2.0 later",
    temporary: true,
  });
  expect(wordOf("rcpt", readOne("550 no\r\n")).temporary).toBe(false);
  expect(wordOf("body", readOne("250 ok\r\n")).temporary).toBe(false);
  expect(ownWord("mail", "silence")).toEqual({
    step: "mail",
    code: null,
    enhanced: null,
    text: "silence",
    temporary: true,
  });
});

/** Whatever bytes come in, the reader gives a bounded tree or a word why not, and never throws. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MimePart, defaultMimeLimits, partBytes, partText, readMime, walkParts } from "./read-mime.ts";

function read(text: string, limits = defaultMimeLimits): MimePart {
  const result = readMime(Buffer.from(text, "latin1"), limits);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function problem(text: string, limits = defaultMimeLimits): string | null {
  const result = readMime(Buffer.from(text, "latin1"), limits);
  return result.ok ? null : result.error;
}

const lines = (...all: string[]): string => all.join("\r\n");
const outline = (part: MimePart): unknown =>
  part.children.length === 0 ? part.contentType.type : [part.contentType.type, ...part.children.map(outline)];

const report = lines(
  "From: MAILER-DAEMON@mx.example.org",
  "Content-Type: multipart/report; report-type=delivery-status;",
  '\tboundary="outer"',
  "",
  "For old readers.",
  "--outer",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Na=C3=AFve words=20",
  "=2E",
  "--outer",
  "Content-Type: message/delivery-status",
  "",
  "Reporting-MTA: dns; mx.example.org",
  "",
  "--outer",
  "Content-Type: message/rfc822",
  "",
  "Subject: what was sent",
  "Content-Type: multipart/alternative; boundary=inner",
  "",
  "--inner",
  "",
  "plain",
  "--inner--",
  "--outer--",
  "after the end",
);

describe("a well-formed mail", () => {
  test("comes back as the tree that it is", () => {
    expect(outline(read(report))).toEqual([
      "multipart/report",
      "text/plain",
      "message/delivery-status",
      ["message/rfc822", ["multipart/alternative", "text/plain"]],
    ]);
  });

  test("gives its text decoded, and its headers by name whatever their case", () => {
    const mail = read(report);
    expect(partText(mail.children[0]!)).toBe("Naïve words \n.");
    expect(mail.headers.first("from")).toBe("MAILER-DAEMON@mx.example.org");
    expect(mail.contentType.parameters.get("report-type")).toBe("delivery-status");
    expect(mail.children[2]?.children[0]?.headers.text("SUBJECT")).toBe("what was sent");
  });

  test("is the same with bare LF and with bare CR as line ends", () => {
    const expected = [...walkParts(read(report))].map((part) => [part.contentType.type, partText(part)]);
    for (const end of ["\n", "\r"]) {
      const mail = read(report.replaceAll("\r\n", end));
      expect([...walkParts(mail)].map((part) => [part.contentType.type, partText(part)])).toEqual(expected);
    }
  });

  test("with a base64 message inside, which no one should send, is read into it", () => {
    const inside = Buffer.from("Subject: deep\r\n\r\nwords").toString("base64");
    const mail = read(lines("Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "", inside));
    expect(mail.children[0]?.headers.text("Subject")).toBe("deep");
  });
});

describe("a damaged mail gives what is readable", () => {
  test("a mailbox line and empty lines on top are passed over", () => {
    expect(read(lines("", "From x@example.com Mon Jan 1", "Subject: a", "", "b")).headers.first("Subject")).toBe("a");
  });

  test("a text without any header is a body", () => {
    const mail = read("[https://example.com/logo.png]\nThis is no header.\n");
    expect(mail.headers.fields).toEqual([]);
    expect(partText(mail)).toBe("[https://example.com/logo.png]\nThis is no header.\n");
  });

  test("one stray line amid the fields hides nothing behind it", () => {
    expect(read(lines("Subject: a", "stray words", "To: b@example.com", "", "c")).headers.first("To")).toBe(
      "b@example.com",
    );
  });

  test("without a closing boundary the last part reaches to the end", () => {
    const mail = read(lines("Content-Type: multipart/mixed; boundary=x", "", "--x", "", "one", "--x", "", "two"));
    expect(mail.children.map(partText)).toEqual(["one", "two"]);
  });

  test("a boundary that is never named is guessed from the body", () => {
    const mail = read(lines("Content-Type: multipart/mixed", "", "--hidden-one", "", "one", "--hidden-one--"));
    expect(mail.children.map(partText)).toEqual(["one"]);
  });

  test("an inner part that is not closed ends where the outer one goes on", () => {
    const mail = read(
      lines(
        "Content-Type: multipart/mixed; boundary=out",
        "",
        "--out",
        "Content-Type: multipart/mixed; boundary=in",
        "",
        "--in",
        "",
        "deep",
        "--out",
        "",
        "flat",
        "--out--",
      ),
    );
    expect(mail.children.map(outline)).toEqual([["multipart/mixed", "text/plain"], "text/plain"]);
    expect(partText(mail.children[1]!)).toBe("flat");
  });

  test("a boundary that another one begins with is not mistaken for it", () => {
    const mail = read(lines("Content-Type: multipart/mixed; boundary=b", "", "--b", "", "--bb", "--b--"));
    expect(mail.children.map(partText)).toEqual(["--bb"]);
  });
});

describe("limits end the reading with a word", () => {
  const nest = (depth: number): string =>
    Array.from({ length: depth }, (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`).join("");

  test("200 nested parts are too deep, 40 are not", () => {
    expect(problem(nest(200))).toBe("too-deep");
    expect(problem(nest(40))).toBeNull();
  });

  test("501 parts are too many", () => {
    expect(problem(`Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(501)}`)).toBe("too-many-parts");
  });

  test("a header of a megabyte is too large, in one field or in many", () => {
    expect(problem(`Subject: a${"\n b".repeat(400_000)}\n\nbody`)).toBe("header-too-large");
    expect(problem("A: b\n".repeat(200_000))).toBe("header-too-large");
  });

  test("more bytes than allowed are too large", () => {
    expect(problem("Subject: a\n\nbody", { ...defaultMimeLimits, sizeBytes: 10 })).toBe("too-large");
  });

  test("messages in base64 within one another count as depth too", () => {
    let mail = "Subject: core\n\nx";
    for (let depth = 0; depth < 12; depth += 1) {
      mail = `Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n${Buffer.from(mail).toString("base64")}`;
    }
    expect(problem(mail, { ...defaultMimeLimits, depth: 10 })).toBe("too-deep");
    expect(problem(mail, { ...defaultMimeLimits, depth: 12 })).toBeNull();
  });
});

test("ten megabytes of lines that look like boundaries are read in linear time", () => {
  const head = Array.from(
    { length: 45 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`,
  ).join("");
  const mail = Buffer.from(`${head}\n${"--b\n".repeat(2_500_000)}`);
  const start = performance.now();
  expect(readMime(mail).ok).toBe(true);
  expect(performance.now() - start).toBeLessThan(10_000);
});

test("whatever the bytes, reading never throws, and every part can be decoded", () => {
  const piece = fc.constantFrom(
    "\r\n",
    "\n",
    "\r",
    "--b",
    "--",
    "b",
    ": ",
    "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: message/rfc822",
    "Content-Transfer-Encoding: base64",
    "=",
    "=?",
    " ",
    "\t",
    "From ",
    "é",
    "+AGE-",
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
    fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(""), "latin1")),
  );
  fc.assert(
    fc.property(bytes, (mail) => {
      const result = readMime(mail);
      const parts = result.ok ? [...walkParts(result.value)] : [];
      expect(parts.map(partText).every((text) => typeof text === "string")).toBe(true);
      expect(parts.every((part) => partBytes(part).length <= mail.length)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

/** Compiling and filling together: the person's mail says what was meant, in bytes that nothing has to touch. */
import * as fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, test } from "vitest";
import { relaxBody } from "../dkim/canonical-form.ts";
import { textProblem } from "../header.ts";
import { checkWire } from "./check-wire.ts";
import { compileMessage, type CompiledMessage, type MessageTemplate, type Piece } from "./compile-message.ts";
import { fillMessage } from "./fill-message.ts";
import { wireBytes } from "./message.ts";

const FROM = { name: "From", value: "Survey <survey@example.com>" };
const TO = { name: "To", value: "ana@example.org" };
const SEED = "k3j5h2g7f9d1";

function compiled(template: Partial<MessageTemplate>): CompiledMessage {
  const result = compileMessage({ headers: [FROM], subject: ["Hello"], text: ["text"], ...template });
  if (!result.ok) throw new Error(`${result.error.field}: ${result.error.because}`);
  return result.value;
}

function fill(template: Partial<MessageTemplate>, values: Record<string, string> = {}) {
  return fillMessage(compiled(template), { headers: [TO], values, seed: SEED });
}

test("a whole message, byte for byte", () => {
  const message = fill(
    {
      subject: ["A question for ", { slot: "name" }],
      text: ["Dear ", { slot: "name" }, ",\nplease answer: ", { slot: "link" }, "\n"],
      html: [
        "<p>Dear ",
        { slot: "name" },
        '</p><a href="',
        { slot: "link" },
        '">Answer</a>',
        { slot: "logo", raw: true },
      ],
    },
    { name: "Zoë <3", link: "https://s.example.com/a?b=1&c=2", logo: "<br>" },
  );
  expect(wireBytes(message).toString().split("\r\n")).toEqual([
    "From: Survey <survey@example.com>",
    "Subject: =?utf-8?Q?A_question_for_Zo=C3=AB_=3C3?=",
    "To: ana@example.org",
    "MIME-Version: 1.0",
    "Content-Type: multipart/alternative;",
    ' boundary="=_k3j5h2g7f9d1"',
    "",
    "--=_k3j5h2g7f9d1",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "Dear=20=",
    "Zo=C3=AB <3=",
    ",",
    "please answer:=20=",
    "https://s.example.com/a?b=3D1&c=3D2",
    "",
    "--=_k3j5h2g7f9d1",
    "Content-Type: text/html; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "<p>Dear=20=",
    "Zo=C3=AB &#60;3=",
    '</p><a href=3D"=',
    "https://s.example.com/a?b=3D1&#38;c=3D2=",
    '">Answer</a>=',
    "<br>",
    "--=_k3j5h2g7f9d1--",
    "",
  ]);
});

test("a template without HTML makes a message of plain text", () => {
  const message = fill({ text: ["Hello ", { slot: "name" }] }, { name: "Ana" });
  expect(message.contentHeaders).toEqual([
    { name: "Content-Type", value: "text/plain; charset=utf-8" },
    { name: "Content-Transfer-Encoding", value: "quoted-printable" },
  ]);
  expect(message.body.toString()).toBe("Hello=20=\r\nAna\r\n");
});

test("the same person gets the same bytes again", () => {
  const template = compiled({ text: ["Hi ", { slot: "name" }], html: ["Hi ", { slot: "name" }] });
  const personal = { headers: [TO], values: { name: "Ana" }, seed: SEED };
  expect(wireBytes(fillMessage(template, personal))).toEqual(wireBytes(fillMessage(template, personal)));
});

describe("our own bugs are loud", () => {
  test.each(["name", "constructor", "__proto__"])("the slot %s without a value throws", (slot) => {
    expect(() => fill({ text: [{ slot }] })).toThrow(`The slot "${slot}" has no value.`);
  });

  test("a line break in a subject value throws", () => {
    expect(() => fill({ subject: [{ slot: "name" }] }, { name: "Eve\r\nBcc: spy@example.net" })).toThrow("line-break");
  });

  test("a field with a line break in it throws", () => {
    const broken = { ...fill({}), headers: [{ name: "To", value: "a@example.com\r\nBcc: b@example.com" }] };
    expect(() => wireBytes(broken)).toThrow('"To"');
  });

  test.each(["", "short", "has space", 'quote"quote'])("the seed %j throws", (seed) => {
    const template = compiled({ html: ["x"] });
    expect(() => fillMessage(template, { headers: [], values: {}, seed })).toThrow("seed");
  });
});

test.each([
  [{ subject: ["a\nb"] }, { field: "Subject", because: "line-break" }],
  [{ headers: [{ name: "Subject", value: "x" }] }, { field: "Subject", because: "reserved" }],
  [{ headers: [{ name: "content-type", value: "x" }] }, { field: "content-type", because: "reserved" }],
  [{ headers: [{ name: "X-A", value: "x\r\ny" }] }, { field: "X-A", because: "bad-value" }],
])("the template %j is refused", (part, problem) => {
  const template = { headers: [FROM], subject: ["Hello"], text: ["text"], ...part };
  expect(compileMessage(template)).toEqual({ ok: false, error: problem });
});

describe("for any template and any values", () => {
  const anyText = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 90, size: "max" }),
    fc.string({
      unit: fc.constantFrom(
        ".",
        "From ",
        " ",
        "  ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "=",
        "--",
        "=_",
        SEED,
        "é",
        "💌",
        "word",
        "<",
        "&",
        "\0",
      ),
      maxLength: 60,
      size: "max",
    }),
  );
  const pieces: fc.Arbitrary<readonly Piece[]> = fc.array(
    fc.oneof(anyText, fc.record({ slot: fc.constantFrom("a", "b"), raw: fc.constant(true) })),
    { maxLength: 8 },
  );
  const values = fc.record({ a: anyText, b: anyText });

  function meant(template: readonly Piece[], given: Record<string, string>): string {
    return template.map((piece) => (typeof piece === "string" ? piece : given[piece.slot])).join("");
  }

  /** Line breaks between two pieces may join (`\r` + `\n`), which is why they are compared piece by piece. */
  function withCrlf(template: readonly Piece[], given: Record<string, string>): string {
    const merged: string[] = [];
    let wasText = false;
    for (const piece of template) {
      const isText = typeof piece === "string";
      if (isText && wasText) merged.push((merged.pop() ?? "") + piece);
      else merged.push(meant([piece], given));
      wasText = isText;
    }
    return merged.map((text) => text.replaceAll(/\r\n|\r|\n/g, "\r\n")).join("");
  }

  test("both parts come back whole, and the bytes need no mending by SMTP or DKIM", async () => {
    await fc.assert(
      fc.asyncProperty(pieces, pieces, values, async (text, html, given) => {
        const message = fill({ text, html }, given);
        const wire = wireBytes(message);
        expect(checkWire(wire).ok).toBe(true);
        expect(wire.toString("latin1")).toMatch(/^[ -~\r\n]*$/);
        expect(relaxBody(message.body)).toBe(message.body);
        const parsed = await PostalMime.parse(wire);
        // The reader closes every part with a line break of its own.
        const read = (part: string | undefined) => (part ?? "").replace(/\n$/, "").replaceAll("\n", "\r\n");
        expect(read(parsed.text)).toBe(withCrlf(text, given));
        expect(read(parsed.html)).toBe(withCrlf(html, given));
      }),
      { numRuns: 600 },
    );
  });

  async function read(before: string, name: string) {
    const parsed = await PostalMime.parse(wireBytes(fill({ subject: [before, { slot: "name" }] }, { name })));
    return { subject: parsed.subject ?? "", names: parsed.headers.map((header) => header.key) };
  }

  test("the subject comes back whole, and no field is ever added", async () => {
    const clean = anyText.filter((text) => textProblem(text) === undefined);
    await fc.assert(
      fc.asyncProperty(clean, clean, async (before, name) => {
        expect(await read(before, name)).toEqual({
          subject: before + name,
          names: ["from", "subject", "to", "mime-version", "content-type", "content-transfer-encoding"],
        });
      }),
      { numRuns: 600 },
    );
  });

  test("text that no header may hold is refused in a template and throws in a value", async () => {
    const unclean = anyText.filter((text) => textProblem(text) !== undefined);
    await fc.assert(
      fc.asyncProperty(unclean, async (text) => {
        await expect(read(text, "Ana")).rejects.toThrow("Subject");
        await expect(read("Dear ", text)).rejects.toThrow("unfit");
      }),
    );
  });

  test("values in HTML are text, not markup", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("<", ">", '"', "'", "&", "a", "=") }), (name) => {
        const message = fill({ text: [], html: ["<<<", { slot: "name" }, ">>>"] }, { name });
        const between = /<<<=?\r\n([^]*)>>>/.exec(message.body.toString())?.[1] ?? "missing";
        expect(between).not.toMatch(/[<>"']|&(?!#)/);
      }),
    );
  });
});

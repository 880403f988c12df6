/** A file is read as what it is: encoding and delimiter found, header understood, and what is no table refused with the cure. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainTableProblem, readTable, type TableSource } from "./read-table.ts";

describe("the encoding", () => {
  const text = "email,name\nzoe@example.com,Zoë €\n";
  it.each([
    ["utf-8", Buffer.from(text)],
    ["utf-8", Buffer.from(`\uFEFF${text}`)],
    ["utf-16le", Buffer.from(`\uFEFF${text}`, "utf16le")],
    ["utf-16be", Buffer.from(`\uFEFF${text}`, "utf16le").swap16()],
    ["windows-1252", Buffer.from(text.replace("€", "\x80"), "latin1")],
  ])("is found to be %s, and the words come out right", async (encoding, bytes) => {
    const table = await read(bytes);
    expect(table.encoding).toBe(encoding);
    expect(await cells(table)).toEqual([["zoe@example.com", "Zoë €"]]);
  });

  it("is Windows-1252 even when the only sign of it stands at the very end of a large file", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`email,name\n${"a@example.com,A\n".repeat(40_000)}`),
      Buffer.from("z@example.com,Zo\xeb", "latin1"),
    ]);
    const table = await read(bytes);
    expect(table.encoding).toBe("windows-1252");
    expect((await cells(table)).at(-1)).toEqual(["z@example.com", "Zoë"]);
  });

  it("of letters cut in two by the reading is no matter", async () => {
    const table = await read(Buffer.from(text), 1);
    expect(await cells(table)).toEqual([["zoe@example.com", "Zoë €"]]);
  });
});

describe("the delimiter", () => {
  it.each([",", ";", "\t", "|"])("is found to be %j", async (delimiter) => {
    const table = await read(
      ["Name", "E-Mail", "Team"].join(delimiter) + "\n" + ["Eve", "eve@example.com", "A"].join(delimiter),
    );
    expect(table.delimiter).toBe(delimiter);
    expect(await cells(table)).toEqual([["Eve", "eve@example.com", "A"]]);
  });

  it("is the one that lets the header make sense, not the most frequent sign", async () => {
    expect((await read('"Name, first, and last";E-Mail\n')).delimiter).toBe(";");
  });

  it("is the one a spreadsheet declares in front of the header", async () => {
    const table = await read("sep=|\r\nemail|name, title\r\na@example.com|A\r\n");
    expect(table.delimiter).toBe("|");
    expect(table.columns.map(({ title }) => title)).toEqual(["email", "name, title"]);
  });

  it("may be missing: one column of addresses is a list", async () => {
    expect(await cells(await read("Email\na@example.com\n"))).toEqual([["a@example.com"]]);
  });
});

describe("the columns", () => {
  it.each([
    "email",
    "E-Mail",
    "MAIL",
    "Email Address",
    "e_mail",
    "E-Mail-Adresse",
    "Courriel",
    "correo electrónico",
    "メールアドレス",
    "'email",
  ])("of addresses are recognised: %s", async (title) => {
    expect(meanings(await read(`Team,${title}\n`))).toEqual(["attribute", "email"]);
  });

  it("are recognised in German, “Name” beside “Vorname” being the last name", async () => {
    expect(meanings(await read("Vorname;Name;E-Mail;Sprache;Personalnummer;Eintrittsdatum;Aktiv;Abteilung"))).toEqual([
      "first-name",
      "last-name",
      "email",
      "language",
      "employee-no",
      "starts-on",
      "active",
      "attribute",
    ]);
  });

  it("may break their name over lines", async () => {
    expect(meanings(await read('"E-Mail\r\nAddress",Team\r\na@example.com,A'))).toEqual(["email", "attribute"]);
  });

  it("are refused without one for addresses, saying what was found and what to rename", async () => {
    expect(await refusal("Name;Kontakt\nEve;eve@example.com")).toBe(
      "No column holds mail addresses. The first line of the file names: “Name”, “Kontakt”. Rename the column with the addresses to “email”.",
    );
  });

  it("are refused when two mean the same", async () => {
    expect(await refusal("email,Mail")).toMatch(/“email” and “Mail” mean the same/);
    expect(await refusal("email,Team,team")).toMatch(/“Team” and “team” mean the same/);
  });

  it("are refused beyond 200", async () => {
    expect(await refusal(`email${",x".repeat(200)}`)).toMatch(/201 columns/);
  });
});

describe("what is no table", () => {
  it.each([
    ["nothing", "", /empty/],
    ["blank lines", "\n \r\n\t", /empty/],
    ["a spreadsheet with another name", Buffer.from("PK\x03\x04\x14\0\x06\0", "latin1"), /save it as CSV/],
    ["text with NUL characters", "email,name\na@example.com,A\0", /no text file/],
    ["UTF-16 without a byte order mark", Buffer.from("email\na@example.com", "utf16le"), /no text file/],
    ["UTF-16 with a NUL character", Buffer.from("\uFEFFemail\n\0", "utf16le"), /no text file/],
    [
      "half a UTF-16 character",
      Buffer.concat([Buffer.from("\uFEFFemail", "utf16le"), Buffer.from("x")]),
      /no text file/,
    ],
    ["control characters", "\x01\x02\x03\x04email\x05\x06", /no text file/],
    ["a header with an open quotation mark", '"email,name\na@example.com,A', /line 1 cannot be read/],
  ])("is refused: %s", async (_, bytes, sentence) => {
    expect(await refusal(bytes)).toMatch(sentence);
  });

  it("never throws, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.boolean(), async (bytes, hasHeader) => {
        const table = await readTable(source(hasHeader ? Buffer.concat([Buffer.from("email,name\n"), bytes]) : bytes));
        const said = table.ok ? `Read ${String((await cells(table.value)).length)}.` : explainTableProblem(table.error);
        expect(said).toMatch(/^[“A-Z].*\.$/s);
      }),
    );
  });
});

function source(bytes: Uint8Array | string, cut = 64 * 1024): TableSource {
  const buffer = Buffer.from(bytes as string);
  return {
    fileName: "people.csv",
    open: async function* () {
      for (let at = 0; at < buffer.length; at += cut) yield buffer.subarray(at, at + cut);
    },
  };
}

async function read(bytes: Uint8Array | string, cut?: number) {
  const table = await readTable(source(bytes, cut));
  if (!table.ok) throw new Error(explainTableProblem(table.error));
  return table.value;
}

type Table = Awaited<ReturnType<typeof read>>;

async function cells(table: Table): Promise<(readonly string[])[]> {
  const rows: (readonly string[])[] = [];
  for await (const batch of table.rows())
    rows.push(...batch.map((row) => (row.kind === "fields" ? row.fields : [row.text])));
  return rows;
}

function meanings(table: Table): string[] {
  return table.columns.map(({ meaning }) => (meaning.kind === "field" ? meaning.field : meaning.kind));
}

async function refusal(bytes: Uint8Array | string): Promise<string> {
  const table = await readTable(source(bytes));
  return table.ok ? "read as a table" : explainTableProblem(table.error);
}

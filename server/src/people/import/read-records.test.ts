/** A broken row costs that row alone, and every record knows its line. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CsvRecord, type Delimiter, readRecords, RECORD_MAX_CHARACTERS } from "./read-records.ts";

describe("records of a CSV text", () => {
  it("know the line they begin on, whatever ends the lines", async () => {
    expect(await read("a,b\r\nc,d\ne,f\rg,h")).toEqual([
      fields(1, "a", "b"),
      fields(2, "c", "d"),
      fields(3, "e", "f"),
      fields(4, "g", "h"),
    ]);
  });

  it("leave out empty lines and still count them", async () => {
    expect(await read("a\n\r\n\nb\n")).toEqual([fields(1, "a"), fields(4, "b")]);
  });

  it("read quotation marks as RFC 4180 says", async () => {
    expect(await read('"a,b","say ""yes""",\n"", "x" ,y')).toEqual([
      fields(1, "a,b", 'say "yes"', ""),
      fields(2, "", "x", "y"),
    ]);
  });

  it("may run over lines inside quotation marks, and the next one still knows its line", async () => {
    expect(await read('a,"x\r\ny"\r\nb')).toEqual([{ ...fields(1, "a", "x\r\ny"), lastLine: 2 }, fields(3, "b")]);
  });

  it("lose one line when a quotation mark is never closed, and no other", async () => {
    expect(await read('a,b\n1,"x\n2,y\n3,z\n')).toEqual([
      fields(1, "a", "b"),
      broken(2, "quotes", '1,"x'),
      fields(3, "2", "y"),
      fields(4, "3", "z"),
    ]);
  });

  it("lose one line when an open mark meets that of a later row", async () => {
    expect(await read('1,"x\n2,y\n3,"z"\n4,u')).toEqual([
      broken(1, "quotes", '1,"x'),
      fields(2, "2", "y"),
      fields(3, "3", "z"),
      fields(4, "4", "u"),
    ]);
  });

  it.each(['1,5" pipe', '1,"x"y', '1,x"y"'])("lose a line with a mark in the wrong place: %s", async (line) => {
    expect(await read(`${line}\n2,y`)).toEqual([broken(1, "quotes", line), fields(2, "2", "y")]);
  });

  it("lose a line that is too long, and go on behind it, however the text is cut", async () => {
    const long = "x".repeat(3 * RECORD_MAX_CHARACTERS);
    for (const cut of [1000, 100_000, 1_000_000]) {
      const records = await read(`a\n${long}\r\nb\n`, cut);
      expect(records.map(({ line, kind }) => [line, kind])).toEqual([
        [1, "fields"],
        [2, "broken"],
        [3, "fields"],
      ]);
    }
  });

  it("lose one line when 64 KiB go by before a quotation mark is closed", async () => {
    const records = await read(`1,"x\n${"2,y\n".repeat(RECORD_MAX_CHARACTERS / 4)}3,"z"\n`);
    expect(records.filter(({ kind }) => kind === "broken")).toEqual([broken(1, "quotes", '1,"x')]);
    expect(records.at(-1)).toEqual(fields(RECORD_MAX_CHARACTERS / 4 + 2, "3", "z"));
  });

  const anyText = fc.string({
    unit: fc.constantFrom("a", ",", ";", '"', '""', "\n", "\r", "\r\n", " ", "é"),
    maxLength: 60,
  });

  it("are the same however the text is cut into pieces", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.integer({ min: 1, max: 9 }), async (text, cut) => {
        expect(await read(text, cut)).toEqual(await read(text));
      }),
    );
  });

  it("account for every line that holds something", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const covered = new Set((await read(text)).flatMap((record) => linesOf(record)));
        const written = text.split(/\r\n|\n|\r/).flatMap((line, index) => (line === "" ? [] : [index + 1]));
        expect(written.filter((line) => !covered.has(line))).toEqual([]);
      }),
    );
  });

  it("come back as they were written", async () => {
    const row = fc.array(fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "x"), maxLength: 6 }), {
      minLength: 2,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
        const text = rows.map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")).join("\r\n");
        expect((await read(text)).map((record) => (record.kind === "fields" ? record.fields : record))).toEqual(rows);
      }),
    );
  });
});

async function read(text: string, cut = text.length + 1, delimiter: Delimiter = ","): Promise<CsvRecord[]> {
  const pieces = (async function* () {
    for (let at = 0; at < text.length; at += cut) yield text.slice(at, at + cut);
  })();
  const records: CsvRecord[] = [];
  for await (const batch of readRecords(pieces, delimiter)) records.push(...batch);
  return records;
}

function fields(line: number, ...cells: string[]) {
  return { kind: "fields" as const, line, lastLine: line, fields: cells };
}

function broken(line: number, problem: "quotes" | "too-long", text: string) {
  return { kind: "broken" as const, line, problem, text };
}

function linesOf(record: CsvRecord): number[] {
  const last = record.kind === "fields" ? record.lastLine : record.line;
  return Array.from({ length: last - record.line + 1 }, (_, index) => record.line + index);
}

/** What was typed into a cell never runs in a spreadsheet, and comes back as it was. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFormulaSafe, writeFormulaSafe } from "./formula-cell.ts";

describe("a cell that a spreadsheet would take for a formula", () => {
  it.each(["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])("gets an apostrophe: %j", (text) => {
    expect(writeFormulaSafe(text)).toBe(`'${text}`);
  });

  it.each(["Eve", "a=b", "'tis", "O'Hara", ""])("is told from an ordinary one: %j", (text) => {
    expect(writeFormulaSafe(text)).toBe(text);
    expect(readFormulaSafe(text)).toBe(text);
  });

  it("loses exactly one apostrophe on the way back", () => {
    expect(readFormulaSafe("'=1")).toBe("=1");
    expect(readFormulaSafe("''=1")).toBe("'=1");
  });

  const cell = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[' \t=+\-@a]{0,6}$/));

  it("comes back as it was, whatever it holds", () => {
    fc.assert(
      fc.property(cell, (text) => {
        expect(readFormulaSafe(writeFormulaSafe(text))).toBe(text);
      }),
    );
  });

  it("never begins as a formula once written", () => {
    fc.assert(
      fc.property(cell, (text) => {
        expect(writeFormulaSafe(text)).not.toMatch(/^\s*[=+\-@\t\r]/);
      }),
    );
  });
});

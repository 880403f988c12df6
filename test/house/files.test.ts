/** What every file of the repository keeps to: an opening sentence, marks that stand in the tables, links that lead somewhere. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const code = tracked.filter((file) => /\.(ts|tsx|mjs)$/.test(file));

describe("every code file", () => {
  it("opens with a sentence that says what it is", () => {
    const opening = /^(#!.*\n)?\/\*\*\s*(\n \* )?[A-Z`].{15,}/;
    expect(code.filter((file) => !opening.test(read(file)))).toEqual([]);
    expect(code.length).toBeGreaterThan(80);
  });

  it("lives under a kebab-case name", () => {
    expect(code.filter((file) => !/^[a-z0-9./-]+$/.test(file) && !file.startsWith("web/"))).toEqual([]);
  });
});

describe("RFC marks", () => {
  const marks = (text: string) => new Set(Array.from(text.matchAll(/\bRFC (\d{3,5})\b/g), (match) => match[1] ?? ""));

  it("in the code stand in docs/standards.md, and its rows are marked in the code", () => {
    const inCode = new Set(code.filter((file) => !file.endsWith(".test.ts")).flatMap((file) => [...marks(read(file))]));
    const inTable = new Set(
      Array.from(read("docs/standards.md").matchAll(/^\| (\d{3,5}) \|/gm), (match) => match[1] ?? ""),
    );
    expect([...inCode].filter((rfc) => !inTable.has(rfc))).toEqual([]);
    expect([...inTable].filter((rfc) => !inCode.has(rfc))).toEqual([]);
    expect(inTable.size).toBeGreaterThan(15);
  });
});

describe("documents", () => {
  const documents = tracked.filter((file) => file.endsWith(".md"));

  it("link only to files that exist", () => {
    const broken = documents.flatMap((file) =>
      Array.from(read(file).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g), (match) => match[1] ?? "")
        .filter((target) => !existsSync(join(root, dirname(file), target)))
        .map((target) => `${file} → ${target}`),
    );
    expect(broken).toEqual([]);
    expect(documents.length).toBeGreaterThan(8);
  });

  it("name the folders that are there: the table of docs/architecture.md is the tree", () => {
    const named = Array.from(
      read("docs/architecture.md").matchAll(/^\| `([a-z/-]+)\/` \|/gm),
      (match) => match[1] ?? "",
    );
    expect(named.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
    const rooms = new Set(
      tracked
        .filter((file) => file.startsWith("server/src/"))
        .flatMap((file) => (file.split("/").length > 3 ? [file.split("/").slice(0, 3).join("/")] : [])),
    );
    expect([...rooms].filter((room) => !named.includes(room) && !room.endsWith("/testing"))).toEqual([]);
  });
});

describe("the lock file", () => {
  it("names no registry host, so that any mirror serves", () => {
    const resolved = Array.from(
      read("package-lock.json").matchAll(/"resolved": "(https?:[^"]*)"/g),
      (match) => match[1],
    );
    expect(resolved).toEqual([]);
  });

  it("goes with exact versions only", () => {
    const loose = tracked
      .filter((file) => file.endsWith("package.json"))
      .flatMap((file) => {
        const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(file)) as Record<
          string,
          Record<string, string> | undefined
        >;
        return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(
          ([, version]) => !/^\d/.test(version),
        );
      });
    expect(loose).toEqual([]);
  });
});

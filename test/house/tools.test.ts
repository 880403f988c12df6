/** The machine-checked half of the house rules: types, lint, format, dead code. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

function run(tool: string, ...args: string[]): { status: number | null; said: string } {
  const done = spawnSync(join(root, "node_modules/.bin/node"), [join(root, "node_modules/.bin", tool), ...args], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 50_000_000,
  });
  return { status: done.status, said: done.stdout + done.stderr };
}

it.each([
  ["types agree", "tsc", ["--noEmit"]],
  ["lint finds nothing", "oxlint", ["--type-aware", "--quiet"]],
  ["everything is formatted", "oxfmt", ["--check", "."]],
  ["nothing is dead", "knip", []],
])("%s", { timeout: 120_000 }, (_promise, tool, args) => {
  const { status, said } = run(tool, ...args);
  expect(status, said.slice(-4000)).toBe(0);
});

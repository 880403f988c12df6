/**
 * `npm test`: installs the system programs that tests drive (Debian, as root), runs every test, and ends with one
 * line `N passed, N failed`. Arguments are handed to vitest as file filters.
 */
import { setTimeout as wait } from "node:timers/promises";
import { startVitest } from "vitest/node";
import { ensureSystemPrograms } from "./system-programs.ts";

const closeMs = 30_000;
const missing = ensureSystemPrograms();
if (missing.length > 0) {
  console.error(
    `roundtrip: the tests need ${missing.join(", ")}. On Debian, as root: apt-get install ${missing.join(" ")}`,
  );
  console.log("0 passed, 1 failed");
  process.exit(1);
}

const vitest = await startVitest("test", process.argv.slice(2), { run: true, watch: false });
const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()]);
const count = (state: string) => tests.filter((test) => test.result().state === state).length;
const brokenFiles = vitest.state
  .getTestModules()
  .filter(
    (module) =>
      module.state() === "failed" && ![...module.children.allTests()].some((test) => test.result().state === "failed"),
  ).length;
const unhandled = vitest.state.getUnhandledErrors().length;
// What a failed test left behind may keep the database from ending; the verdict is known all the same.
await Promise.race([vitest.close(), wait(closeMs)]);

const passed = count("passed");
const failed = count("failed") + brokenFiles + unhandled;
const skipped = count("skipped");
console.log(`${String(passed)} passed, ${String(failed)} failed${skipped > 0 ? `, ${String(skipped)} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);

/**
 * Runs a file of ours on the pinned Node, after installing whatever this clone still lacks.
 * Plain JavaScript on purpose: it must run on any Node ≥ 20, before a single dependency is there.
 *
 *   node tools/run.mjs FILE [ARGS…]          run a TypeScript file
 *   node tools/run.mjs --bin NAME [ARGS…]    run a tool from node_modules/.bin
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, "node_modules", ".bin", "node");
const stampFile = join(root, "node_modules", ".installed-lock");

/** Installs dependencies when the lock file has changed since the last install; says what is missing when it cannot. */
function ensureInstalled() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
  if (stamp === lock && existsSync(pinnedNode)) return;
  process.stderr.write("roundtrip: installing dependencies (first start, or the lock file changed) …\n");
  const npm = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const [command, ...before] = npm;
  const done = spawnSync(command, [...before, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (done.error)
    fail(`npm could not be started (${done.error.message}). Install npm 10 or later, then run this again.`);
  if (done.status !== 0)
    fail(
      "npm ci failed; its own words are above. Check that the package registry can be reached, then run this again.",
    );
  if (!existsSync(pinnedNode)) {
    fail(
      `there is no pinned Node for ${process.platform}-${process.arch}. Supported: linux-x64, linux-arm64, darwin-arm64.`,
    );
  }
  writeFileSync(stampFile, lock);
}

/** Hands this process over to the pinned Node: same streams, signals passed on, its exit code becomes ours. */
export function runPinned(args) {
  ensureInstalled();
  const child = spawn(pinnedNode, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => fail(`the pinned Node could not be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

function fail(sentence) {
  process.stderr.write(`roundtrip: ${sentence}\n`);
  process.exit(1);
}

if (process.argv[1] && pathToFileURL(process.argv[1]).href === import.meta.url) {
  const [first, ...rest] = process.argv.slice(2);
  if (!first) fail("usage: node tools/run.mjs FILE [ARGS…]");
  const target = first === "--bin" ? join(root, "node_modules", ".bin", rest.shift() ?? "") : join(root, first);
  runPinned([target, ...rest]);
}

/** `npm run check`: everything a change must pass, in the order in which it fails fastest; ends by making sure that nothing generated has drifted. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = (name: string) => join(root, "node_modules", ".bin", name);

const steps: readonly { readonly name: string; readonly command: string; readonly args: readonly string[] }[] = [
  { name: "format", command: bin("oxfmt"), args: ["."] },
  { name: "lint", command: bin("oxlint"), args: ["--type-aware", "--deny-warnings"] },
  { name: "types", command: bin("tsc"), args: ["--noEmit"] },
  {
    name: "import rules",
    command: process.execPath,
    args: [bin("depcruise"), "--config", ".dependency-cruiser.mjs", "mail", "world", "server"],
  },
  { name: "dead code", command: process.execPath, args: [bin("knip")] },
  { name: "tests", command: process.execPath, args: ["tools/test.ts"] },
  { name: "nothing drifted", command: "git", args: ["diff", "--exit-code", "--stat"] },
];

for (const { name, command, args } of steps) {
  console.error(`── ${name}`);
  const done = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (done.status !== 0) {
    console.error(`roundtrip: ${name} failed; see above.`);
    process.exit(done.status ?? 1);
  }
}

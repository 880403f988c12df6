/** The Debian programs that tests drive as real peers: which are missing, and their installation where we may install. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";

/** Package → a file that it brings. */
const programs = {
  postfix: "/usr/sbin/postfix",
  "python3-dkim": "/usr/lib/python3/dist-packages/dkim/__init__.py",
  chromium: "/usr/bin/chromium",
  openssl: "/usr/bin/openssl",
} as const;

/** Installs what is missing when we are root on Debian; returns the packages that are still missing. */
export function ensureSystemPrograms(): readonly string[] {
  const missing = findMissing();
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return missing;
  console.error(`roundtrip: installing ${missing.join(", ")} for the tests …`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const run = (...args: string[]) =>
    spawnSync("apt-get", args, { stdio: ["ignore", "ignore", 2], env: environment }).status === 0;
  const install = () => run("install", "--yes", "--no-install-recommends", ...missing);
  const hasLists =
    existsSync("/var/lib/apt/lists") &&
    readdirSync("/var/lib/apt/lists").some((name) => name.endsWith("_Packages") || name.endsWith(".lz4"));
  if (!hasLists || !install()) {
    run("update");
    install();
  }
  return findMissing();
}

function findMissing(): readonly string[] {
  return Object.entries(programs)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
}

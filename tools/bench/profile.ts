/**
 * What each microsecond of a mail is spent on: runs `roundtrip bench send` under Node's sampling profiler and prints self
 * time per mail, by function and by place. Start-up is left out: it counts from the first mail composed to the last.
 * It sees the main thread alone: signatures, which the thread pool makes, and PostgreSQL have figures of their own.
 *
 *   node tools/run.mjs tools/bench/profile.ts --to HOST:PORT [--count N] [--top N]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    to: { type: "string", default: "127.0.0.1:2525" },
    count: { type: "string", default: "20000" },
    top: { type: "string", default: "40" },
  },
});
const root = join(import.meta.dirname, "..", "..");
const count = Number(values.count);

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

const { profile, result } = runProfiled();
console.log(result);
const selfUs = sumSelfTimes(profile);
console.log(`\nµs per mail on the main thread, by place\n`);
printTop(groupBy(selfUs, placeOf));
console.log(`\nµs per mail on the main thread, by function\n`);
printTop(groupBy(selfUs, nameOf));

function runProfiled(): { profile: Profile; result: string } {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-profile-"));
  try {
    const profiler = ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=200"];
    const command = [join(root, "server", "src", "cli.ts"), "bench", "send", "--to", values.to, "--json"];
    const printed = execFileSync(process.execPath, [...profiler, ...command, "--count", String(count)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return { profile: largestProfile(folder), result: printed.trim() };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Workers leave profiles of their own; the main thread's is the one that composes. */
function largestProfile(folder: string): Profile {
  const profiles = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Profile);
  const [largest] = profiles.toSorted((one, other) => other.nodes.length - one.nodes.length);
  if (!largest) throw new Error("The profiler left no profile behind.");
  return largest;
}

function sumSelfTimes({ nodes, samples, timeDeltas }: Profile): ReadonlyMap<ProfileNode, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const composing = idsBelow(nodes, byId, "composeMail");
  const first = samples.findIndex((id) => composing.has(id));
  const last = samples.findLastIndex((id) => composing.has(id));
  const sums = new Map<ProfileNode, number>();
  for (let at = Math.max(0, first); at <= last; at += 1) {
    const node = byId.get(samples[at] ?? 0);
    if (node) sums.set(node, (sums.get(node) ?? 0) + (timeDeltas[at] ?? 0));
  }
  return sums;
}

function idsBelow(
  nodes: readonly ProfileNode[],
  byId: ReadonlyMap<number, ProfileNode>,
  functionName: string,
): ReadonlySet<number> {
  const found = new Set<number>();
  const waiting = nodes.filter(({ callFrame }) => callFrame.functionName === functionName);
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    found.add(node.id);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child) waiting.push(child);
    }
  }
  return found;
}

function groupBy(
  times: ReadonlyMap<ProfileNode, number>,
  keyOf: (node: ProfileNode) => string,
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [node, us] of times) sums.set(keyOf(node), (sums.get(keyOf(node)) ?? 0) + us);
  return sums;
}

function printTop(sums: ReadonlyMap<string, number>): void {
  const rows = [...sums].toSorted(([, one], [, other]) => other - one).slice(0, Number(values.top));
  for (const [name, us] of rows) console.log(`${(us / count).toFixed(1).padStart(8)}  ${name}`);
}

function nameOf({ callFrame }: ProfileNode): string {
  const name = callFrame.functionName === "" ? "(anonymous)" : callFrame.functionName;
  const place = shortPath(callFrame.url);
  return place === "" ? name : `${name}  ${place}:${String(callFrame.lineNumber + 1)}`;
}

function placeOf({ callFrame }: ProfileNode): string {
  const path = shortPath(callFrame.url);
  if (path === "") return callFrame.functionName.startsWith("(") ? callFrame.functionName : "node: built in";
  return path.startsWith("node:") ? "node: its own JavaScript" : path;
}

function shortPath(url: string): string {
  const path = url.replace(/^file:\/\//, "");
  const modules = path.lastIndexOf("/node_modules/");
  if (modules !== -1)
    return path
      .slice(modules + 1)
      .split("/")
      .slice(0, 3)
      .join("/");
  return path.startsWith(root) ? path.slice(root.length + 1) : path;
}

/** CPU time and memory of a process and all it started, from /proc (Linux): what ended early counts through its parent. */
import { readdirSync, readFileSync } from "node:fs";

const TICK_MS = 10;

/** User and system time of the living tree and of every child that was waited for. */
export function readCpuMs(rootPids: readonly number[]): number {
  let ticks = 0;
  for (const fields of livingTree(rootPids).values()) {
    // utime, stime, cutime, cstime (proc(5), counted from the field behind the command).
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index]);
  }
  return ticks * TICK_MS;
}

/** Proportional share of memory, so that pages which processes share count once. */
export function readMemoryMb(rootPids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of livingTree(rootPids).keys()) {
    const rollup = readText(`/proc/${String(pid)}/smaps_rollup`);
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup ?? "")?.[1] ?? 0);
  }
  return kilobytes / 1024;
}

/** Watches the memory of a tree while `work` runs; returns its answer and the most that was seen. */
export async function watchMemory<Value>(
  rootPids: () => readonly number[],
  work: () => Promise<Value>,
): Promise<{ value: Value; peakMb: number }> {
  let peakMb = 0;
  const look = (): void => void (peakMb = Math.max(peakMb, readMemoryMb(rootPids())));
  const watch = setInterval(look, 500);
  try {
    const value = await work();
    look();
    return { value, peakMb };
  } finally {
    clearInterval(watch);
  }
}

function livingTree(rootPids: readonly number[]): ReadonlyMap<number, readonly string[]> {
  const all = new Map<number, readonly string[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = readText(`/proc/${name}/stat`);
    if (text) all.set(Number(name), text.slice(text.lastIndexOf(")") + 2).split(" "));
  }
  const tree = new Map<number, readonly string[]>();
  const waiting = [...rootPids];
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    const fields = all.get(pid);
    if (!fields || tree.has(pid)) continue;
    tree.set(pid, fields);
    for (const [child, of] of all) if (Number(of[1]) === pid) waiting.push(child);
  }
  return tree;
}

/** Null for a process that has just ended. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

/** What this machine remembers of the database, in a file of the data directory: a database that went back in time is found out by it. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { InstanceMarker } from "./instance.ts";

const shape = z.object({ instance: z.uuid(), beat: z.number().int().nonnegative() });

/** Null when there is none, or none that can be read: then the machine simply remembers nothing. */
export function readInstanceMarker(dataDir: string): InstanceMarker | null {
  try {
    return shape.parse(JSON.parse(readFileSync(join(dataDir, "instance.json"), "utf8")));
  } catch {
    return null;
  }
}

/** Written beside and moved into place, so that a kill leaves the old one or the new one. */
export function writeInstanceMarker(dataDir: string, { instance, beat }: InstanceMarker): void {
  mkdirSync(dataDir, { recursive: true });
  const half = join(dataDir, `instance.json.${String(process.pid)}`);
  writeFileSync(half, `${JSON.stringify({ instance, beat })}\n`);
  renameSync(half, join(dataDir, "instance.json"));
}

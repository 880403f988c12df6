/** Finds the master key: from the configuration, else from a file in the data directory that the first start makes (mode 0600). */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Refusal } from "./refusal.ts";

/** Returns 32 bytes. A file that is there but unreadable as a key is a Refusal: making a new one would orphan every secret. */
export function findMasterKey(configured: Buffer | null, dataDir: string): Buffer {
  if (configured) return configured;
  const file = join(dataDir, "master.key");
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(file, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const hex = readFileSync(file, "utf8").trim();
  if (!/^[0-9a-f]{64}$/i.test(hex)) {
    throw new Refusal(
      "master-key-damaged",
      `${file} does not hold 64 hexadecimal digits. Restore it from your backup; without it the stored secrets cannot be opened.`,
    );
  }
  return Buffer.from(hex, "hex");
}

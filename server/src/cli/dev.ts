/** `roundtrip dev`: `start` under `node --watch`, so that a saved file starts it again. */
import { spawn } from "node:child_process";
import { join } from "node:path";

export function runDev(): Promise<void> {
  const child = spawn(
    process.execPath,
    ["--watch", "--watch-preserve-output", join(import.meta.dirname, "..", "cli.ts"), "start"],
    { stdio: "inherit" },
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((done) => child.once("exit", () => done()));
}

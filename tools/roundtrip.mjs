#!/usr/bin/env node
/** The `roundtrip` command: installs what is missing, then runs `server/src/cli.ts` on the pinned Node. */
import { join } from "node:path";
import { root, runPinned } from "./run.mjs";

runPinned([join(root, "server", "src", "cli.ts"), ...process.argv.slice(2)]);

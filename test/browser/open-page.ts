/** A page in a real Chromium of its own, with what the browser complained of written down. It judges nothing. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";

export interface OpenPage {
  readonly page: Page;
  /** Errors of the console and of scripts. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

const flags = [
  "--no-sandbox",
  "--headless",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function openPage(): Promise<OpenPage> {
  const folder = mkdtempSync(join(tmpdir(), "roundtrip-browser-"));
  const context = await chromium.launchPersistentContext(folder, { executablePath: "/usr/bin/chromium", args: flags });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  return {
    page,
    errors,
    close: async () => {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

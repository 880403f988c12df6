/** The card of a latched database in a real browser: above everything else, in plain words, readable on a phone and in the dark, gone when it is confirmed. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkInstance, confirmInstance } from "../../server/src/ground/instance.store.ts";
import { useRoundtrip } from "../journeys/harness.ts";
import { type OpenPage, openPage } from "./open-page.ts";

// No sender: a latch holds them all, so the page of any node shows it.
const journey = useRoundtrip({ ROUNDTRIP_ROLES: "web" });
let browser: OpenPage;
let page: Page;

beforeAll(async () => {
  browser = await openPage();
  ({ page } = browser);
  await page.goto(journey.running.statusUrl!);
});

afterAll(async () => {
  await browser.close();
});

const look = () =>
  checkInstance(journey.running.database, { name: null, marker: null, isRunning: false }, journey.clock.now());
const card = () => page.getByRole("region", { name: /^Nothing is sent/ });

describe("the card of a latched database", () => {
  it("is not there while the database is where it was", async () => {
    await look();
    await page.reload();
    expect(await page.getByText("No round yet.").isVisible()).toBe(true);
    expect(await card().count()).toBe(0);
  });

  it("comes by itself, first of all, and says why, what goes on, and the command", async () => {
    await journey.running.database.owner.query("update instance set system_identifier = '7000000000000000001'");
    expect((await look()).latched).toEqual(["another-cluster"]);
    await card().waitFor();
    expect(await page.locator("main > :first-child h2").textContent()).toContain("Nothing is sent");
    const words = await card().textContent();
    for (const said of [
      "This database was restored or copied: it lives on another PostgreSQL than before",
      "people could get again what the original has sent since",
      "mail that comes back is received",
      "no other one sends for it",
    ])
      expect(words).toContain(said);
    expect(await card().locator("pre").textContent()).toBe("npx roundtrip confirm-restore");
  });

  it("fits a phone and the dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        const fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        expect(await page.evaluate(fits), `${colorScheme}, ${String(width)} px`).toBe(true);
      }
    }
  });

  it("goes away by itself once the database is confirmed", async () => {
    await confirmInstance(journey.running.database, null, journey.clock.now());
    await card().waitFor({ state: "detached" });
    expect(browser.errors).toEqual([]);
  });
});

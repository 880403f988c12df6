/** The reports on the status page in a real browser: a file is handed in by the form, and what it says is shown in plain words, on a phone and in the dark. */
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { useRoundtrip } from "../journeys/harness.ts";
import { type OpenPage, openPage } from "./open-page.ts";

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

const begin = Math.floor(Date.now() / 1000) - 86_400;
const row = (ip: string, count: number, dkim: string, spf: string): string =>
  `<record><row><source_ip>${ip}</source_ip><count>${String(count)}</count><policy_evaluated><disposition>${dkim === "pass" ? "none" : "reject"}</disposition><dkim>${dkim}</dkim><spf>${spf}</spf></policy_evaluated></row><identifiers><envelope_from>${ip.startsWith("2001") ? "a-rather-long-name-of-a-server.stranger.example" : "bounce.roundtrip.test"}</envelope_from></identifiers></record>`;
const report = `<feedback><report_metadata><org_name>&lt;b&gt;mail.acme.test&lt;/b&gt;</org_name><report_id>1</report_id><date_range><begin>${String(begin)}</begin><end>${String(begin + 3600)}</end></date_range></report_metadata><policy_published><domain>mail.roundtrip.test</domain><p>none</p></policy_published>${row("192.0.2.1", 1200, "pass", "pass")}${row("198.51.100.7", 31, "pass", "fail")}${row("2001:db8:1234:5678:9abc:def0:1234:5678", 17, "fail", "fail")}</feedback>`;

describe("the reports", () => {
  it("are none at first, and can be handed in", async () => {
    expect(await page.getByText("No receiver has reported about our mail yet.").isVisible()).toBe(true);
    await page.getByText("Hand in a report").click();
    await page
      .getByLabel("File")
      .setInputFiles({ name: "acme.xml.gz", mimeType: "application/gzip", buffer: gzipSync(report) });
    await page.getByRole("button", { name: "Read it" }).click();
    await page.getByText("Of 1,248 mails that claim to be ours, 1,231 (98.6%) passed").waitFor();
    expect(page.url()).toContain("report=read#reports");
  });

  it("say where mail came from, and who else sends, with nothing taken as markup", async () => {
    const words = await page.locator("#reports").textContent();
    for (const said of [
      "Servers our SPF record allows",
      "Forwarders of our mail",
      "2001:db8:1234:5678:9abc:def0:1234:5678",
      "<b>mail.acme.test</b>",
    ])
      expect(words).toContain(said);
  });

  it("say so when a file is refused", async () => {
    await page.getByText("Hand in a report").click();
    await page
      .getByLabel("File")
      .setInputFiles({ name: "x.xml", mimeType: "text/xml", buffer: Buffer.from("<html></html>") });
    await Promise.all([page.waitForURL(/\/reports$/), page.getByRole("button", { name: "Read it" }).click()]);
    expect(await page.getByRole("heading").textContent()).toBe("The file was not taken");
    expect(await page.getByText("not a report that we know").isVisible()).toBe(true);
  });

  it("fit a phone and the dark", async () => {
    await page.goto(journey.running.statusUrl!);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        const fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
        expect(await page.evaluate(fits), `${colorScheme}, ${String(width)} px`).toBe(true);
      }
    }
    expect(browser.errors.filter((text) => !text.includes("422"))).toEqual([]);
  });
});

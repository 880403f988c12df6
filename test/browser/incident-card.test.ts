/** An incident on the status page in a real browser: said in plain words, settled by keyboard, readable on a phone and in the dark. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyBrakes } from "../../server/src/outcome/brake/apply-brakes.store.ts";
import { warnOfDelays } from "../../server/src/outcome/brake/warn-of-delays.store.ts";
import {
  acceptMails,
  type DomainRound,
  refusedByPolicy,
  refuseMails,
  seedDomainRound,
  unknownUser,
} from "../../server/src/outcome/testing/domain-round.ts";
import { useRoundtrip } from "../journeys/harness.ts";
import { type OpenPage, openPage } from "./open-page.ts";

// No sender: the mails of this test end as the test says.
const journey = useRoundtrip({ ROUNDTRIP_ROLES: "web" });
let browser: OpenPage;
let page: Page;
let round: DomainRound;

beforeAll(async () => {
  const { running, clock } = journey;
  browser = await openPage();
  ({ page } = browser);
  const now = clock.now();
  const people = { "closed.example": 40, "gone.example": 30, "slow.example": 12, "open.example": 60 };
  round = await seedDomainRound(journey.test, people, now, running.orgId);
  const { mails } = round;
  const refused = await refuseMails(journey.test, round, mails["closed.example"]!.slice(0, 4), {
    verdict: refusedByPolicy,
    at: now,
  });
  const unknown = await refuseMails(journey.test, round, mails["gone.example"]!.slice(0, 7), {
    verdict: unknownUser,
    at: now,
  });
  const typo = await refuseMails(journey.test, round, mails["open.example"]!.slice(0, 1), {
    verdict: unknownUser,
    at: now,
  });
  await acceptMails(journey.test, round, mails["open.example"]!.slice(1), now);
  await applyBrakes(running.database, [...refused, ...unknown, ...typo], now);
  await running.database.owner.query(
    "update delivery set first_tried_at = $2, last_text = '451 4.3.2 System not accepting network messages' where org_id = $1 and domain = 'slow.example'",
    [running.orgId, new Date(now.getTime() - 3 * 3_600_000)],
  );
  await running.database.owner.query(
    "update delivery set state = 'suppressed', suppressed_because = 'opted-out', settled_at = $2, due_at = null where org_id = $1 and address = 'p1@slow.example'",
    [running.orgId, now],
  );
  await warnOfDelays(running.database, now);
  await page.goto(running.statusUrl!);
});

afterAll(async () => {
  await browser.close();
});

const card = (domain: string) => page.getByRole("region", { name: new RegExp(`^${domain}`) });
const isWithoutSidewaysScroll = () =>
  page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth");

describe("the card of an incident", () => {
  it("says what happened and what to do, in words without codes", async () => {
    const closed = card("closed.example");
    await closed.getByText("The mail system of closed.example refused 4 mails for good within 10 minutes.").waitFor();
    expect(await closed.getByRole("heading").textContent()).toBe("closed.example on hold, 36 mails waiting · Seeded");
    await closed.getByText("Send the mail below to their IT department.").waitFor();
    await page.getByText("slow.example has been putting off 11 mails").waitFor();
  });

  it("keeps its people out of the list of single bounces", async () => {
    const singles = page.getByRole("heading", { name: "Did not arrive" });
    expect(await singles.textContent()).toBe("Did not arrive 1 person");
  });

  it("says how many people were left out, and why", async () => {
    const summary = page.getByText("1 left out, and why");
    const reason = page.getByText("This person asked to receive no more survey mail.");
    expect(await reason.isVisible()).toBe(false);
    await summary.press("Enter");
    expect(await reason.isVisible()).toBe(true);
    await summary.press("Enter");
  });

  it("gives a mail for IT with the server's own words, one key press away and ready to send", async () => {
    const closed = card("closed.example");
    await closed.getByText("Mail for their IT department").focus();
    await page.keyboard.press("Enter");
    const mail = await closed.locator("pre").first().textContent();
    expect(mail).toContain("Subject: Your mail system refuses survey mail of Example Works");
    expect(mail).toContain("550 5.7.1 <p");
    expect(mail).toContain("DKIM signature of");
    const link = await closed.getByRole("link", { name: "Open it in your mail program" }).getAttribute("href");
    expect(decodeURIComponent(link!)).toContain("Please find the rule or filter");
    await closed.getByText("Mail for their IT department").press("Enter");
  });

  it("fits a phone and the dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [360, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        expect(await isWithoutSidewaysScroll(), `${colorScheme}, ${String(width)} px`).toBe(true);
      }
    }
  });

  it("is continued by keyboard: the mail is released, the flags stay", async () => {
    await card("gone.example").getByRole("button", { name: "Continue" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "gone.example continued; flags kept · Seeded" }).waitFor();
    await card("gone.example").getByText("7 people flagged because of it").waitFor();
    expect(await card("gone.example").getByRole("button", { name: "Continue" }).count()).toBe(0);
  });

  it("goes away when everything is cleared and retried", async () => {
    await card("closed.example").getByRole("button", { name: "It is mended: clear and retry all" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("142 = 74 queued + 59 accepted + 8 bounced + 1 suppressed").waitFor();
    expect(await card("closed.example").count()).toBe(0);
  });

  it("obeys nobody but the page itself", async () => {
    const url = new URL(journey.running.statusUrl!);
    for (const action of ["continue", "retry"]) {
      const forged = await fetch(`${url.href}?${action}=1`, {
        method: "POST",
        headers: { "sec-fetch-site": "cross-site" },
      });
      expect(forged.status).toBe(404);
    }
    expect(browser.errors).toEqual([]);
  });
});

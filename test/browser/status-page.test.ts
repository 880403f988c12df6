/** The status page in a real browser: it shows the live ledger, works by keyboard, and loads nothing from elsewhere. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until, useRoundtrip } from "../journeys/harness.ts";
import { type OpenPage, openPage } from "./open-page.ts";

const journey = useRoundtrip();
const requests: string[] = [];
let browser: OpenPage;
let page: Page;

beforeAll(async () => {
  browser = await openPage();
  ({ page } = browser);
  page.on("request", (request) => requests.push(request.url()));
  await journey.importPeople(
    [
      "email,name",
      "anna.berg@acme.test,<b>Anna</b> Berg",
      "bo.lind+unknown-user@acme.test,Bo Lind",
      ...Array.from({ length: 20 }, (_, n) => `p${String(n)}@acme.test,P ${String(n)}`),
    ].join("\r\n"),
  );
  await page.goto(journey.running.statusUrl!);
});

afterAll(async () => {
  await browser.close();
});

describe("the status page", () => {
  it("says that there is no round yet, then shows the ledger of one that is launched, without reloading", async () => {
    expect(await page.getByText("No round yet.").isVisible()).toBe(true);
    await journey.launch();
    await page.getByText("22 = 21 accepted + 1 bounced").waitFor({ timeout: 20_000 });
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toContain("Journey");
  });

  it("gives the reason in plain words, and the server's own text one key press away", async () => {
    await page.getByText("There is no mailbox with this address.").waitFor();
    expect(await page.getByText("User unknown").isVisible()).toBe(false);
    await page.getByText("What the mail server said").focus();
    await page.keyboard.press("Enter");
    expect(await page.getByText("User unknown").isVisible()).toBe(true);
  });

  it("clears a flag by keyboard, and the mail goes out again", async () => {
    const { database, orgId } = journey.running;
    await database.owner.query(
      "update employee set email = 'bo.lind@acme.test', email_key = 'bo.lind@acme.test' where name = 'Bo Lind'",
    );
    await page.getByRole("button", { name: "Clear the flag of Bo Lind and send again" }).focus();
    await page.keyboard.press("Enter");
    await until(
      "the corrected mail to be accepted",
      async () =>
        (
          await database.owner.query(
            "select from delivery where org_id = $1 and state = 'accepted' and generation = 1",
            [orgId],
          )
        ).rowCount === 1,
    );
    await page.getByText("22 = 22 accepted").waitFor({ timeout: 20_000 });
    expect(journey.running.world!.counts().toRecipient("bo.lind@acme.test")).toBe(1);
  });

  it("is hidden from everybody who has not its address, and its action from other sites", async () => {
    const url = new URL(journey.running.statusUrl!);
    expect((await fetch(`${url.origin}/status/guess`)).status).toBe(404);
    const forged = await fetch(`${url.href}?clear=1`, {
      method: "POST",
      headers: { "sec-fetch-site": "cross-site", origin: "https://elsewhere.example" },
    });
    expect(forged.status).toBe(404);
  });

  it("raised no error and asked nobody but our server", () => {
    expect(browser.errors).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(new URL(journey.running.statusUrl!).origin))).toEqual([]);
  });
});

describe("the links of a mail", () => {
  it("change nothing when opened, by a person or a scanner; the button does", async () => {
    const { database, world, statusUrl } = journey.running;
    const mail = world!.mailbox.list({ recipient: "p1@acme.test", skip: 0, take: 1 }).mails[0]!;
    const link = /List-Unsubscribe: <https:\/\/survey\.roundtrip\.test(\/u\/[^>]+)>/.exec(
      mail.bytes.toString("latin1"),
    )![1]!;
    const address = new URL(statusUrl!).origin + link;
    const out = async () =>
      (await database.owner.query("select from employee where email = 'p1@acme.test' and opted_out_at is not null"))
        .rowCount;
    for (const method of ["GET", "HEAD"]) expect((await fetch(address, { method })).status, method).toBe(200);
    expect(await out()).toBe(0);
    await page.goto(address);
    await page.getByRole("button", { name: "Stop survey mail" }).click();
    await page.getByText("Survey mail is stopped").waitFor();
    expect(await out()).toBe(1);
    const again = await fetch(address, {
      method: "POST",
      body: new URLSearchParams({ "List-Unsubscribe": "One-Click" }),
    });
    expect(again.status, "one click from a mail program, no cookie, and a second time").toBe(200);
    expect(
      (
        await fetch(
          address.replace(/.$/, (last) => (last === "x" ? "y" : "x")),
          { method: "POST" },
        )
      ).status,
    ).toBe(404);
  });
});

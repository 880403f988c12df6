/** A program that answers is told from a person who writes, in many languages, and never the other way round. */
import { describe, expect, test } from "vitest";
import { Headers } from "../mime/headers.ts";
import { readAutoReply } from "./read-auto-reply.ts";
import { readUntil } from "./read-until.ts";

const date = { name: "Date", value: "Tue, 24 Nov 2026 09:00:00 +0100" };

function read(fields: Readonly<Record<string, string>>, text = ""): unknown {
  return readAutoReply(new Headers([date, ...Object.entries(fields).map(([name, value]) => ({ name, value }))]), text);
}

describe("declared by its headers", () => {
  test.each([
    [{ "Auto-Submitted": "auto-replied (vacation)" }],
    [{ "Auto-Submitted": "auto-generated" }],
    [{ "X-Autoreply": "yes" }],
    [{ Precedence: "auto_reply" }],
    [{ "X-MS-Exchange-Generated-Message-Source": "Mailbox Rules Agent" }],
  ])("%o", (fields) => {
    expect(read({ Subject: "Re: survey", ...fields }, "I am away on holiday.")).toMatchObject({
      reason: "out-of-office",
    });
  });
});

describe("told by a subject that no person writes", () => {
  test.each([
    "Automatic reply: Your survey is open",
    "Abwesenheitsnotiz: Umfrage",
    "Réponse automatique : Enquête",
    "Respuesta automática: Encuesta",
    "Autosvar: undersökning",
    "自動応答: survey",
    "Автоматический ответ: опрос",
  ])("%s", (subject) => {
    expect(read({ Subject: subject })).not.toBeNull();
  });
});

describe("a person's mail stays a person's", () => {
  test.each([
    [{ Subject: "Re: Your survey is open" }, "I am out of the office until Monday, but here is my answer."],
    [{ Subject: "Re: Automatic reply: survey" }, "What does this mean?"],
    [{ Subject: "Question", "Auto-Submitted": "no" }, "My mailbox was full."],
    [{ Subject: "Question", Precedence: "list" }, "Sent through our list."],
    [{ Subject: "Question", "X-Auto-Response-Suppress": "All" }, "Sent with Outlook."],
  ])("%o", (fields, text) => {
    expect(read(fields, text)).toBeNull();
  });
});

describe("the reason", () => {
  test.each([
    ["Jane is no longer with the company. Please write to team@example.com.", "left-the-company"],
    ["Herr Muster ist nicht mehr im Unternehmen tätig.", "left-the-company"],
    ["We have received your request. Ticket #48213 was created.", "ticket"],
    ["Please confirm that you are a human to have your message delivered.", "challenge"],
    ["Ich bin im Urlaub.", "out-of-office"],
    ["Thank you for your mail.", "other"],
  ])("%s", (text, reason) => {
    expect(read({ Subject: "Re: survey", "Auto-Submitted": "auto-replied" }, text)).toEqual({ reason });
  });

  test("of an absence comes with its last day, where the text names it plainly", () => {
    expect(read({ Subject: "Automatic reply: x" }, "I am out of office until 4 December.")).toEqual({
      reason: "out-of-office",
      until: "2026-12-04",
    });
  });
});

describe("until", () => {
  const sentOn = new Date("2026-11-24T09:00:00Z");
  test.each([
    ["back on January 7", "2027-01-07"],
    ["bis zum 3. Dezember 2026 nicht da", "2026-12-03"],
    ["bis 03.12. nicht da", "2026-12-03"],
    ["jusqu'au 4 décembre", "2026-12-04"],
    ["until 2026-12-31", "2026-12-31"],
    ["until 31 February", null],
    ["until 04/05/2026", null],
    ["until further notice", null],
  ])("%s", (text, day) => {
    expect(readUntil(text, sentOn)).toBe(day);
  });
});

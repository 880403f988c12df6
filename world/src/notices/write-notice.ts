/** Writes the notice of one kind, from what was received; null where real systems would send none. Pure. */
import type { NoticeKind } from "../personas.ts";
import { writeExchangeVacation, writeVacation } from "./auto-reply.ts";
import { type ReportAction, wantsReport, writeDeliveryReport } from "./delivery-report.ts";
import { writeExchangeReport } from "./exchange-report.ts";
import { writeHumanReply } from "./human-reply.ts";
import type { Tongue } from "./phrases.ts";
import type { Notice, NoticeFacts } from "./report.ts";

/** What a person would have read of the mail. */
export interface ReadMail {
  readonly text: string;
  readonly tongue: Tongue;
}

export function writeNotice(kind: NoticeKind, facts: NoticeFacts, read: ReadMail): Notice | null {
  return WRITERS[kind](facts, read);
}

type Writer = (facts: NoticeFacts, read: ReadMail) => Notice | null;

const WRITERS: Readonly<Record<NoticeKind, Writer>> = {
  bounce: (facts) => ifWanted("failed", facts, writeDeliveryReport),
  delayed: (facts) => ifWanted("delayed", facts, writeDeliveryReport),
  delivered: (facts) => ifWanted("delivered", facts, writeDeliveryReport),
  "bounce-exchange": (facts) => ifWanted("failed", facts, writeExchangeReport),
  vacation: (facts, { tongue }) => writeVacation(facts, "outOfOffice", tongue),
  "vacation-exchange": (facts, { tongue }) => writeExchangeVacation(facts, tongue),
  "left-company": (facts, { tongue }) => writeVacation(facts, "leftCompany", tongue),
  "human-reply": (facts, { tongue, text }) => writeHumanReply(facts, tongue, text),
};

function ifWanted(
  action: ReportAction,
  facts: NoticeFacts,
  write: (facts: NoticeFacts, action: ReportAction) => Notice,
): Notice | null {
  return wantsReport(facts.received, action) ? write(facts, action) : null;
}

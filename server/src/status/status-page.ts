/** The plain status page: what keeps mail from going out, incidents and warnings first, then rounds with their ledgers, people whose mail did not arrive, replies, and what nobody could match. Writes HTML, asks nothing. */
import type { LatchReason } from "../ground/instance.ts";
import type { SenderFacts } from "../outcome/brake/incident.ts";
import { type DeliveryState, deliveryStates, type SuppressedBecause } from "../outcome/delivery.ts";
import { explainLedger, type Ledger, sumLedger } from "../outcome/ledger.ts";
import type { WaitsBecause } from "../outbound/send/queue.store.ts";
import { explainLeftOut } from "../outbound/audience/left-out.ts";
import { escapeHtml } from "../survey/link-pages.ts";
import { type IncidentStatus, writeIncident } from "./incident-card.ts";
import { type InboxStatus, writeInbox } from "./inbox-section.ts";
import { writeLatch } from "./latch-card.ts";
import { type ReportStatus, writeReports } from "./report-section.ts";
import { type FlaggedPerson, writePerson } from "./person-line.ts";
import { script, style } from "./status-style.ts";
import { type Warning, writeWarnings } from "./warnings.ts";

export interface StatusFacts {
  /** Why nothing is sent; empty when nothing stands in the way. */
  readonly latched: readonly LatchReason[];
  readonly sender: SenderFacts;
  readonly incidents: readonly IncidentStatus[];
  readonly warnings: readonly Warning[];
  readonly rounds: readonly RoundStatus[];
  /** People whose flag belongs to no incident. */
  readonly flagged: readonly FlaggedPerson[];
  readonly flaggedCount: number;
  readonly inbox: InboxStatus;
  /** The page's own address. */
  readonly here: string;
  readonly mailboxUrl: string | null;
  readonly reports: ReportStatus;
  /** Where reports are handed in. */
  readonly uploadTo: string;
}

export interface RoundStatus {
  readonly id: number;
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly stoppedBecause: string | null;
  readonly ledger: Ledger;
  readonly sums: boolean;
  /** When it will be out, in one sentence; null: not known, or out already. */
  readonly forecast: string | null;
  /** Queued mails that wait for room on one of our addresses, by reason, and when they are tried next. */
  readonly waiting: readonly { readonly because: WaitsBecause; readonly mails: number; readonly next: Date }[];
  /** People in the round for whom no mail was tried, by reason. */
  readonly leftOut: readonly { readonly because: SuppressedBecause; readonly people: number }[];
}

/** The whole page; its middle is replaced every second by `writeStatusBody` through a few lines of script. */
export function writeStatusPage(facts: StatusFacts, nonce: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>Roundtrip · ${escapeHtml(facts.sender.organisation)}</title><style nonce="${nonce}">${style}</style></head><body><a class="skip" href="#live">Skip to the rounds</a><header><strong>Roundtrip</strong><span>${escapeHtml(facts.sender.organisation)}</span>${facts.mailboxUrl ? `<a href="${escapeHtml(facts.mailboxUrl)}">Mailbox of the miniature world</a>` : ""}</header><main id="live">${writeStatusBody(facts)}</main><script nonce="${nonce}">${script}</script></body></html>`;
}

export function writeStatusBody(facts: StatusFacts): string {
  return [
    facts.latched.length > 0 ? writeLatch(facts.latched) : "",
    facts.incidents.map((incident) => writeIncident(incident, facts.sender)).join(""),
    writeWarnings(facts.warnings),
    facts.rounds.map(writeRound).join("") || '<p class="empty">No round yet.</p>',
    writeFlagged(facts),
    writeInbox(facts.inbox, facts.here),
    writeReports(facts.reports, facts.uploadTo),
  ].join("");
}

function writeRound(round: RoundStatus): string {
  const total = sumLedger(round.ledger);
  const present = deliveryStates.filter((state) => round.ledger[state] > 0);
  const bars = present
    .map(
      (state) =>
        `<span class="bar ${tone[state]}" style="flex-grow:${String(round.ledger[state])}" title="${escapeHtml(`${count(round.ledger[state])} ${state}`)}"></span>`,
    )
    .join("");
  const rows = present
    .map(
      (state) =>
        `<tr><th scope="row"><span class="dot ${tone[state]}"></span>${state}</th><td class="number">${count(round.ledger[state])}</td><td class="number">${share(round.ledger[state], total)}</td><td>${escapeHtml(meaning[state])}</td></tr>`,
    )
    .join("");
  const trouble = round.stoppedBecause
    ? `<p class="trouble" role="alert">Stopped: ${escapeHtml(round.stoppedBecause)}</p>`
    : "";
  const wrong = round.sums
    ? ""
    : '<p class="trouble" role="alert">The ledger does not sum. This is a fault of Roundtrip; please report it.</p>';
  const head = `<h1>${escapeHtml(round.name)} <small>${escapeHtml(round.kind)} round · ${escapeHtml(round.state)}</small></h1>${trouble}${wrong}`;
  const table = `<div class="bars" aria-hidden="true">${bars}</div><div class="scroll"><table><thead><tr><th scope="col">State</th><th scope="col" class="number">People</th><th scope="col" class="number">Share</th><th scope="col">Meaning</th></tr></thead><tbody>${rows}</tbody></table></div>`;
  const ledger =
    round.state === "draft"
      ? '<p class="sum">Not launched yet.</p>'
      : `<p class="sum">${escapeHtml(explainLedger(round.ledger))}</p>${total > 0 ? table : ""}`;
  return `<section>${head}${ledger}${writeAhead(round)}${writeLeftOut(round)}</section>`;
}

/** What is still to come, and what it waits for. */
function writeAhead({ forecast, waiting }: RoundStatus): string {
  const ahead = forecast === null ? "" : `<p class="ahead"><b>Forecast</b> ${escapeHtml(forecast)}</p>`;
  const waits = waiting.map(
    ({ because, mails, next }) =>
      `<p class="ahead"><b>Waiting</b> ${escapeHtml(explainWaiting(because, mails))} ${writeInstant(next)}.</p>`,
  );
  return ahead + waits.join("");
}

function explainWaiting(because: WaitsBecause, mails: number): string {
  const wait = mails === 1 ? "1 mail" : `${count(mails)} mails`;
  return because === "warming-up"
    ? `${wait}, because our sending addresses are still new to these mail servers and may carry only so many a day. The next go at`
    : `${wait}, because none of our sending addresses may carry it: the operator has to add one (roundtrip addresses). Looked at again at`;
}

function writeInstant(at: Date): string {
  return `<time datetime="${at.toISOString()}">${escapeHtml(at.toISOString().slice(0, 16).replace("T", " "))} UTC</time>`;
}

function writeLeftOut({ leftOut }: RoundStatus): string {
  if (leftOut.length === 0) return "";
  const total = leftOut.reduce((sum, reason) => sum + reason.people, 0);
  const lines = leftOut.map(
    ({ because, people }) => `<li><b>${count(people)}</b> ${escapeHtml(explainLeftOut(because))}</li>`,
  );
  return `<details><summary>${count(total)} left out, and why</summary><ul class="reasons">${lines.join("")}</ul></details>`;
}

function writeFlagged(facts: StatusFacts): string {
  if (facts.flaggedCount === 0) return "";
  const more =
    facts.flaggedCount > facts.flagged.length
      ? `<p>Showing ${count(facts.flagged.length)} of ${count(facts.flaggedCount)}.</p>`
      : "";
  return `<section><h2>Did not arrive <small>${facts.flaggedCount === 1 ? "1 person" : `${count(facts.flaggedCount)} people`}</small></h2><ul class="people">${facts.flagged.map(writePerson).join("")}</ul>${more}</section>`;
}

/** What each state means, in words that claim no more than is known. */
const meaning: Readonly<Record<DeliveryState, string>> = {
  queued: "Waiting to be sent, or to be tried again.",
  held: "Waiting for a person or a condition.",
  claimed: "About to be sent.",
  submitting: "Being handed over right now.",
  unknown: "Handed over, but the answer was lost. Waiting for evidence before it is sent once more.",
  accepted: "The next mail server took it. Whether it reached the inbox is not known.",
  delivered: "Confirmed as delivered.",
  bounced: "Refused for good. The person is flagged.",
  expired: "Put off again and again until the time was up.",
  suppressed: "Not tried: flagged, not active, opted out, not started yet, or the round closed.",
  complained: "Marked as unwanted by the recipient.",
  cancelled: "Taken back before it was sent.",
};

const tone: Readonly<Record<DeliveryState, string>> = {
  queued: "waiting",
  held: "waiting",
  claimed: "moving",
  submitting: "moving",
  unknown: "unsure",
  accepted: "good",
  delivered: "best",
  bounced: "bad",
  expired: "tired",
  suppressed: "quiet",
  complained: "bad",
  cancelled: "quiet",
};

function count(value: number): string {
  return new Intl.NumberFormat("en").format(value);
}

function share(part: number, whole: number): string {
  return whole === 0
    ? ""
    : new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(part / whole);
}

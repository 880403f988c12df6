/** The plain status page: rounds with their ledgers, people whose mail did not arrive, replies, and what nobody could match. Writes HTML, asks nothing. */
import { type Cause, explainCause } from "../outcome/cause/cause.ts";
import { type DeliveryState, deliveryStates } from "../outcome/delivery.ts";
import { explainFlag, type Flag } from "../outcome/flag.ts";
import { explainLedger, type Ledger, sumLedger } from "../outcome/ledger.ts";
import { escapeHtml } from "../survey/link-pages.ts";

export interface StatusFacts {
  readonly organisation: string;
  readonly rounds: readonly RoundStatus[];
  readonly flagged: readonly FlaggedPerson[];
  readonly flaggedCount: number;
  readonly replies: readonly ReplyLine[];
  readonly unmatched: number;
  readonly mailboxUrl: string | null;
}

export interface RoundStatus {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly stoppedBecause: string | null;
  readonly ledger: Ledger;
  readonly sums: boolean;
}

export interface FlaggedPerson {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly flag: Flag;
  readonly cause: Cause | null;
  readonly text: string;
}

export interface ReplyLine {
  readonly from: string;
  readonly subject: string;
  readonly excerpt: string;
  readonly automatic: boolean;
}

/** The whole page; its middle is replaced every second by `writeStatusBody` through a few lines of script. */
export function writeStatusPage(facts: StatusFacts, nonce: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>Roundtrip · ${escapeHtml(facts.organisation)}</title><style nonce="${nonce}">${style}</style></head><body><a class="skip" href="#live">Skip to the rounds</a><header><strong>Roundtrip</strong><span>${escapeHtml(facts.organisation)}</span>${facts.mailboxUrl ? `<a href="${escapeHtml(facts.mailboxUrl)}">Mailbox of the miniature world</a>` : ""}</header><main id="live">${writeStatusBody(facts)}</main><script nonce="${nonce}">${script}</script></body></html>`;
}

export function writeStatusBody(facts: StatusFacts): string {
  return [
    facts.rounds.map(writeRound).join("") || '<p class="empty">No round yet.</p>',
    writeFlagged(facts),
    writeReplies(facts),
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
  return `<section><h1>${escapeHtml(round.name)} <small>${escapeHtml(round.kind)} round · ${escapeHtml(round.state)}</small></h1>${trouble}${wrong}<p class="sum">${escapeHtml(explainLedger(round.ledger))}</p><div class="bars" aria-hidden="true">${bars}</div><div class="scroll"><table><thead><tr><th scope="col">State</th><th scope="col" class="number">People</th><th scope="col" class="number">Share</th><th scope="col">Meaning</th></tr></thead><tbody>${rows}</tbody></table></div></section>`;
}

function writeFlagged(facts: StatusFacts): string {
  if (facts.flaggedCount === 0) return "";
  const more =
    facts.flaggedCount > facts.flagged.length
      ? `<p>Showing ${count(facts.flagged.length)} of ${count(facts.flaggedCount)}.</p>`
      : "";
  return `<section><h2>Did not arrive <small>${count(facts.flaggedCount)} people</small></h2><ul class="people">${facts.flagged.map(writePerson).join("")}</ul>${more}</section>`;
}

function writePerson(person: FlaggedPerson): string {
  const why = person.cause ? explainCause(person.cause) : explainFlag(person.flag);
  const said = person.text
    ? `<details><summary>What the mail server said</summary><pre>${escapeHtml(person.text)}</pre></details>`
    : "";
  return `<li><div><b>${escapeHtml(person.name || person.email)}</b> <span class="mail">${escapeHtml(person.email)}</span><p>${escapeHtml(why)}</p>${said}</div><form method="post" action="?clear=${String(person.id)}"><button type="submit" aria-label="Clear the flag of ${escapeHtml(person.name || person.email)} and send again">Clear &amp; send again</button></form></li>`;
}

function writeReplies(facts: StatusFacts): string {
  const people = facts.replies.filter((reply) => !reply.automatic);
  const automatic = facts.replies.length - people.length;
  if (facts.replies.length === 0 && facts.unmatched === 0) return "";
  const lines = people
    .map(
      (reply) =>
        `<li><div><b>${escapeHtml(reply.from)}</b> <span class="mail">${escapeHtml(reply.subject)}</span><p>${escapeHtml(reply.excerpt)}</p></div></li>`,
    )
    .join("");
  const others = [
    automatic > 0 ? `${count(automatic)} automatic (out of office and the like)` : "",
    facts.unmatched > 0 ? `${count(facts.unmatched)} kept because nobody could match them` : "",
  ].filter((text) => text !== "");
  return `<section><h2>Came back <small>${count(people.length)} replies</small></h2>${lines ? `<ul class="people">${lines}</ul>` : ""}${others.length > 0 ? `<p>Besides: ${escapeHtml(others.join(", "))}.</p>` : ""}</section>`;
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

const style = `:root{color-scheme:light dark;--ink:#1a1d21;--soft:#5b6470;--line:#e2e5ea;--ground:#fff;--raised:#f7f8fa;--accent:#175cd3;--good:#3b82c4;--best:#17803d;--bad:#c0341d;--tired:#b7600b;--unsure:#8a3fc4;--waiting:#9aa3af;--moving:#5b6470;--quiet:#c9ced6}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3acb8;--line:#30363f;--ground:#14171b;--raised:#1c2026;--accent:#84adff;--good:#5aa2e0;--best:#4cc27a;--bad:#f0806c;--tired:#e5a05a;--unsure:#c39af0;--waiting:#6c7683;--moving:#a3acb8;--quiet:#454c57}}
*{box-sizing:border-box}body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:var(--ink);background:var(--ground)}header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline;padding:1rem 1.5rem;border-bottom:1px solid var(--line)}header span{color:var(--soft)}header a{margin-inline-start:auto}a{color:var(--accent)}main{max-width:60rem;margin:auto;padding:1.5rem}section{margin-bottom:3rem}h1,h2{font-size:1.35rem;line-height:1.25;margin:0 0 .5rem}small{font-size:.9rem;font-weight:400;color:var(--soft)}.sum{font-size:1.1rem;font-variant-numeric:tabular-nums;margin:.5rem 0 1rem}.bars{display:flex;gap:2px;height:.9rem;border-radius:.45rem;overflow:hidden;margin-bottom:1rem}.bar{min-width:3px}.dot{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-inline-end:.5rem}.good{background:var(--good)}.best{background:var(--best)}.bad{background:var(--bad)}.tired{background:var(--tired)}.unsure{background:var(--unsure)}.waiting{background:var(--waiting)}.moving{background:var(--moving)}.quiet{background:var(--quiet)}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:start;padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:baseline}thead th{color:var(--soft);font-weight:500;font-size:.9rem}tbody th{font-weight:600;white-space:nowrap}.number{text-align:end;font-variant-numeric:tabular-nums}.people{list-style:none;margin:0;padding:0}.people li{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;justify-content:space-between;padding:.9rem 0;border-bottom:1px solid var(--line)}.people li>div{flex:1 1 20rem;min-width:0}.people p{margin:.15rem 0;color:var(--soft);overflow-wrap:anywhere}.mail{color:var(--soft);overflow-wrap:anywhere}details summary{cursor:pointer;color:var(--soft)}pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--raised);padding:.75rem;border-radius:.5rem;font-size:.85rem;margin:.5rem 0 0}button{font:inherit;padding:.45rem .9rem;border:1px solid var(--line);border-radius:.5rem;background:var(--raised);color:var(--ink);cursor:pointer}button:hover{border-color:var(--accent)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}.trouble{border-inline-start:4px solid var(--bad);padding:.5rem .9rem;background:var(--raised)}.empty{color:var(--soft)}.skip{position:absolute;inset-inline-start:-99rem}.skip:focus{inset-inline-start:1rem;inset-block-start:1rem}@media(max-width:40rem){main,header{padding-inline:1rem}td:last-child,thead th:last-child{display:none}header a{margin-inline-start:0}}`;

/** Replaces the middle only while nobody is using it: an open detail or a focused button would be torn away. */
const script = `setInterval(async()=>{const m=document.getElementById("live");if(document.hidden||m.querySelector("details[open]")||m.contains(document.activeElement))return;try{const r=await fetch(location.pathname+"/live");if(r.ok)m.innerHTML=await r.text()}catch{}},1000)`;

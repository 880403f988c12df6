/** The card of one incident: what happened, what to do, the evidence, a mail for their IT, and the two steps out of it. Writes HTML. */
import {
  adviseOn,
  explainIncident,
  type Incident,
  type MailForIt,
  type SenderFacts,
  writeForIt,
} from "../outcome/brake/incident.ts";
import { escapeHtml } from "../survey/link-pages.ts";
import { type FlaggedPerson, writePerson } from "./person-line.ts";

export interface IncidentStatus extends Incident {
  /** Some of the people whose flag belongs to it; `flagged` counts all. */
  readonly some: readonly FlaggedPerson[];
}

export function writeIncident(incident: IncidentStatus, sender: SenderFacts): string {
  const id = `incident-${String(incident.id)}`;
  const title = incident.domain ?? "The whole round";
  const advice = incident.state === "open" ? `<p>${escapeHtml(adviseOn(incident))}</p>` : "";
  return `<section class="incident" aria-labelledby="${id}"><h2 id="${id}">${escapeHtml(title)} <small>${escapeHtml(stateOf(incident))} · ${escapeHtml(incident.round)}</small></h2><p>${escapeHtml(explainIncident(incident))}</p>${advice}${writeEvidence(incident, sender)}${writeSteps(incident)}</section>`;
}

function stateOf({ state, domain, held }: IncidentStatus): string {
  if (state === "continued") return "continued; flags kept";
  return domain === null ? "round stopped" : `on hold, ${count(held, "mail")} waiting`;
}

function writeEvidence(incident: IncidentStatus, sender: SenderFacts): string {
  const { evidence, kind, some, flagged } = incident;
  const answers = evidence.texts.map((text) => `<pre>${escapeHtml(text)}</pre>`).join("");
  const people = some.length < flagged ? `<p>Showing ${String(some.length)} of ${String(flagged)}.</p>` : "";
  return [
    kind === "refused-by-their-system" ? writeMail(writeForIt(incident, sender)) : "",
    answers && fold("What the mail server said", answers),
    flagged > 0
      ? fold(
          `${count(flagged, "person", "people")} flagged because of it`,
          `<ul class="people">${some.map(writePerson).join("")}</ul>${people}`,
        )
      : "",
  ].join("");
}

function writeMail({ subject, body }: MailForIt): string {
  const link = `mailto:?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(body.replaceAll("\n", "\r\n"))}`;
  return fold(
    "Mail for their IT department",
    `<pre>${escapeHtml(`Subject: ${subject}\n\n${body}`)}</pre><p><a href="${escapeHtml(link)}">Open it in your mail program</a></p>`,
  );
}

/** Unknown people of a whole round are mended one by one, so there is nothing to clear together. */
function writeSteps({ id, domain, kind, state, held, flagged }: IncidentStatus): string {
  const steps = [];
  if (domain !== null || kind === "refused-because-of-us") {
    const does = [
      flagged > 0 ? `clears ${count(flagged, "person", "people")} and sends to them again` : "",
      held > 0 ? `sends ${count(held, "held mail")}` : "",
      domain === null ? "lets the round go on" : "",
    ];
    // Too many unknown people have mostly left: then going on is the usual way, and nothing is urged.
    const isUsual = kind !== "many-unknown";
    steps.push(writeStep(`?retry=${String(id)}`, "It is mended: clear and retry all", does, isUsual));
  }
  if (state === "open") {
    const does = [held > 0 ? `sends ${count(held, "held mail")}` : "lets mail go out again", "the flags stay"];
    steps.push(writeStep(`?continue=${String(id)}`, "Continue", does, false));
  }
  return `<div class="steps">${steps.join("")}</div>`;
}

function writeStep(action: string, label: string, does: readonly string[], isPrimary: boolean): string {
  const words = does.filter((text) => text !== "").join(", ");
  return `<form method="post" action="${action}"><button type="submit"${isPrimary ? ' class="primary"' : ""}>${escapeHtml(label)}</button><span class="does">${escapeHtml(words)}</span></form>`;
}

function fold(summary: string, content: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>${content}</details>`;
}

function count(value: number, one: string, many = `${one}s`): string {
  return `${new Intl.NumberFormat("en").format(value)} ${value === 1 ? one : many}`;
}

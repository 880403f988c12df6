/** An incident: a domain of a round that is held, or a round that was stopped, with the evidence. Words for people; it decides nothing. */
import { type Cause, explainCause } from "../cause/cause.ts";
import { normaliseSaying } from "../cause/normalise-saying.ts";
import type { IncidentKind } from "./decide-brake.ts";

/** As it was when the brake took hold. */
export interface Evidence {
  readonly people: number;
  readonly failed: number;
  /** May be counted no further than mattered. */
  readonly arrived: number;
  readonly windowMs: number;
  /** The most frequent cause among the failures. */
  readonly cause: Cause;
  /** Up to five answers of theirs, word for word, no two alike but for the address. */
  readonly texts: readonly string[];
}

export type IncidentState = "open" | "continued" | "closed";

export interface Incident {
  readonly id: number;
  readonly roundId: number;
  readonly round: string;
  /** Null: the whole round. */
  readonly domain: string | null;
  readonly kind: IncidentKind;
  readonly state: IncidentState;
  readonly openedAt: Date;
  readonly evidence: Evidence;
  /** Mails it holds at the moment. */
  readonly held: number;
  /** People whose flag belongs to it at the moment. */
  readonly flagged: number;
}

const mostTexts = 5;

/** Keeps the first five answers that differ by more than the address. */
export function pickTexts(texts: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  const picked = texts.filter((text) => {
    const saying = normaliseSaying(text);
    return !seen.has(saying) && seen.add(saying);
  });
  return picked.slice(0, mostTexts);
}

type Shown = Pick<Incident, "domain" | "kind" | "evidence">;

/** What happened, in one or two plain sentences for HR. */
export function explainIncident({ domain, kind, evidence }: Shown): string {
  const failed = number.format(evidence.failed);
  const minutes = number.format(Math.round(evidence.windowMs / 60_000));
  switch (kind) {
    case "refused-by-their-system":
      return `The mail system of ${domain ?? "several domains"} refused ${failed} ${mails(evidence.failed)} for good within ${minutes} minutes. ${explainCause(evidence.cause)} The addresses are probably right.`;
    case "many-unknown":
      return domain === null
        ? `Of the mails of the last ${minutes} minutes, ${failed} went to addresses that do not work: too large a share. The list of people may be out of date.`
        : `${domain} said of ${failed} ${evidence.failed === 1 ? "person" : "people"} within ${minutes} minutes that mail to them does not arrive. Either the list of people is out of date there, or their mail system is at fault.`;
    case "refused-because-of-us":
      return `Several mail systems named this sender as the reason for refusing ${failed} ${mails(evidence.failed)} within ${minutes} minutes. The operator of Roundtrip must look at this before more is sent.`;
  }
}

/** What to do now, for HR. */
export function adviseOn({ domain, kind }: Shown): string {
  switch (kind) {
    case "refused-by-their-system":
      return "Send the mail below to their IT department. When they have mended it, clear and retry all.";
    case "many-unknown":
      return domain === null
        ? "Look through the people below, put the list right by an import, then continue."
        : "Check some of the addresses below. If they are right, ask their IT; if these people have left, continue.";
    case "refused-because-of-us":
      return "Tell the operator of Roundtrip. When it is mended, clear and retry all.";
  }
}

export interface SenderFacts {
  readonly organisation: string;
  readonly sendingDomain: string;
  readonly fromAddress: string;
}

export interface MailForIt {
  readonly subject: string;
  readonly body: string;
}

/** A mail that can be sent on to the IT department of the refusing side as it stands. */
export function writeForIt(incident: Shown & { openedAt: Date }, sender: SenderFacts): MailForIt {
  const { domain, evidence, openedAt } = incident;
  const body = [
    `Since ${openedAt.toISOString().slice(0, 16).replace("T", " ")} UTC the mail system of ${domain ?? "your domain"} has refused ${number.format(evidence.failed)} ${mails(evidence.failed)} of an employee survey. We have stopped sending to it.`,
    `The mails come from ${sender.fromAddress}; every one carries a DKIM signature of ${sender.sendingDomain}.`,
    ["Your mail system answered:", ...evidence.texts.map((text) => `    ${text.replaceAll(/\s+/g, " ").trim()}`)].join(
      "\n",
    ),
    "Please find the rule or filter that gave this answer, and let mail through that is signed by this domain. Tell us when it is done, and we send the mails again.",
  ].join("\n\n");
  return { subject: `Your mail system refuses survey mail of ${sender.organisation}`, body };
}

const number = new Intl.NumberFormat("en");

function mails(count: number): string {
  return count === 1 ? "mail" : "mails";
}

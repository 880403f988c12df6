/** Mail that a domain has been putting off for hours: the facts, and the words for them. Pure. */

export interface Delay {
  readonly domain: string;
  readonly waiting: number;
  /** When the one that waits longest was first tried. */
  readonly since: Date;
  /** The last answer, word for word. */
  readonly text: string;
}

/** Putting off is normal for an hour or two: greylisting, a restart, a busy morning. */
export const delayWorthTellingMs = 2 * 3_600_000;

/** What is going on, in plain words for HR, with the server's own words at the end. */
export function explainDelay({ domain, waiting, since, text }: Delay): string {
  const mails = waiting === 1 ? "1 mail" : `${new Intl.NumberFormat("en").format(waiting)} mails`;
  const start = `${domain} has been putting off ${mails} since ${since.toISOString().slice(0, 16).replace("T", " ")} UTC. Roundtrip goes on trying; nobody has to act yet.`;
  return text === "" ? start : `${start} Last answer: ${text.replaceAll(/\s+/g, " ").trim()}`;
}

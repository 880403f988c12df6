/** One person whose mail did not arrive: why, the server's own words behind a key press, and the button that clears the flag. */
import { type Cause, explainCause } from "../outcome/cause/cause.ts";
import { explainFlag, type Flag } from "../outcome/flag.ts";
import { escapeHtml } from "../survey/link-pages.ts";

export interface FlaggedPerson {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly flag: Flag;
  readonly cause: Cause | null;
  readonly text: string;
}

export function writePerson(person: FlaggedPerson): string {
  const why = person.cause ? explainCause(person.cause) : explainFlag(person.flag);
  const said = person.text
    ? `<details><summary>What the mail server said</summary><pre>${escapeHtml(person.text)}</pre></details>`
    : "";
  return `<li><div><b>${escapeHtml(person.name || person.email)}</b> <span class="mail">${escapeHtml(person.email)}</span><p>${escapeHtml(why)}</p>${said}</div><form method="post" action="?clear=${String(person.id)}"><button type="submit" aria-label="Clear the flag of ${escapeHtml(person.name || person.email)} and send again">Clear &amp; send again</button></form></li>`;
}

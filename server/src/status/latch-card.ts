/** The card above everything else while the database is latched: why nothing is sent, what goes on all the same, and the way out. Writes HTML. */
import { describeLatch, type LatchReason } from "../ground/instance.ts";
import { escapeHtml } from "../survey/link-pages.ts";

export function writeLatch(reasons: readonly LatchReason[]): string {
  const { title, why, risk, wayOn, command } = describeLatch(reasons);
  const because = `${why.charAt(0).toUpperCase()}${why.slice(1)}. ${risk}`;
  const goesOn = "Everything else goes on: mail that comes back is received, links work, rounds keep their state.";
  return `<section class="incident" aria-labelledby="latch"><h2 id="latch">${escapeHtml(title)} <small>waiting to be confirmed by the operator</small></h2><p>${escapeHtml(because)}</p><p>${escapeHtml(goesOn)}</p><p>${escapeHtml(wayOn)}</p><pre>${escapeHtml(command)}</pre></section>`;
}

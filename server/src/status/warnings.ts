/** Warnings that have no card of their own: domains that put mail off for hours, refusals that name us. Writes HTML. */
import { causes, explainCause } from "../outcome/cause/cause.ts";
import { escapeHtml } from "../survey/link-pages.ts";

/** An alert that stands. */
export interface Warning {
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
}

export function writeWarnings(warnings: readonly Warning[]): string {
  if (warnings.length === 0) return "";
  return `<section><h2>Worth knowing</h2><ul class="warnings">${warnings.map(writeWarning).join("")}</ul></section>`;
}

function writeWarning({ kind, subject, text }: Warning): string {
  if (kind !== "refused-because-of-us") return `<li>${escapeHtml(text)}</li>`;
  const cause = causes.find((word) => word === subject);
  const why = cause ? `${explainCause(cause)} ` : "";
  return `<li>For the operator: ${escapeHtml(why)}Last answer: ${escapeHtml(text)}</li>`;
}

/** Words for a name that is not known: what was likely meant, and all there are. It knows names only, no templates. */

const SHOWN_MAX = 20;

export function explainUnknown(name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : ` Did you mean ${meant}?`;
  const more = known.length > SHOWN_MAX ? ` and ${String(known.length - SHOWN_MAX)} more` : "";
  return `There is no variable “${name.slice(0, 60)}”.${hint} There are: ${known.slice(0, SHOWN_MAX).join(", ")}${more}.`;
}

/** At most a third of the letters may differ, case and separators aside. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const wanted = bare(name);
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(wanted, bare(candidate)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(1, Math.floor(wanted.length / 3)) ? best.candidate : undefined;
}

function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, "").slice(0, 60);
}

/** Levenshtein, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(a).entries()) {
    const next = [index + 1];
    for (let at = 0; at < b.length; at += 1) {
      const replaced = (row[at] ?? 0) + (letter === b[at] ? 0 : 1);
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

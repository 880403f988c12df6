/**
 * Takes the first name out of a full one, for greetings: `Dr. Ana Maria Silva` → `Ana`, `Silva, Ana` → `Ana`. Names do not
 * all work like this; where it is unsure it gives more of the name rather than a wrong part.
 */

const TITLE = /^(?:\p{L}{1,6}\.|mr|mrs|ms|dr|prof|sir|dame|herr|frau|m|mme)$/iu;

/** Empty for an empty name. */
export function firstNameOf(name: string): string {
  const comma = name.indexOf(",");
  const given = comma === -1 ? name : name.slice(comma + 1);
  const words = splitWords(given).filter((word, index, all) => index === all.length - 1 || !TITLE.test(word));
  return words[0] ?? splitWords(name)[0]?.replace(/,$/, "") ?? "";
}

function splitWords(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

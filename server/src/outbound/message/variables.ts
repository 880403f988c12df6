/**
 * The variables a text may hold: one table, read by the template reader, by the editor's list and by the filling of a
 * mail. A variable is one word without properties; an organisation's attributes come as `attribute_<key>`. It holds no
 * values: what is the same for a whole round and what is a person's own is said by `kind`.
 */

export interface Variable {
  readonly name: string;
  /** `round`: the same for everyone, so it becomes static text; `personal`: a person's own; `link`: an address to open. */
  readonly kind: "round" | "personal" | "link";
  /** One sentence for whoever writes a text. */
  readonly sentence: string;
}

/** Value of every known variable; empty where a person has none. */
export type Values = Readonly<Record<string, string>>;

/** What the reader of a text knows. */
export interface Known {
  readonly variables: readonly Variable[];
  /** BCP 47, for upper and lower case. */
  readonly language: string;
}

/** The address is left out on purpose: it is already in the To line, and in a body it only helps whom a mail is forwarded to. */
export const variables: readonly Variable[] = [
  { name: "first_name", kind: "personal", sentence: "The first name of the person, taken from their name." },
  { name: "name", kind: "personal", sentence: "The full name of the person, as imported." },
  { name: "organisation", kind: "round", sentence: "The name of your organisation." },
  { name: "round", kind: "round", sentence: "The name of the round." },
  { name: "sender", kind: "round", sentence: "The name the mail comes from, as chosen for the round." },
  { name: "closes_on", kind: "round", sentence: "The day the round closes, written out in the language of the text." },
  { name: "survey_link", kind: "link", sentence: "The person's own link to the survey." },
  { name: "unsubscribe_link", kind: "link", sentence: "The link by which the person stops survey mail." },
];

/** All variables of an organisation whose employees have these attribute keys. */
export function listVariables(attributeKeys: readonly string[]): readonly Variable[] {
  const own = attributeKeys.map((key): Variable => {
    return { name: attributeVariable(key), kind: "personal", sentence: `The attribute “${key}” of the person.` };
  });
  return [...variables, ...own];
}

/** `Cost centre` → `attribute_cost_centre`. Keys that differ only in case or punctuation share one variable: the first wins. */
export function attributeVariable(key: string): string {
  const word = key
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, "_");
  return `attribute_${word.replaceAll(/^_|_$/g, "")}`;
}

/** Which way a language (BCP 47) is written: told from its script where one is named, else from the language. */

export type Direction = "ltr" | "rtl";

const RTL_SCRIPTS: ReadonlySet<string> = new Set(["Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm"]);
const RTL_LANGUAGES: ReadonlySet<string> = new Set(["ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"]);

/** A tag that is none is written left to right, like most. */
export function directionOf(language: string): Direction {
  const [primary = "", ...rest] = language.split("-");
  const script = rest.find((part) => part.length === 4);
  const isRtl = script ? RTL_SCRIPTS.has(script) : RTL_LANGUAGES.has(primary.toLowerCase());
  return isRtl ? "rtl" : "ltr";
}

/**
 * Says whether a local part or domain uses letters that look like others, after the idea of UTS 39 §5.2: a sign for a
 * warning, never a reason to refuse. It knows scripts and the best-known twins of Latin letters, not the whole table
 * of confusables.
 */
import { domainToUnicode } from "node:url";

const SCRIPTS = {
  latin: /\p{Script=Latin}/u,
  cyrillic: /\p{Script=Cyrillic}/u,
  greek: /\p{Script=Greek}/u,
  armenian: /\p{Script=Armenian}/u,
  hebrew: /\p{Script=Hebrew}/u,
  arabic: /\p{Script=Arabic}/u,
  eastAsian: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/u,
  other:
    /[^\P{L}\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Common}\p{Script=Inherited}]/u,
} as const;

/** Cyrillic and Greek letters that most fonts draw like Latin ones: a whole word of them is a disguise. */
const LATIN_TWINS = /^[аеорсухіјѕӏһԁԛԝԍᴦοανυικρτ\d-]+$/u;

/** `text` is a local part or a domain (A-labels are read); each part between dots, hyphens, pluses and underscores is judged alone. */
export function looksMixedScript(text: string): boolean {
  const unicode = text.includes("xn--") ? domainToUnicode(text) || text : text;
  return unicode
    .toLowerCase()
    .split(/[.\-+_]/)
    .some(isDisguised);
}

function isDisguised(word: string): boolean {
  const scripts = Object.entries(SCRIPTS).filter(([, letters]) => letters.test(word));
  const names = scripts.map(([name]) => name);
  if (names.length === 0) return false;
  // Japanese, Chinese and Korean words hold Latin letters every day, and nobody takes one for the other.
  if (names.every((name) => name === "latin" || name === "eastAsian")) return false;
  return names.length > 1 || LATIN_TWINS.test(word);
}

/** Finds the day until which somebody is away, where the text names it plainly. Guesses no year and no order of day and month. */

const MONTHS: readonly (readonly [number, RegExp])[] = [
  [1, /^(?:jan|ene|gen|janv|jaanu|tammi|stycz|янв)/],
  [2, /^(?:feb|f[eé]v|fev|helmi|lut|фев)/],
  [3, /^(?:mar(?!z?o?\d)|m[aä]r|mrt|maalis|мар)/],
  [4, /^(?:apr|avr|abr|huhti|kwie|апр)/],
  [5, /^(?:may|mai|maj|mag|mei|toukok|ма[йя])/],
  [6, /^(?:jun|juin|giu|kes[aä]k|czerw|июн)/],
  [7, /^(?:jul|juil|lug|hein[aä]k|lip|июл)/],
  [8, /^(?:aug|ao[uû]|ago|elok|sierp|авг)/],
  [9, /^(?:sep|set|syysk|wrze|сен)/],
  [10, /^(?:oct|okt|out|ott|lokak|pa[zź]dz|окт)/],
  [11, /^(?:nov|marrask|listop|ноя)/],
  [12, /^(?:dec|dez|d[eé]c|dic|joulu|grud|дек)/],
];

/** What stands before the date: until, back on, return on, in several languages. */
const LEAD =
  /(?:\b(?:until|till|through|to|return(?:ing)?(?: to the office)?(?: on)?|back(?: in the office)?(?: on| at)?|bis(?: zum| einschlie(?:ß|ss)lich)?|ab(?: dem)?|wieder(?: am| ab)|jusqu'au|jusqu’au|au|de retour le|hasta el|fino al|at[eé]|tot(?: en met)?|t\/m|till(?: och med)? den|til og med|til den|tot|w[aå]r ik|до)\b|(?<!\p{L})(?:bis|до|até))\s(?:and including |including |den |the |le |el |il |am |dem |\p{L}{3,12}, (?:den )?|(?:mon|tues|wednes|thurs|fri|satur|sun)day |(?:mon|diens|donners|frei|sams|sonn)tag |mittwoch )?/giu;
const DAY_MONTH =
  /^(\d{1,2})(?:st|nd|rd|th|\.|º|er)?\s?(?:of |de |den )?\s?(\p{L}{3,12})\.?,?\s?(?:de |del )?(\d{4})?/iu;
const MONTH_DAY = /^(\p{L}{3,12})\.?\s(\d{1,2})(?:st|nd|rd|th)?\b,?\s?(\d{4})?/iu;
const ISO = /^(\d{4})-(\d{2})-(\d{2})/;
const DOTTED = /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})?/;

/** `YYYY-MM-DD`. A date without a year is the next such day on or after `sentOn`; without that it is left unread. */
export function readUntil(text: string, sentOn: Date | null): string | null {
  const head = text.slice(0, 2000);
  for (const match of head.matchAll(LEAD)) {
    const found = readDay(head.slice(match.index + match[0].length, match.index + match[0].length + 60), sentOn);
    if (found) return found;
  }
  return null;
}

function readDay(text: string, sentOn: Date | null): string | null {
  const iso = ISO.exec(text);
  if (iso) return written(Number(iso[1]), Number(iso[2]), Number(iso[3]));
  const dotted = DOTTED.exec(text);
  if (dotted) return inYear(dotted[3], Number(dotted[2]), Number(dotted[1]), sentOn);
  const dayFirst = DAY_MONTH.exec(text);
  if (dayFirst) return inYear(dayFirst[3], monthOf(dayFirst[2]), Number(dayFirst[1]), sentOn);
  const monthFirst = MONTH_DAY.exec(text);
  return monthFirst ? inYear(monthFirst[3], monthOf(monthFirst[1]), Number(monthFirst[2]), sentOn) : null;
}

function monthOf(word = ""): number {
  return MONTHS.find(([, pattern]) => pattern.test(word.toLowerCase()))?.[0] ?? 0;
}

function inYear(year: string | undefined, month: number, day: number, sentOn: Date | null): string | null {
  if (year !== undefined) return written(Number(year), month, day);
  if (!sentOn || Number.isNaN(sentOn.getTime())) return null;
  const same = written(sentOn.getUTCFullYear(), month, day);
  if (same && same >= sentOn.toISOString().slice(0, 10)) return same;
  return written(sentOn.getUTCFullYear() + 1, month, day);
}

function written(year: number, month: number, day: number): string | null {
  const date = new Date(Date.UTC(year, month - 1, day));
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && year > 1990 && year < 2200;
  return isReal ? date.toISOString().slice(0, 10) : null;
}

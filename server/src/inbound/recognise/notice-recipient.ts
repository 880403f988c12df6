/** Puts together what a notice says about one recipient: numbers, words, cause, and whether it is over. Pure. */
import type { ReportAction } from "@roundtrip/mail/dsn/read-dsn";
import { type CauseVerdict } from "../../outcome/cause/cause.ts";
import { type CauseRules, findCause } from "../../outcome/cause/find-cause.ts";
import { isGenericStatus, readDiagnostic } from "./diagnostic.ts";
import type { RecognisedRecipient } from "./recognised.ts";

/** What was found about one recipient, before it is judged. */
export interface Finding {
  readonly recipient: string | null;
  readonly action: ReportAction;
  /** The Status field, where there is one. */
  readonly status: string | null;
  readonly remoteHost: string | null;
  /** The server's words, as given beside the recipient. */
  readonly text: string;
  /** More of the notice, for when the words above say nothing. */
  readonly around: string;
}

/** Our mails go to one person each: a notice about more is a list that was expanded, or made to cost time. */
export const mostRecipients = 200;

const LONGEST_TEXT = 2000;

export function judgeFinding(finding: Finding, rules: CauseRules): RecognisedRecipient {
  const { recipient, action } = finding;
  const text = (finding.text.trim() || finding.around.trim()).slice(0, LONGEST_TEXT);
  const numbers = readNumbers(finding);
  if (action !== "failed" && action !== "delayed") {
    return { recipient, action, ...numbers, ...arrived, final: action === "delivered", text };
  }
  const { cause, fault, rule, permanent } = judge(finding, numbers, rules);
  const final = action === "failed";
  // While the reporting side still tries, it takes even a 5xx for temporary.
  return { recipient, action, ...numbers, cause, fault, permanent: final ? permanent : false, final, rule, text };
}

/** Of what went well there is no cause. */
const arrived = { cause: "unclassified", fault: "their-system", permanent: null, rule: "none" } as const;

interface Numbers {
  readonly status: string | null;
  readonly replyCode: string | null;
}

/**
 * The most precise status: one in the words goes before a Status field that is generic or of another class than the
 * reply; some gateways write 5.1.0 or 5.0.0 for everything.
 */
function readNumbers(finding: Finding): Numbers {
  const said = readDiagnostic(finding.text);
  const nearby = said.code === null && said.enhanced === null ? readDiagnostic(finding.around) : said;
  const code = nearby.code;
  const given = finding.status;
  const contradicts = given !== null && code !== null && given[0] !== code[0];
  const spoken = nearby.enhanced !== null && (code === null || nearby.enhanced[0] === code[0]) ? nearby.enhanced : null;
  if (spoken !== null && (isGenericStatus(given) || contradicts || said.enhanced === spoken))
    return { status: spoken, replyCode: code };
  if (given === null) return { status: nearby.enhanced, replyCode: code };
  return { status: given, replyCode: code };
}

/** The words beside the recipient, then those around; a rule for words goes before one for numbers, any before none. */
function judge(finding: Finding, numbers: Numbers, rules: CauseRules): CauseVerdict {
  const step = readDiagnostic(finding.text).step ?? readDiagnostic(finding.around).step;
  const said = { finding, numbers, step, rules };
  const beside = judgeWords(said, finding.text);
  const around = judgeWords(said, finding.around);
  const found = [beside, around].find(isByWords) ?? (beside.rule === "none" ? around : beside);
  if (isContradictory(numbers, finding)) return { ...found, permanent: false };
  return { ...found, permanent: found.permanent ?? readPermanence(finding, found) };
}

interface Said {
  readonly finding: Finding;
  readonly numbers: Numbers;
  /** Named beside the recipient, or in the sentences around. */
  readonly step: string | null;
  readonly rules: CauseRules;
}

function isByWords(verdict: CauseVerdict): boolean {
  return !/^(?:none$|status\.|reply\.|step\.)/.test(verdict.rule);
}

/** One number says 4, another 5: a retry too many costs less than a person flagged for nothing. */
function isContradictory(numbers: Numbers, { status }: Finding): boolean {
  const classes = [numbers.replyCode, status].map((number) => number?.[0]);
  return classes.includes("4") && classes.includes("5");
}

function judgeWords({ finding, numbers, step, rules }: Said, text: string): CauseVerdict {
  const remoteHost = finding.remoteHost ?? readDiagnostic(text).remoteHost;
  return findCause({ step, code: numbers.replyCode, enhanced: numbers.status, text, remoteHost }, rules);
}

const SAYS_PERMANENT =
  /permanent(?:ly)? (?:error|fatal|fail)|permanent[_ ]failure|failed permanently|fatal error|perm_failure|i've given up/i;
const SAYS_TEMPORARY = /temporary (?:error|failure|problem)|temp_failure|transient/i;

/** Without numbers, the words of the notice; without those, giving up on something that waiting does not mend. */
function readPermanence({ text, around }: Finding, { cause }: CauseVerdict): boolean | null {
  const words = `${text}\n${around}`;
  if (cause === "network-or-timeout" || cause === "rate-limited" || cause === "greylisted")
    return SAYS_PERMANENT.test(words) ? true : null;
  if (SAYS_TEMPORARY.test(words)) return false;
  if (SAYS_PERMANENT.test(words)) return true;
  return cause === "unclassified" || cause === "server-fault" ? null : true;
}

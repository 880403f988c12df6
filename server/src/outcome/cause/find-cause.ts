/**
 * Finds why a mail was not delivered from what a server said, in a live reply or in a notice. Words decide before
 * numbers, because numbers lie more often (a full mailbox is often `5.1.1`). Where nothing says it clearly the answer is
 * `unclassified`: a wrong guess is worse. It does not decide what follows.
 */
import { type Cause, type CauseVerdict, type Fault, faultOf } from "./cause.ts";
import type { CodeRule, Provider, RemoteSaying, TextRule } from "./cause-rule.ts";
import { normaliseSaying } from "./normalise-saying.ts";
import { providerRules } from "./provider-rules.ts";
import { findProviders } from "./providers.ts";
import { replyRules, statusRules, stepRules } from "./status-rules.ts";
import { textRules } from "./text-rules.ts";

/** The rules that look at words, in their order; those for numbers are standards and never change. */
export interface CauseRules {
  readonly providers: readonly TextRule[];
  readonly words: readonly TextRule[];
}

export const causeRules: CauseRules = { providers: providerRules, words: textRules };

/** Order: provider rules, words, enhanced code, reply code with its step, our own step; the first that fits decides. */
export function findCause(saying: RemoteSaying, rules: CauseRules = causeRules): CauseVerdict {
  const rule = findRule(saying, rules);
  const permanent = readPermanence(saying);
  if (!rule) return { cause: "unclassified", fault: faultOf("unclassified"), permanent, rule: "none" };
  return { cause: rule.cause, fault: rule.fault ?? faultOf(rule.cause), permanent, rule: rule.id };
}

type Deciding = { readonly id: string; readonly cause: Cause; readonly fault?: Fault };

function findRule(saying: RemoteSaying, rules: CauseRules): Deciding | undefined {
  const text = normaliseSaying(saying.text);
  const said: Said = { text, digit: classOf(saying), step: saying.step, providers: NO_PROVIDERS };
  return (
    findTextRule(rules.providers, { ...said, providers: findProviders(text, saying.remoteHost ?? null) }) ??
    findTextRule(rules.words, said) ??
    findStatusRule(saying.enhanced) ??
    findReplyRule(saying) ??
    (saying.code === null && saying.enhanced === null ? findStepRule(saying.step) : undefined)
  );
}

interface Said {
  /** In normal form. */
  readonly text: string;
  readonly digit: string | null;
  readonly step: string | null;
  readonly providers: ReadonlySet<Provider>;
}

const NO_PROVIDERS: ReadonlySet<Provider> = new Set();

function findTextRule(rules: readonly TextRule[], { text, digit, step, providers }: Said): TextRule | undefined {
  if (text === "") return undefined;
  return rules.find(
    (rule) =>
      (rule.scope === "any" || providers.has(rule.scope)) &&
      (rule.class === undefined || rule.class === (digit ?? "none")) &&
      (rule.steps === undefined || step === null || rule.steps.includes(step)) &&
      rule.pattern.test(text),
  );
}

const statusTable: ReadonlyMap<string, CodeRule> = new Map(statusRules.map((rule) => [rule.code, rule]));

function findStatusRule(enhanced: string | null): CodeRule | undefined {
  if (enhanced === null) return undefined;
  return statusTable.get(enhanced) ?? statusTable.get(`x${enhanced.slice(1)}`);
}

/** A reply code counts only where its step is known to fit: 550 after DATA says nothing about the mailbox. */
function findReplyRule({ code, enhanced, step }: RemoteSaying): CodeRule | undefined {
  if (code === null || (enhanced !== null && !isGeneric(enhanced))) return undefined;
  return replyRules.find(
    (rule) => rule.code === code && (rule.steps === undefined || (step !== null && rule.steps.includes(step))),
  );
}

function findStepRule(step: string | null): Deciding | undefined {
  return step === null ? undefined : stepRules.find((rule) => rule.steps.includes(step));
}

/** `5.1.0` names a subject and leaves open what is wrong with it (RFC 3463 §3). */
function isGeneric(enhanced: string): boolean {
  return /^[245]\.\d\.0$/.test(enhanced);
}

/** The reply code goes before the enhanced one, as RFC 3463 §2 makes the first digit of both the same. */
function classOf({ code, enhanced }: RemoteSaying): string | null {
  const first = (code ?? enhanced)?.[0];
  return first === "4" || first === "5" ? first : null;
}

function readPermanence(saying: RemoteSaying): boolean | null {
  const digit = classOf(saying);
  return digit === null ? null : digit === "5";
}

/** The shape of a rule that finds a cause. A rule is data: it can be read in a table, traced by its id and run again over old answers. */
import type { Cause, Fault } from "./cause.ts";

/** What a mail server said: a live reply, or one quoted in a notice. */
export interface RemoteSaying {
  /** SMTP step at which it was said (`connect`, `mail`, `rcpt`, `data`, `body`, …), null where that is not known. */
  readonly step: string | null;
  /** Three digits. */
  readonly code: string | null;
  /** Such as `5.1.1`. */
  readonly enhanced: string | null;
  readonly text: string;
  readonly remoteHost?: string | null;
}

/** A rule that looks at the words. */
export interface TextRule {
  /** `<where>.<what>`, never used twice, never given to another rule later. */
  readonly id: string;
  /** `any`, or the provider whose words these are: see providers.ts. */
  readonly scope: "any" | Provider;
  /**
   * Tried on the normal form of the text: lower case, single blanks, addresses replaced by `<address>`. Gaps are bounded
   * (`.{0,40}`) and nothing repeats inside a repetition, so time stays linear.
   */
  readonly pattern: RegExp;
  readonly cause: Cause;
  /** Only where it differs from what the cause implies. */
  readonly fault?: Fault;
  /** Only where the words mean this in replies of one class: `4` temporary, `5` permanent, `none` no number at all. */
  readonly class?: "4" | "5" | "none";
  /** Only where the words mean this at some steps: said at another known step, the rule is passed over. */
  readonly steps?: readonly string[];
  /** The document or the software that the words come from. */
  readonly source: string;
  readonly matches: readonly string[];
  /** Words that resemble it and mean something else: some other rule, or none, must decide them. */
  readonly mustNotMatch: readonly string[];
}

/** A rule that looks at the numbers alone: an enhanced code with or without detail, or a reply code at a step. */
export interface CodeRule {
  readonly id: string;
  readonly code: string;
  readonly steps?: readonly string[];
  readonly cause: Cause;
  readonly fault?: Fault;
  readonly source: string;
}

export type Provider =
  | "google"
  | "microsoft"
  | "yahoo"
  | "apple"
  | "mimecast"
  | "proofpoint"
  | "orange"
  | "gmx"
  | "tencent"
  | "zoho"
  | "ses"
  | "exchange"
  | "barracuda"
  | "mail-ru"
  | "docomo"
  | "ezweb"
  | "godaddy";

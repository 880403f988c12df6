/**
 * All that recognition knows of how mail systems word things, as data: dialects of notices, and words that name a cause.
 * It can be exchanged, so that what a part of the rules is worth can be measured.
 */
import { type CauseRules, causeRules } from "../../outcome/cause/find-cause.ts";
import { type Dialect, dialects } from "./dialects.ts";

export interface RecogniseRules {
  readonly dialects: readonly Dialect[];
  readonly causes: CauseRules;
}

export const recogniseRules: RecogniseRules = { dialects, causes: causeRules };

/** A round: one run of a survey by mail, for real (`live`) or tried on a few people (`test`). */
import type { MessageSource } from "../message/prepare-message.ts";

export type RoundKind = "test" | "live";

/** draft → launching → open ⇄ paused → stopped | closed. Only an open round sends. */
export type RoundState = "draft" | "launching" | "open" | "paused" | "stopped" | "closed";

export interface NewRound {
  readonly name: string;
  readonly kind: RoundKind;
  readonly senderName: string;
  readonly closesAt: Date;
  readonly neverSendTwice: boolean;
  /** One per language; the first serves whoever speaks none of them. */
  readonly texts: readonly MessageSource[];
  /** Employees of a test round; a live round goes to everyone who is not left out. */
  readonly testers: readonly number[];
}

export const mostTesters = 25;

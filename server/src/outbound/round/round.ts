/** A round: one run of a survey by mail, for real (`live`) or tried on a few people (`test`). */

export type RoundKind = "test" | "live";

/** draft → launching → open ⇄ paused → stopped | closed. Only an open round sends. */
export type RoundState = "draft" | "launching" | "open" | "paused" | "stopped" | "closed";

/** What HR wrote, in one language. */
export interface RoundText {
  readonly language: string;
  readonly subject: string;
  readonly preview: string;
  /** Paragraphs of the mail, with variables. */
  readonly body: string;
  readonly button: string;
}

export interface NewRound {
  readonly name: string;
  readonly kind: RoundKind;
  readonly senderName: string;
  readonly closesAt: Date;
  readonly neverSendTwice: boolean;
  readonly texts: readonly RoundText[];
  /** Employees of a test round; a live round goes to everyone who is not left out. */
  readonly testers: readonly number[];
}

export const mostTesters = 25;

/** What an incoming mail turned out to be. Types only; recognise.ts finds out, settle/ decides what follows. */
import type { AutoReply } from "@roundtrip/mail/auto-reply/read-auto-reply";
import type { ReportAction } from "@roundtrip/mail/dsn/read-dsn";
import type { Mailbox } from "@roundtrip/mail/header-read";
import type { Cause, Fault } from "../../outcome/cause/cause.ts";
import type { Attachment } from "./read-attachments.ts";

export type RecognisedKind =
  | "bounce"
  | "delayed"
  | "success"
  | "complaint"
  | "auto-reply"
  | "reply"
  | "dmarc-report"
  | "dmarc-failure"
  | "tls-report"
  | "read-receipt"
  | "other";

/** What a notice says about one recipient. */
export interface RecognisedRecipient {
  /** Lower case, without brackets; null where the notice names nobody. */
  readonly recipient: string | null;
  readonly action: ReportAction;
  /** `5.1.1`: the most precise one that the notice holds, null where it holds none. */
  readonly status: string | null;
  /** Three digits. */
  readonly replyCode: string | null;
  readonly cause: Cause;
  readonly fault: Fault;
  /** As the other side said it; null where it did not say. */
  readonly permanent: boolean | null;
  /** The reporting side has given up. */
  readonly final: boolean;
  /** The rule that found the cause. */
  readonly rule: string;
  /** The server's own words. */
  readonly text: string;
}

/** What ties the mail to one of ours. Nothing here is proven: the caller checks the tokens. */
export interface References {
  /** With brackets: of the returned message, then In-Reply-To and References of the mail itself. */
  readonly messageIds: readonly string[];
  /** Our header `X-Roundtrip-Reference` inside the returned message. */
  readonly ownReference: string | null;
  readonly originalEnvelopeId: string | null;
}

export interface RecognisedMail {
  readonly kind: RecognisedKind;
  /** Of notices; of a complaint the recipients it names, if any. */
  readonly recipients: readonly RecognisedRecipient[];
  readonly references: References;
  readonly autoReply?: AutoReply;
  /** Of replies and automatic replies: what the person wrote, without what was quoted. */
  readonly visibleText?: string;
  /** Where it stands in its own thread: its Message-ID, and those it refers to, with brackets. */
  readonly thread: { readonly messageId: string | null; readonly references: readonly string[] };
  /** Of replies; empty in all else. */
  readonly attachments: readonly Attachment[];
  readonly subject: string;
  readonly from: Mailbox | null;
  /** As the mail says. */
  readonly date: Date | null;
  /** Number of Received fields. */
  readonly hops: number;
}

export interface Unreadable {
  readonly kind: "unreadable";
  /** One word: `too-deep`, `too-many-parts`, `header-too-large`, `too-large`, or how its reader ended. */
  readonly reason: string;
}

export type Recognised = RecognisedMail | Unreadable;

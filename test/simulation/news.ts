/** What comes back about a copy that arrived, as the recogniser would have understood it. */
import { faultOf } from "../../server/src/outcome/cause/cause.ts";
import type { Cause } from "../../server/src/outcome/cause/cause.ts";
import type {
  RecognisedKind,
  RecognisedMail,
  RecognisedRecipient,
} from "../../server/src/inbound/recognise/recognised.ts";
import type { Chance } from "./chance.ts";
import type { Copy } from "./simulated-host.ts";

export interface News {
  readonly name: string;
  readonly copy: Copy;
  readonly recognised: RecognisedMail;
}

export function writeNews(copy: Copy, chance: Chance): News {
  const drawn = chance.pick(kinds) ?? kinds[0];
  const recipients = drawn.cause ? [nameRecipient(copy, drawn)] : [];
  const recognised: RecognisedMail = {
    kind: drawn.kind,
    recipients,
    references: { messageIds: [], ownReference: null, originalEnvelopeId: null },
    thread: { messageId: null, references: [] },
    attachments: [],
    subject: "",
    from: null,
    date: null,
    hops: 1,
  };
  return { name: drawn.name, copy, recognised };
}

interface Kind {
  readonly name: string;
  readonly kind: RecognisedKind;
  readonly action?: RecognisedRecipient["action"];
  readonly cause?: Cause;
  readonly code?: string;
}

const kinds: readonly [Kind, ...Kind[]] = [
  { name: "a bounce", kind: "bounce", action: "failed", cause: "recipient-unknown", code: "550" },
  { name: "a bounce", kind: "bounce", action: "failed", cause: "recipient-unknown", code: "550" },
  { name: "a refusal by policy", kind: "bounce", action: "failed", cause: "policy-rejected", code: "550" },
  { name: "a full mailbox", kind: "bounce", action: "failed", cause: "mailbox-full", code: "452" },
  { name: "a delay", kind: "delayed", action: "delayed", cause: "network-or-timeout", code: "451" },
  { name: "a success notice", kind: "success", action: "delivered", cause: "unclassified", code: "250" },
  { name: "a complaint", kind: "complaint" },
  { name: "an out-of-office reply", kind: "auto-reply" },
];

function nameRecipient(
  copy: Copy,
  { action = "failed", cause = "unclassified", code = "550" }: Kind,
): RecognisedRecipient {
  return {
    recipient: copy.address,
    action,
    status: `${code[0] ?? "5"}.0.0`,
    replyCode: code,
    cause,
    fault: faultOf(cause),
    permanent: code.startsWith("5"),
    final: action === "failed",
    rule: "simulated",
    text: `${code} as simulated`,
  };
}

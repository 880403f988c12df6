/**
 * The people of the miniature world: a plus-tag in the local part of an address names the persona, and the persona says
 * what its mail system does (`anna.berg+mailbox-full@acme.example`). No tag, or an unknown one, accepts. Data and pure
 * look-ups only: what each row says is carried out by receiving-server.smtp.ts, and checked by tests against the ledger.
 */

export interface Persona {
  /** One sentence for docs: what the mail system of this person does. */
  readonly does: string;
  /** Where a delivery to this person must end under the default retry policy, once everything has come back. */
  readonly endsAs: "accepted" | "bounced" | "expired";
  /** The same, where it differs for a sender who asked for success notices (RFC 3461 §4.1, `NOTIFY=SUCCESS`). */
  readonly endsAsIfSuccessAsked?: "delivered";
  /** Must the employee carry the bounce flag in the end? */
  readonly flags: boolean;
  /** What is mailed back, if anything. */
  readonly comesBack: readonly NoticeKind[];
  /** The answer to RCPT, for the first so many tries of this recipient; later ones are taken. */
  readonly refusesRcpt?: { readonly reply: string; readonly tries: number };
  /** The answer to the final dot, always. */
  readonly refusesMail?: { readonly reply: string };
  /** On the first copy the connection is closed instead of an answer to the final dot. */
  readonly dropsFirstCopy?: "kept" | "lost";
  /** Answers late, by the configured delays. */
  readonly isSlow?: true;
  /** Takes only so many mails a second from everybody together, and hangs up with 421 above that. */
  readonly isRateLimited?: true;
}

export type NoticeKind =
  | "bounce"
  | "bounce-exchange"
  | "delayed"
  | "delivered"
  | "vacation"
  | "vacation-exchange"
  | "left-company"
  | "human-reply";

const ALWAYS = Infinity;
const QUIET = { endsAs: "accepted", flags: false, comesBack: [] } as const;

export const PERSONAS = {
  accepts: { ...QUIET, does: "Takes every mail." },
  "unknown-user": {
    does: "Answers RCPT with 550 5.1.1: there is no such mailbox.",
    endsAs: "bounced",
    flags: true,
    comesBack: [],
    refusesRcpt: {
      reply: "550 5.1.1 <@>: Recipient address rejected: User unknown in local recipient table",
      tries: ALWAYS,
    },
  },
  "late-bounce": {
    does: "Takes the mail, then sends a delivery report with 5.1.1 to the return path, as Postfix does.",
    endsAs: "bounced",
    flags: true,
    comesBack: ["bounce"],
  },
  "late-bounce-exchange": {
    does: "Takes the mail, then sends a non-delivery report with 5.1.10 to the return path, as Exchange Online does.",
    endsAs: "bounced",
    flags: true,
    comesBack: ["bounce-exchange"],
  },
  "mailbox-full": {
    does: "Answers RCPT with 452 4.2.2 every time: the mailbox stays full.",
    endsAs: "expired",
    flags: true,
    comesBack: [],
    refusesRcpt: { reply: "452 4.2.2 <@>: Mailbox full, the user is over quota", tries: ALWAYS },
  },
  greylist: {
    ...QUIET,
    does: "Answers the first two tries with 450 4.7.1 (greylisted), then takes the mail.",
    refusesRcpt: { reply: "450 4.7.1 <@>: Recipient address rejected: Greylisted, please try again later", tries: 2 },
  },
  throttle: {
    ...QUIET,
    does: "Answers the first try with 451 4.7.1 and hangs up with 421 4.7.0 above its rate, then takes the mail.",
    refusesRcpt: {
      reply: "451 4.7.1 Too many messages from your address at the moment, slow down and try again",
      tries: 1,
    },
    isRateLimited: true,
  },
  "drop-after-dot": {
    ...QUIET,
    does: "Keeps the first copy but hangs up without answering; answers 250 to the second copy and keeps only one.",
    dropsFirstCopy: "kept",
  },
  "lost-after-dot": {
    ...QUIET,
    does: "Hangs up after the final dot and loses the first copy; takes the second.",
    dropsFirstCopy: "lost",
  },
  slow: { ...QUIET, does: "Takes the mail, but lets RCPT and the final dot wait for their answers.", isSlow: true },
  "no-starttls": {
    ...QUIET,
    does: "Lives behind a server that offers STARTTLS and answers it with 454; takes the mail in clear.",
  },
  "spam-block": {
    does: "Reads the mail and refuses it after the final dot with 554 5.7.1, as a spam filter does.",
    endsAs: "bounced",
    flags: true,
    comesBack: [],
    refusesMail: { reply: "554 5.7.1 Message content rejected as spam" },
  },
  "policy-block": {
    does: "Answers RCPT with 550 5.7.1: their mail system refuses ours.",
    endsAs: "bounced",
    flags: true,
    comesBack: [],
    refusesRcpt: {
      reply: "550 5.7.1 <@>: Delivery not authorized, message refused by the policy of this organisation",
      tries: ALWAYS,
    },
  },
  "out-of-office": {
    ...QUIET,
    does: "Takes the mail, then a vacation program answers to the return path (RFC 3834).",
    comesBack: ["vacation"],
  },
  "out-of-office-exchange": {
    ...QUIET,
    does: "Takes the mail, then an automatic reply in the dress of Exchange goes to the Reply-To address.",
    comesBack: ["vacation-exchange"],
  },
  reply: {
    ...QUIET,
    does: "Takes the mail, then a person asks something in reply, with the mail quoted below.",
    comesBack: ["human-reply"],
  },
  "left-company": {
    ...QUIET,
    does: "Takes the mail, then an automatic reply says that the person has left the company.",
    comesBack: ["left-company"],
  },
  "delayed-notice": {
    ...QUIET,
    does: "Takes the mail, reports a delay to the return path, and delivers later; a success notice follows if asked for.",
    endsAsIfSuccessAsked: "delivered",
    comesBack: ["delayed", "delivered"],
  },
  success: {
    ...QUIET,
    does: "Takes the mail, and sends a success notice if one was asked for (NOTIFY=SUCCESS).",
    endsAsIfSuccessAsked: "delivered",
    comesBack: ["delivered"],
  },
} as const satisfies Record<string, Persona>;

export type PersonaName = keyof typeof PERSONAS;

export const PERSONA_NAMES = Object.keys(PERSONAS) as readonly PersonaName[];

/** The label in front of a domain whose mail server breaks its promise of STARTTLS: `no-starttls.acme.example`. */
export const NO_STARTTLS_LABEL = "no-starttls.";

/** Reads the last plus-tag of the local part; never throws, whatever the text is. */
export function personaOf(address: string): PersonaName {
  const local = address.slice(0, Math.max(0, address.lastIndexOf("@")));
  const tag = local.slice(local.lastIndexOf("+") + 1).toLowerCase();
  return local.includes("+") && isPersonaName(tag) ? tag : "accepts";
}

/** The row of a persona, with its optional columns. */
export function personaNamed(name: PersonaName): Persona {
  return PERSONAS[name];
}

export function isPersonaName(word: string): word is PersonaName {
  return Object.hasOwn(PERSONAS, word);
}

/**
 * Which replies ask us to slow down, and by how much. A rule is data; the first that fits decides; the examples are run
 * by the tests. Rules that know a provider come first. What is said about one recipient alone is in none of them.
 */
import type { SmtpStep } from "@roundtrip/mail/smtp/reply";

/** What a rule does to a lane; each part that is there only ever lowers. */
export interface SlowDown {
  /** The pace is multiplied by this. */
  readonly paceFactor?: number;
  /** The pace is at most this many mails a second. */
  readonly paceMost?: number;
  readonly connectionsFactor?: number;
  readonly connectionsMost?: number;
  /** Nothing is sent for so long. */
  readonly pauseMs?: number;
  /** The lane stays as slow for so long before it begins to grow again. */
  readonly holdMs: number;
}

export interface SlowDownRule {
  /** `<where>.<what>`, never used twice, never given to another rule later. */
  readonly id: string;
  /** Provider words of the lanes it is for. */
  readonly scope: "any" | readonly string[];
  /** Tried on the normal form of the words (outcome/cause). Gaps are bounded and nothing repeats inside a repetition. */
  readonly pattern?: RegExp;
  /** Enhanced codes or reply codes, one of which must be there; without a pattern they decide alone. */
  readonly codes?: readonly string[];
  /** Only at these steps; said elsewhere it means something else. */
  readonly steps?: readonly SmtpStep[];
  /** These servers say it with a 5xx too. */
  readonly permanentToo?: true;
  readonly effect: SlowDown;
  readonly source: string;
  readonly matches: readonly string[];
  readonly mustNotMatch: readonly string[];
}

const minute = 60_000;
const hour = 60 * minute;
const perMinute = (mails: number): number => mails / 60;
const beforeMail: readonly SmtpStep[] = ["connect", "greeting", "ehlo", "starttls", "auth", "mail"];

const shaping = "KumoMTA, published traffic shaping rules";
const google = "Google Workspace Admin: SMTP error reference";
const microsoft = "Microsoft Learn: Email non-delivery reports in Exchange Online";
const outlook = "Outlook.com postmaster: troubleshooting, codes RP and DY";
const yahoo = "Yahoo Sender Hub: SMTP error codes";

const oneRecipient =
  "The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. https://support.google.com/mail/?p=ReceivingRate x - gsmtp";

export const slowDownRules: readonly SlowDownRule[] = [
  {
    id: "google.unusual-rate",
    scope: ["google"],
    pattern: /unusual rate of (?:unsolicited )?(?:mail|e-?mail)|unusual amount of (?:unsolicited )?(?:mail|e-?mail)/,
    effect: { paceMost: perMinute(10), connectionsMost: 1, holdMs: 30 * minute },
    source: `${google}, 4.7.28; ${shaping}`,
    matches: [
      "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. x - gsmtp",
      "421 4.7.0 Our system has detected an unusual rate of unsolicited mail originating from your IP address. x - gsmtp",
    ],
    mustNotMatch: [`450 4.2.1 ${oneRecipient}`],
  },
  {
    id: "google.rate-by-code",
    scope: ["google"],
    codes: ["4.7.28"],
    effect: { paceMost: perMinute(10), connectionsMost: 1, holdMs: 30 * minute },
    source: `${google}, 4.7.28`,
    matches: ["421 4.7.28 Please try again later. x - gsmtp"],
    mustNotMatch: ["421 4.7.26 This mail has been rate limited because it is unauthenticated. x - gsmtp"],
  },
  {
    id: "google.distrust",
    scope: ["google"],
    pattern: /our system has detected|low reputation of the sending|this message is (?:likely )?suspicious/,
    effect: { pauseMs: hour, paceFactor: 0.25, connectionsMost: 1, holdMs: 2 * hour },
    source: `${google}, 4.7.0; ${shaping}`,
    matches: [
      "421 4.7.0 Our system has detected that this message is suspicious due to the nature of the content and/or the links within. x - gsmtp",
      "421 4.7.0 This message is suspicious due to the very low reputation of the sending IP address. x - gsmtp",
    ],
    mustNotMatch: ["550 5.1.1 The email account that you tried to reach does not exist. x - gsmtp"],
  },
  {
    id: "google.closing",
    scope: ["google"],
    pattern: /try again later, closing connection/,
    effect: { paceFactor: 0.5, connectionsFactor: 0.5, holdMs: 15 * minute },
    source: `${google}, 4.7.0`,
    matches: ["421 4.7.0 Try again later, closing connection. x - gsmtp"],
    mustNotMatch: ["421 4.3.0 Temporary System Problem. Try again later. x - gsmtp"],
  },
  {
    id: "microsoft.ip-reputation",
    scope: ["microsoft"],
    pattern: /temporarily rate limited due to ip reputation|\brp-001\b|limitation is related to ip/,
    effect: { paceMost: perMinute(10), connectionsMost: 1, holdMs: hour },
    source: `${microsoft}, 4.7.650; ${outlook}`,
    matches: [
      "451 4.7.650 The mail server [192.0.2.4] has been temporarily rate limited due to IP reputation. For e-mail delivery information, see https://postmaster.live.com (S775) [x.prod.outlook.com]",
      "421 RP-001 (BAY004) Unfortunately, some messages from 192.0.2.4 weren't sent. Please try again.",
    ],
    mustNotMatch: ["451 4.7.500 Server busy. Please try again later from [192.0.2.4]. [x.prod.outlook.com]"],
  },
  {
    id: "microsoft.connections",
    scope: ["microsoft"],
    pattern: /\brp-003\b|exceeded the connection limit/,
    effect: { connectionsFactor: 0.5, holdMs: 30 * minute },
    source: outlook,
    matches: [
      "421 RP-003 (COL004) The mail server IP connecting to Outlook.com server has exceeded the connection limit allowed.",
    ],
    mustNotMatch: ["421 RP-002 (COL004) has exceeded the rate limit allowed on this connection."],
  },
  {
    id: "microsoft.rate",
    scope: ["microsoft"],
    pattern: /server busy\b|\brp-002\b|exceeded the rate limit|has been ratelimited|as\(42004\)|as\(780090\)/,
    effect: { paceFactor: 0.5, holdMs: 15 * minute },
    source: `${microsoft}, 4.7.500 to 4.7.699; ${outlook}`,
    matches: [
      "451 4.7.500 Server busy. Please try again later from [192.0.2.4]. (S77719) [x.prod.outlook.com]",
      "421 RP-002 (COL004) has exceeded the rate limit allowed on this connection.",
    ],
    mustNotMatch: ["451 4.7.0 Temporary server error. Please try again later. PRX4 [x.prod.outlook.com]"],
  },
  {
    id: "yahoo.complaints",
    scope: ["yahoo"],
    pattern: /\[(?:ip)?tss?04\]/,
    effect: { pauseMs: 2 * hour, paceFactor: 0.25, connectionsMost: 1, holdMs: 3 * hour },
    source: `${yahoo}, TSS04; ${shaping}`,
    matches: [
      "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
    ],
    mustNotMatch: ["421 4.7.0 [GL01] Message from (192.0.2.25) temporarily deferred - 4.16.50"],
  },
  {
    id: "yahoo.long-deferral",
    scope: ["yahoo"],
    pattern: /\[(?:ip)?tss?0[5-9]\]|\[tss?1\d\]/,
    effect: { pauseMs: 4 * hour, paceFactor: 0.25, connectionsMost: 1, holdMs: 5 * hour },
    source: `${yahoo}, TSS05 and above; ${shaping}`,
    matches: ["421 4.7.0 [TSS05] Messages from 192.0.2.25 temporarily deferred - 4.16.55.1"],
    mustNotMatch: ["421 4.7.1 [TS03] All messages from 192.0.2.25 will be permanently deferred"],
  },
  {
    id: "yahoo.rate",
    scope: ["yahoo"],
    pattern: /\[(?:ip)?tss?0[1-3]\]/,
    effect: { paceMost: perMinute(5), connectionsMost: 1, holdMs: 30 * minute },
    source: `${yahoo}, TS01 to TS03; ${shaping}`,
    matches: ["421 4.7.1 [TS03] All messages from 192.0.2.25 will be permanently deferred; Retrying will NOT succeed."],
    mustNotMatch: [
      "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
    ],
  },
  {
    id: "yahoo.listed",
    scope: ["yahoo"],
    pattern: /\[bl\d{2}\]/,
    permanentToo: true,
    effect: { pauseMs: 2 * hour, paceFactor: 0.25, connectionsMost: 1, holdMs: 3 * hour },
    source: `${yahoo}, BL; ${shaping}`,
    matches: [
      "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.25, because the ip is in Spamhaus's list",
    ],
    mustNotMatch: ["554 delivery error: dd This user doesn't have a yahoo.com account (a@example.com)"],
  },
  {
    id: "apple.volume",
    scope: ["apple"],
    pattern: /deferred due to excessive volume/,
    effect: { paceFactor: 0.5, connectionsFactor: 0.5, holdMs: 30 * minute },
    source: "Apple Support: postmaster information for iCloud Mail",
    matches: ["421 4.7.1 Messages to a@example.com deferred due to excessive volume. Try again later"],
    mustNotMatch: ["550 5.7.1 [CS01] Message rejected due to local policy."],
  },
  {
    id: "comcast.rate",
    scope: ["comcast"],
    pattern: /\brl0{4}\d{0,2}\b/,
    effect: { paceMost: 10_000 / 3600, holdMs: 2 * hour },
    source: shaping,
    matches: ["421 4.1.0 192.0.2.25 Throttled - try again later. RL000001"],
    mustNotMatch: ["554 5.2.0 BL000000 192.0.2.25 blocked"],
  },
  {
    id: "orange.connections",
    scope: ["orange"],
    pattern: /\bofr_?005|trop de connexions|\blpn00[67]_[14]0\d/,
    effect: { paceFactor: 0.5, connectionsMost: 1, holdMs: hour },
    source: "Orange and La Poste postmasters: codes OFR and LPN",
    matches: [
      "421 smtp.orange.fr Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR005_104 [104]",
    ],
    mustNotMatch: ["450 4.2.2 Boite aux lettres pleine. OFR_417 [417]"],
  },
  {
    id: "ses.daily-quota",
    scope: ["relay"],
    pattern: /daily (?:message|sending) quota exceeded/,
    effect: { pauseMs: hour, holdMs: hour + 15 * minute },
    source: "Amazon SES developer guide: errors related to sending quotas",
    matches: ["454 4.7.0 Throttling failure: Daily message quota exceeded."],
    mustNotMatch: ["554 Transaction failed: Address length is more than 320 characters long"],
  },
  {
    id: "any.hourly",
    scope: "any",
    pattern:
      /too many (?:recipients|messages|mails|e-?mails) (?:received )?(?:this|per|in the last|in this|in an) hour|hourly (?:limit|quota|rate)|(?:messages|recipients|mails) per hour/,
    permanentToo: true,
    effect: { pauseMs: 30 * minute, paceFactor: 0.5, holdMs: hour },
    source: "Cisco Secure Email: mail flow policies; GoDaddy help: IB607",
    matches: [
      "452 4.5.3 Too many recipients received this hour",
      "550 5.1.1 <a@example.com> - 203.0.113.2 has sent to too many recipients this hour. IB607",
    ],
    mustNotMatch: ["452 4.5.3 Too many recipients"],
  },
  {
    id: "any.reputation",
    scope: "any",
    pattern:
      /(?:deferred|throttled|rate ?limited|delayed).{0,60}(?:reputation|complaint)|(?:poor|low|bad|no) (?:sender |ip )?reputation/,
    effect: { paceMost: perMinute(1), connectionsMost: 1, holdMs: 90 * minute },
    source: shaping,
    matches: ["451 4.7.1 Mail from 192.0.2.4 deferred due to its poor reputation", "450 4.7.1 low sender reputation"],
    mustNotMatch: ["451 4.7.1 Greylisting in action, please come back later"],
  },
  {
    id: "any.connections",
    scope: "any",
    pattern:
      /too many (?:simultaneous |concurrent |open )?(?:smtp |tcp )?(?:connections|sessions)|(?:number of|maximum|max) (?:concurrent |simultaneous |smtp )?(?:connections|sessions).{0,30}(?:exceed|reach)|connection (?:limit|rate limit)|connection rate|connects too (?:often|fast)/,
    permanentToo: true,
    effect: { connectionsFactor: 0.5, paceFactor: 0.75, holdMs: 15 * minute },
    source: "Postfix: anvil; Exchange Server: receive connectors; Proofpoint: SMTP rate control",
    matches: [
      "421 4.7.0 mx.example.com Error: too many connections from 192.0.2.4",
      "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
      "554 Too many concurrent SMTP connections; please try again later.",
    ],
    mustNotMatch: ["421 4.4.2 mx.example.com Error: timeout exceeded", "421 4.3.0 lost connection to the backend"],
  },
  {
    id: "any.rate",
    scope: "any",
    pattern:
      /(?<!connection )rate[ -]?(?:limit|control)|ratelimit|too many (?:messages|e-?mails|mails)(?! (?:in|on|for|per) (?:this|one|a) (?:connection|session))|too much (?:mail|traffic)|slow(?:ing)? down|throttl|excessive (?:volume|rate)|(?:sending|send|message|submission|delivery) rate|(?:sending|delivering) (?:mail )?too (?:fast|quickly)|frequency limited/,
    permanentToo: true,
    effect: { paceFactor: 0.5, holdMs: 15 * minute },
    source: "wording of Postfix policy servers, Exim, Exchange Server, Amazon SES, Tencent and others",
    matches: [
      "450 4.7.1 Error: too much mail from 192.0.2.4",
      "451 4.7.1 Received too many messages from a new or untrusted IP: 192.0.2.4",
      "421 4.4.2 Message submission rate for this client has exceeded the configured limit",
      "454 4.7.0 Throttling failure: Maximum sending rate exceeded.",
      "550 IP frequency limited",
    ],
    mustNotMatch: [
      `450 4.2.1 ${oneRecipient}`,
      "421 4.7.0 Too many messages in this connection",
      "554 5.4.6 Too many hops",
      "450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted, try again in 300 seconds",
    ],
  },
  {
    id: "any.overloaded",
    scope: "any",
    pattern:
      /insufficient (?:system|disk) (?:resources|storage|space)|system (?:overload|load too high|is overloaded)|load average/,
    effect: { paceFactor: 0.5, connectionsFactor: 0.5, holdMs: 15 * minute },
    source: "Exchange Server: back pressure; Exim: load limits",
    matches: ["452 4.3.1 Insufficient system resources", "421 4.3.2 Too busy: load average too high"],
    mustNotMatch: ["452 4.2.2 Mailbox full", "452 4.2.2 insufficient mailbox space"],
  },
  {
    id: "any.turned-away",
    scope: "any",
    codes: ["421"],
    steps: beforeMail,
    effect: { connectionsFactor: 0.5, holdMs: 5 * minute },
    source: "RFC 5321 §3.8: 421 ends the connection",
    matches: ["421 4.3.2 Service not available, closing transmission channel"],
    mustNotMatch: ["450 4.3.2 Service not available"],
  },
];

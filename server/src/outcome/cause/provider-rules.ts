/**
 * Words of one provider that mean something else than they seem, or that only this provider uses. Tried first. The rows
 * are data; their examples are run by the tests.
 */
import type { TextRule } from "./cause-rule.ts";

const googleDocument = "Google Workspace Admin: SMTP error reference";
const microsoftDocument = "Microsoft Learn: Email non-delivery reports in Exchange Online";
const yahooDocument = "Yahoo Sender Hub: SMTP error codes";

export const providerRules: readonly TextRule[] = [
  {
    id: "microsoft.access-denied-recipient",
    scope: "microsoft",
    pattern: /recipient address rejected: access denied/,
    cause: "recipient-unknown",
    source: `${microsoftDocument}, 5.4.1`,
    matches: [
      "Recipient address rejected: Access denied. [DU6PEPF0000.eurprd02.prod.outlook.com 2026-01-01T00:00:00.000Z 08DB]",
    ],
    mustNotMatch: ["Access denied, banned sending IP [192.0.2.4]. [x.prod.outlook.com]"],
  },
  {
    id: "microsoft.tenant-blocks-edge",
    scope: "microsoft",
    pattern: /\btenant ?attribution|relay access denied.{0,60}as\(201806281\)/,
    cause: "policy-rejected",
    source: `${microsoftDocument}, 5.7.64`,
    matches: ["TenantAttribution; Relay Access Denied [x.protection.outlook.com]"],
    mustNotMatch: ["Recipient address rejected: Access denied. [x.prod.outlook.com]"],
  },
  {
    id: "microsoft.banned-ip",
    scope: "microsoft",
    pattern:
      /banned sending ip|on our block list|messages from \[?[\d.:a-f]{3,45}\]? weren't sent|part of their network is on/,
    cause: "reputation-blocked",
    source: `${microsoftDocument}, 5.7.511 and 5.7.606; Outlook.com postmaster, S3140 and S3150`,
    matches: [
      "Access denied, banned sending IP [192.0.2.4]. To request removal see https://go.microsoft.com/fwlink/?LinkId=526655",
      "Unfortunately, messages from [192.0.2.4] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). http://mail.live.com/mail/troubleshooting.aspx#errors",
    ],
    mustNotMatch: ["Recipient address rejected: Access denied. [x.prod.outlook.com]"],
  },
  {
    id: "microsoft.mailbox-unavailable",
    scope: "microsoft",
    pattern: /requested action not taken: mailbox unavailable/,
    class: "5",
    cause: "recipient-unknown",
    source: "Outlook.com postmaster troubleshooting, 550",
    matches: ["550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [x.prod.outlook.com]"],
    mustNotMatch: ["Requested mail action aborted, mailbox not found [x.prod.outlook.com]"],
  },
  {
    id: "microsoft.rate",
    scope: "microsoft",
    pattern:
      /server busy\b|ip address has been ratelimited|temporarily rate limited|as\(42004\)|account limit.{0,30}exceeded|\(as780090\)|too many (?:concurrent )?connections/,
    class: "4",
    cause: "rate-limited",
    source: `${microsoftDocument}, 4.7.500 to 4.7.699`,
    matches: [
      "451 4.7.650 The mail server [192.0.2.4] has been temporarily rate limited due to IP reputation. [x.prod.outlook.com] (S775)",
      "451 4.7.500 Server busy. Please try again later from [192.0.2.4]. (S77719) [x.prod.outlook.com]",
    ],
    mustNotMatch: ["Temporary server error. Please try again later. PRX4 [x.prod.outlook.com]"],
  },
  {
    id: "exchange.recipient-not-found",
    scope: "exchange",
    pattern: /resolver\.adr\.(?:recip(?:ient)?notfound|exrecipnotfound|invalidinsmtp|badprimary|invalid)/,
    cause: "recipient-unknown",
    source: `${microsoftDocument}, 5.1.1 and 5.1.10`,
    matches: [
      "RESOLVER.ADR.RecipNotFound; not found",
      "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    ],
    mustNotMatch: ["RESOLVER.ADR.Ambiguous; ambiguous address"],
  },
  {
    id: "exchange.not-authorized",
    scope: "exchange",
    pattern:
      /resolver\.rst\.(?:authrequired|notauthorized|restrictedtorecipientspermission|sendernotauthenticated|restrictedtorecipients)/,
    cause: "policy-rejected",
    source: `${microsoftDocument}, 5.7.1, 5.7.124 and 5.7.129`,
    matches: [
      "RESOLVER.RST.RestrictedToRecipientsPermission; not authorized to send to recipient because the sender isn't on the recipient's list of senders to accept mail from",
      "RESOLVER.RST.AuthRequired; authentication required",
    ],
    mustNotMatch: ["RESOLVER.RST.RecipSizeLimit; message too large for this recipient"],
  },
  {
    id: "exchange.size-limit",
    scope: "exchange",
    pattern: /resolver\.rst\.(?:recip|send)?sizelimit/,
    cause: "message-too-large",
    source: `${microsoftDocument}, 5.2.3`,
    matches: ["RESOLVER.RST.RecipSizeLimit; message too large for this recipient"],
    mustNotMatch: ["RESOLVER.RST.NotAuthorized; not authorized"],
  },
  {
    id: "exchange.quota",
    scope: "exchange",
    pattern: /storedrv\.deliver(?:y)?[.;:].{0,80}(?:mailbox full|quota)|mapiexceptionshutoffquotaexceeded/,
    cause: "mailbox-full",
    source: `${microsoftDocument}, 5.2.2`,
    matches: ["STOREDRV.Deliver: mailbox full. The following information should help identify the cause"],
    mustNotMatch: ["STOREDRV.Deliver; delivery result banned"],
  },
  {
    id: "exchange.mailbox-disabled",
    scope: "exchange",
    pattern: /storedrv\.deliver(?:y)?[.;:].{0,80}(?:disabled|account is inactive)|mapiexceptionmailboxdisabled/,
    cause: "mailbox-disabled",
    source: `${microsoftDocument}, 5.2.1`,
    matches: ["STOREDRV.Deliver; mailbox disabled, not accepting messages"],
    mustNotMatch: ["STOREDRV.Deliver: mailbox full."],
  },
  {
    id: "exchange.loop",
    scope: "exchange",
    pattern: /routing\.loopdetected|resolver\.fwd\.loop/,
    cause: "server-fault",
    source: `${microsoftDocument}, 5.4.6 and 5.4.14`,
    matches: ["ROUTING.LoopDetected; mail loop detected"],
    mustNotMatch: ["ROUTING.NoConnectorForAddressType; unable to route for address type"],
  },
  {
    id: "google.storage",
    scope: "google",
    pattern: /out of storage space|p=overquota(?:perm|temp)|exceeded (?:its|their|his) (?:storage )?quota/,
    cause: "mailbox-full",
    source: `${googleDocument}, 4.2.2 and 5.2.2`,
    matches: [
      "552-5.2.2 The recipient's inbox is out of storage space and inactive. Please 552 5.2.2 https://support.google.com/mail/?p=OverQuotaPerm x - gsmtp",
    ],
    mustNotMatch: ["https://support.google.com/mail/?p=NoSuchUser x - gsmtp"],
  },
  {
    id: "google.disabled",
    scope: "google",
    pattern: /tried to reach is (?:inactive|disabled)|p=disableduser/,
    cause: "mailbox-disabled",
    source: `${googleDocument}, 5.2.1`,
    matches: [
      "The email account that you tried to reach is inactive. Learn more at https://support.google.com/mail/?p=DisabledUser x - gsmtp",
    ],
    mustNotMatch: ["The email account that you tried to reach does not exist. x - gsmtp"],
  },
  {
    id: "google.receiving-rate",
    scope: "google",
    pattern: /receiving mail (?:at a rate|too quickly)|p=receivingrate/,
    cause: "rate-limited",
    source: `${googleDocument}, 4.2.1 and 5.2.1`,
    matches: [
      "The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. https://support.google.com/mail/?p=ReceivingRate x - gsmtp",
    ],
    mustNotMatch: ["The email account that you tried to reach is inactive. x - gsmtp"],
  },
  {
    id: "google.no-such-user",
    scope: "google",
    pattern: /tried to reach does not exist|p=nosuchuser|answer=6596\b/,
    cause: "recipient-unknown",
    source: `${googleDocument}, 5.1.1`,
    matches: ["550 5.1.1 http://support.google.com/mail/bin/answer.py?answer=6596 x - gsmtp"],
    mustNotMatch: ["The email account that you tried to reach is disabled. x - gsmtp"],
  },
  {
    id: "google.unauthenticated",
    scope: "google",
    pattern:
      /unauthenticated email from|p=dmarcrejection|p=unauthenticatedemail|requires all senders to authenticate|to pass authentication checks|authentication information is not available/,
    cause: "authentication-failed",
    source: `${googleDocument}, 5.7.26`,
    matches: [
      "Unauthenticated email from example.com is not accepted due to domain's DMARC policy. https://support.google.com/mail/?p=DmarcRejection x - gsmtp",
      "This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. x - gsmtp",
    ],
    mustNotMatch: ["this message is likely suspicious due to the very low reputation of the sending domain x - gsmtp"],
  },
  {
    id: "google.reputation",
    scope: "google",
    pattern:
      /(?:very )?low reputation of the sending|unsolicited mail originating from your ip|p=ipdenied|unusual rate of unsolicited/,
    cause: "reputation-blocked",
    source: `${googleDocument}, 4.7.0 and 5.7.1`,
    matches: [
      "Gmail has detected that this message is likely suspicious due to the very low reputation of the sending domain. x - gsmtp",
      "Our system has detected an unusual rate of unsolicited mail originating from your IP address. x - gsmtp",
    ],
    mustNotMatch: ["Our system has detected that this message is likely unsolicited mail. x - gsmtp"],
  },
  {
    id: "google.content",
    scope: "google",
    pattern:
      /likely (?:to be )?unsolicited mail|content presents a potential security|p=unsolicitedmessageerror|p=blockedmessage|not rfc 5322 compliant|multiple addresses in from/,
    cause: "content-rejected",
    source: `${googleDocument}, 5.7.0 and 5.7.1`,
    matches: [
      "Our system has detected that this message is likely unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been blocked. x - gsmtp",
      "This message was blocked because its content presents a potential security issue. x - gsmtp",
    ],
    mustNotMatch: ["due to the very low reputation of the sending IP address x - gsmtp"],
  },
  {
    id: "google.group",
    scope: "google",
    pattern: /group .{0,120}(?:may not exist|doesn't exist)|permission to post messages to the group/,
    cause: "policy-rejected",
    source: "Google Groups: notices of groups that cannot be posted to",
    matches: [
      "the group you tried to contact (staff) may not exist, or you may not have permission to post messages to the group. https://support.google.com/a/example.com/bin/topic.py",
    ],
    mustNotMatch: ["The email account that you tried to reach does not exist. x - gsmtp"],
  },
  {
    id: "yahoo.complaints",
    scope: "yahoo",
    pattern: /temporarily deferred due to (?:unexpected volume or )?user complaints|\[tss?0[1-9]\]|\[pl0[1-9]\]/,
    class: "4",
    cause: "rate-limited",
    fault: "us",
    source: `${yahooDocument}, TSS04`,
    matches: [
      "421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes",
    ],
    mustNotMatch: [
      "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes",
    ],
  },
  {
    id: "yahoo.disabled",
    scope: "yahoo",
    pattern:
      /mailbox (?:is )?(?:disabled|not active) ?\(?5?5?4?\.?30|account has been disabled or discontinued|554\.30/,
    cause: "mailbox-disabled",
    source: `${yahooDocument}, 554.30`,
    matches: [
      "554 30 Sorry, your message to a@example.com cannot be delivered. This mailbox is disabled (554.30). https://postmaster.yahooinc.com/error-codes",
    ],
    mustNotMatch: ["dd This user doesn't have a yahoo.com account - mta1082.mail.bf1.yahoo.com"],
  },
  {
    id: "apple.inactive",
    scope: "apple",
    pattern: /inactive email address/,
    cause: "mailbox-disabled",
    source: "iCloud Mail replies",
    matches: ["550 5.1.1 <a@icloud.com>: inactive email address; see support.apple.com"],
    mustNotMatch: ["550 5.1.1 unknown or illegal alias; see support.apple.com"],
  },
  {
    id: "apple.private-relay-sender",
    scope: "any",
    pattern: /<address>: unauthorized sender/,
    cause: "policy-rejected",
    fault: "us",
    source: "Apple: private relay takes mail from registered senders only",
    matches: ["550 5.1.1 <bounce@mail.example.com>: unauthorized sender (in reply to RCPT TO command)"],
    mustNotMatch: ["550 5.1.1 <a@example.com>: user unknown"],
  },
  {
    id: "orange.too-many",
    scope: "orange",
    pattern: /\bofr005_10[1-9]|\bofr_?10[0-9]\b|trop de connexions|lpn00[67]_[14]0\d/,
    class: "4",
    cause: "rate-limited",
    source: "Orange postmaster: codes OFR",
    matches: [
      "421 smtp.orange.fr Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR005_104 [104]",
    ],
    mustNotMatch: ["550 Adresse d au moins un destinataire invalide. OFR_416 [416]"],
  },
  {
    id: "orange.blocked",
    scope: "orange",
    pattern: /\bofr_?006_|adresse ip source bloquee|\bofr_999|lpn001_10\d|lpn00[67]_107|#216 lpn|service refus/,
    cause: "reputation-blocked",
    source: "Orange and La Poste postmasters: codes OFR and LPN",
    matches: [
      "550 Adresse IP source bloquee pour incident de spam. Client host blocked for spamming issues. OFR006_102 [102]",
    ],
    mustNotMatch: ["550 5.5.0 Le compte du destinataire est bloque. The recipient account is blocked. LPN007_426"],
  },
  {
    id: "gmx.no-ptr",
    scope: "gmx",
    pattern: /bad dns ptr resource record/,
    cause: "reputation-blocked",
    source: "GMX and WEB.DE postmaster: error messages",
    matches: [
      "554 Nemesis ESMTP Service not available. No SMTP service. Bad DNS PTR resource record. http://postmaster.gmx.com/en/",
    ],
    mustNotMatch: ["550 Requested action not taken: mailbox unavailable http://postmaster.gmx.com/en/"],
  },
  {
    id: "mimecast.spam",
    scope: "mimecast",
    pattern: /mcspamsignature/,
    cause: "content-rejected",
    source: "Mimecast community: SMTP error codes",
    matches: ["554 rejected - MCSpamSignature.sa.2.2"],
    mustNotMatch: ["554 Host network not allowed - https://community.mimecast.com/"],
  },
  {
    id: "mimecast.policy",
    scope: "mimecast",
    pattern:
      /host network not allowed|email rejected due to security policies|administrative prohibition|envelope blocked|anti-spoofing policy/,
    cause: "policy-rejected",
    source: "Mimecast community: SMTP error codes",
    matches: ["554 Host network not allowed - https://community.mimecast.com/docs/DOC-1369#554"],
    mustNotMatch: ["550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550"],
  },
  {
    id: "godaddy.hourly",
    scope: "godaddy",
    pattern: /too many recipients this hour|\bib607\b/,
    cause: "rate-limited",
    source: "GoDaddy help: bounce error codes",
    matches: ["550 5.1.1 <a@example.com> - 203.0.113.2 has sent to too many recipients this hour. IB607"],
    mustNotMatch: ["550 5.1.1 <a@example.com> Recipient not found. https://www.secureserver.net/help/"],
  },
  {
    id: "ses.suppressed",
    scope: "any",
    pattern: /\bon the suppression list\b|account suppression list/,
    cause: "suppressed",
    source: "Amazon SES developer guide: suppression lists",
    matches: [
      "Amazon SES has suppressed sending to this address because it is on the suppression list for your account.",
    ],
    mustNotMatch: ["Amazon SES did not send the message to this address."],
  },
];

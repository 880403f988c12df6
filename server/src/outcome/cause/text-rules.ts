/**
 * Words that mean one thing whoever says them. Order matters: what is more specific stands first (a full mailbox before
 * an unknown one, because servers say both in one breath). The rows are data; their examples are run by the tests.
 */
import type { TextRule } from "./cause-rule.ts";

interface Row extends Omit<TextRule, "scope" | "source"> {
  readonly source?: string;
}

const rows: readonly Row[] = [
  {
    // First, because what follows in this sentence may hold names that a stranger chose for his hosts and certificates.
    id: "text.our-tls-policy",
    pattern: /^a secure connection is demanded by the .{1,40} for this domain, so nothing was sent/,
    cause: "tls-failed",
    source: "our own words, outbound/route/tls-policy.ts",
    matches: [
      "A secure connection is demanded by the MTA-STS policy for this domain, so nothing was sent: Host: mailbox-full.example. is not in the cert's altnames",
    ],
    mustNotMatch: ["550 mailbox full: a secure connection is demanded by the rules for this domain"],
  },
  {
    id: "text.suppressed",
    pattern: /suppression list|address (?:is |was )?suppressed|suppressed (?:recipient|address)/,
    cause: "suppressed",
    matches: ["Recipient is on our suppression list", "5.1.0 suppressed recipient"],
    mustNotMatch: ["notifications are suppressed for this user"],
  },
  {
    id: "text.null-mx",
    pattern: /null mx|nullmx|does(?:n't| not) (?:accept|receive) (?:any )?e?-?mail\b(?! from)/,
    cause: "domain-invalid",
    source: "RFC 7505 §4",
    matches: [
      "Domain example.org does not accept mail (nullMX)",
      "The domain doesn't receive email according to the administrator: returned Null MX",
    ],
    mustNotMatch: ["this system does not accept mail from dynamic addresses"],
  },
  {
    id: "text.host-takes-no-mail",
    pattern: /\b521 .{0,120}(?:not accepting network messages|does(?:n't| not) accept (?:any )?(?:e-?)?mail)/,
    cause: "domain-invalid",
    source: "RFC 7504 §3",
    matches: ["521 5.3.2 <a@example.com>: Recipient address rejected: System not accepting network messages."],
    mustNotMatch: ["421 4.3.2 System not accepting network messages"],
  },
  {
    // cPanel: its router for domains that the DNS does not know.
    id: "text.domain-or-account",
    pattern: /account or domain may not exist, they may be blacklisted|missing the proper dns entries/,
    cause: "domain-invalid",
    source: "cPanel: routers of its Exim configuration",
    matches: [
      "The mail server could not deliver mail to a@example.com. The account or domain may not exist, they may be blacklisted, or missing the proper dns entries.",
    ],
    mustNotMatch: ["550 The account does not exist"],
  },
  {
    // At MAIL the same words speak of our sender.
    id: "text.named-domain-missing",
    pattern: /(?:^|\d )[a-z0-9.-]{2,200}\.[a-z]{2,20} does not exist\b/,
    steps: ["rcpt", "data", "body"],
    cause: "domain-invalid",
    matches: ["553 staff.example.com does not exist"],
    mustNotMatch: ["550 5.1.1 <a@example.com> does not exist"],
  },
  {
    // Exim made the notice itself: its DNS knows no way. Said by a remote server it speaks of the mailbox.
    id: "text.unrouteable-here",
    pattern: /^unrouteable address\b/,
    class: "none",
    cause: "domain-invalid",
    source: "Exim specification: routers",
    matches: ["Unrouteable address"],
    mustNotMatch: ["550 Unrouteable address"],
  },
  {
    id: "text.sender-refused",
    pattern:
      /sender (?:address |domain )?(?:is )?(?:rejected|refused|denied|not allowed|invalid|blocked|not accepted)|domain of sender address|unroutable sender|sender verif|return path.{0,40}(?:invalid|not|cannot)|from: domain is invalid|envelope (?:sender|from).{0,40}(?:invalid|not|reject)|block-send-er|sender denied|from:? .{0,30}(?:invalid|not valid|does not exist)|valid from\b|sender.{0,40}(?:does(?:n't| not) exist|do not exist|not exist|unknown|verification failed)|sender not (?:allowed|authori[sz]ed|permitted)/,
    cause: "policy-rejected",
    fault: "us",
    source: "RFC 3463 §3.2, X.1.7 and X.1.8",
    matches: [
      "501 5.1.8 Sender address rejected",
      "553 5.1.8 <a@example.com>... Domain of sender address a@example.com does not exist",
      "550 Unroutable sender address",
      "550 sender verify failed",
    ],
    mustNotMatch: ["550 recipient rejected"],
  },
  {
    id: "text.domain-not-found",
    pattern:
      /host or domain name not found|domain (?:name )?(?:not found|does not exist|is invalid for the recipient)|unrouteable (?:mail )?domain|nxdomain|\bno mx (?:or a |record )|couldn't find any host|no such domain|bad destination system address|\bhost unknown\b|unknown host\b|invalid domain\b|all relevant mx records point to non-existent hosts|illegal host\/domain name|couldn't find a mail exchanger or ip address|invalid recipient domain|domain (?:is )?not reachable|name service error for name=.{1,253}host not found|no valid (?:mx|hosts?) (?:found|for)|(?<!sender )(?<!sending )(?<!from: )\b(?:mail )?domain .{0,60}(?:not (?:be )?(?:found|reachable|resolved|registered)|does(?:n't| not) exist|unrouteable|unreachable)|unrouteable .{0,20}domain|(?:unknown|nonexistent|non-existent) (?:mail )?(?:domain|host)\b|host (?:is )?(?:unknown|not found)\b|bad destination (?:host|domain)|dns hard error|domain(?:e)? (?:inconnu|unbekannt|desconocid|sconosciut)/,
    cause: "domain-invalid",
    matches: [
      "Host or domain name not found. Name service error for name=staff.example type=AAAA: Host not found",
      "DNS Error: DNS type 'mx' lookup of example.comn responded with code NXDOMAIN",
      "Sorry, I couldn't find any host named staff.example. (#5.1.2)",
      "454 4.4.4 [internal] no MX or A for domain",
    ],
    mustNotMatch: [
      "Sender address rejected: Domain not found",
      "Domain of sender address a@example.com does not exist",
      "host mx.example.com said: 550 user unknown",
    ],
  },
  {
    id: "text.mailbox-full",
    pattern:
      /(?:mail ?box|mail ?folder|inbox|maildrop|account|user'?s? (?:mailbox|quota)|box|storage|disk).{0,30}\b(?:is |are )?(?:full\b|over ?quota|exceed)|over (?:the |its |his |her |their )?(?:disk |storage |mail |mailbox |allowed )?quota\b|overquota|quota (?:has been |is |was )?(?:exceeded|reached|full|usage exceeded|violation)|exceed(?:s|ed|ing)? (?:the |its |his |her |their |your )?(?:disk |storage |mail |mailbox |maximum |allowed )?quota|(?:insufficient|not enough|does not have enough|no) (?:storage |mail |mailbox )?(?:space|quota|room)\b(?! (?:on|in) (?:the )?(?:server|queue|system))|mailbox size limit|mailbox (?:has )?(?:reached|exceeded)|exceeded storage allocation|e4\.12 user mailbox full|\bfull (?:mail ?box|inbox|mail ?folder)|bo(?:î|i)te .{0,30}pleine|postfach .{0,40}(?:voll|überfüllt)|casella .{0,30}piena|buz[oó]n .{0,40}(?:lleno|llena)|caixa .{0,40}cheia|postvak .{0,20}vol\b|ящик .{0,20}переполнен|(?:would|will) exceed .{0,30}(?:quota|mailbox)|over (?:the |its )?(?:storage|mailbox|disk) (?:limit|allocation)|mailbox .{0,30}over (?:the |its )?(?:size )?limit|out of (?:storage|disk) space|recipient.{0,20}exceeded .{0,30}(?:storage|quota|limit)|messages in recipient's mailbox exceeded|exceeds allowed size|mailbox full|邮箱.{0,10}(?:已满|容量)|メールボックス.{0,20}(?:いっぱい|容量)/,
    cause: "mailbox-full",
    matches: [
      "552 5.2.2 <a@example.com>: user is over quota",
      "550 5.1.1 Quota exceeded for this recipient",
      "552 Account(s) <a@example.com> does not have enough space",
      "Mailbox quota usage exceeded",
      "The e-mail message could not be delivered because the user's mailfolder is full.",
      "sorry, mailbox a@example.com is over quota temporarily (#5.1.1)",
    ],
    mustNotMatch: [
      "452 4.3.1 Insufficient system storage",
      "552 message exceeds fixed maximum message size",
      "452 4.4.5 Insufficient disk space; try again later",
      "550 sending quota of your account: user unknown",
      "sender rate over limit",
    ],
  },
  {
    id: "text.message-too-large",
    pattern:
      /(?:message|mail|e-?mail|size|length).{0,30}\b(?:(?<!queue |for )too (?:large|big|long)|exceeds? (?:the )?(?:fixed |administrative |maximum |allowed |size |message )?(?:maximum |message |size )?(?:limit|size))|(?:too (?:large|big)) (?:a )?(?:message|mail)|maximum (?:message )?size exceeded|size limit exceeded|line limit exceeded|line too long|(?:message|mail|size|line|length).{0,20}limit (?:is |was )?(?:exceeded|reached)|(?:message|mail|size).{0,20}(?:larger|greater|bigger) than|exceeds .{0,30}(?:maximum|message|mail) size|nachricht.{0,20}zu gro(?:ß|ss)|message trop (?:volumineux|gros)/,
    cause: "message-too-large",
    source: "RFC 1870 §6",
    matches: [
      "552 5.3.4 Message size exceeds fixed limit",
      "552 5.2.3 Message length exceeds administrative limit.",
      "message too large for this recipient",
    ],
    mustNotMatch: [
      "552 5.6.0 Headers too large (3 max)",
      "message has been in the queue too long",
      "Mailbox size limit exceeded",
    ],
  },
  {
    id: "text.greylisted",
    pattern:
      /gr[ea]y-?list|try again in (?:a few |some )?(?:\d{1,5} )?(?:minutes|seconds).{0,30}gr[ea]y|postgrey|temporarily (?:rejected|deferred).{0,60}(?:retry|first time|new sender)/,
    cause: "greylisted",
    source: "RFC 6647 §3",
    matches: [
      "450 4.2.0 <a@example.com>: Recipient address rejected: Greylisted, see http://postgrey.example/",
      "451 4.7.1 Greylisting in action, please come back later",
    ],
    mustNotMatch: ["450 4.7.1 Client host rejected: cannot find your hostname"],
  },
  {
    id: "text.mailbox-disabled",
    pattern:
      /(?:account|mail ?box|user|recipient|address|box|casilla)\b.{0,40}\b(?:is |has been |was |are )?(?:currently |temporarily )?(?:disabled|deactivated|suspended|discontinued|inactive|closed|blocked by (?:the )?admin|expired|not active|expirado|locked|terminated|inactivated)\b|(?:disabled|inactive|suspended|expired) (?:recipient|user|account|mail ?box|e?-?mail address)|no longer (?:employed|with (?:the|this) company|in use|active|valid|available|accepts?)|recipient account is blocked|compte (?:du destinataire )?est (?:bloque|desactive)|not accepting (?:messages|mail) for this (?:user|account|recipient)|mailbox disabled, not accepting|(?:account|mail ?box|user|address) (?:has been |was |is )?(?:cancell?ed|deleted|removed|blocked|dormant|deactivated|unsubscribed)\b|(?:konto|postfach) .{0,20}(?:gesperrt|deaktiviert)|compte .{0,20}(?:ferm|désactiv|suspend)|cuenta .{0,20}(?:desactivad|suspendid|cancelad)|user (?:is )?(?:disabled|suspended|locked)/,
    cause: "mailbox-disabled",
    matches: [
      "554 delivery error: dd Sorry your message to a@example.com cannot be delivered. This account has been disabled or discontinued [#102].",
      "525 5.7.13 Disabled recipient address",
      "550 5.5.0 Le compte du destinataire est bloque. The recipient account is blocked. LPN007_426",
      "Local mailbox a@example.com is unavailable: account is disabled",
      "Esta casilla ha expirado por falta de uso.",
    ],
    mustNotMatch: [
      "delivery temporarily suspended: connect to mx.example.com: Connection refused",
      "Envelope expired",
      "550 user unknown",
    ],
  },
  {
    id: "text.rate-limited",
    pattern:
      /too many (?:simultaneous |concurrent )?(?:connections|sessions|messages|emails?|mails|recipients|requests|errors from your)|too much (?:mail|traffic)|(?:rate|connection|message|recipient|sending|hourly|daily) (?:limit|rate).{0,25}(?:exceed|reach)|rate[ -]?limit|throttl|slow(?:ing)? down|exceeded.{0,25}(?:connections?|messages?) (?:per|limit)|connection (?:rate|frequency) limit|receiving mail (?:at a rate|too quickly)|try again later.{0,20}too fast|sending too (?:fast|quickly)|resources restricted|ip frequency limited|(?:ip|connection|message|sender|sending|user|domain) frequency (?:is )?limited|exceed.{0,50}per (?:hour|minute|day|second)\b|max(?:imum)? (?:number of )?(?:concurrent |simultaneous )?(?:connections|messages|recipients)|too (?:fast|frequent)|(?:temporarily|currently) throttled|try later.{0,20}(?:rate|limit)/,
    cause: "rate-limited",
    matches: [
      "421 4.7.0 Too many connections from your host, slow down",
      "450 4.7.1 Error: too much mail from 192.0.2.4",
      "451 4.7.1 Received too many messages, slow down",
      "452 4.5.3 Too many recipients",
    ],
    mustNotMatch: ["554 5.4.6 Too many hops", "554 5.7.7 too many equal X-headers"],
  },
  {
    id: "text.authentication-failed",
    pattern:
      /\bdmarc\b.{0,60}(?:polic|fail|reject|check|verif|align)|(?:fail|reject|not pass|didn't pass|does not pass)\w{0,4} .{0,40}\b(?:dmarc|dkim|spf)\b(?!-)|\b(?:spf|dkim)\b.{0,60}(?:fail|not (?:valid|pass|verif|permitted|allowed)|unverif|invalid|soft-?fail)|sender policy framework|not (?:an )?authori[sz]ed to send (?:mail |email )?(?:from|on behalf)|unauthenticated (?:email|sender(?!s not allowed))|sender (?:id|domain).{0,20}(?:could not be )?authenticat|openspf\.(?:org|net)|invalid ip for sending mail of domain|purported responsible address|(?:authentication|dkim|dmarc|spf|arc) (?:check|checks|verification|validation|evaluation) (?:has |have )?fail|fails? to pass .{0,20}(?:authentication|spf|dkim|dmarc)|unauthenticated mail|not (?:a )?(?:permitted|designated|authorized) sender/,
    cause: "authentication-failed",
    source: "RFC 7208, RFC 6376, RFC 7489",
    matches: [
      "550 5.7.1 Email rejected per DMARC policy for example.com",
      "550 5.7.509 Access denied, sending domain EXAMPLE.COM does not pass DMARC verification and has a DMARC policy of reject.",
      "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
      "550 SPF check failed: 192.0.2.4 is not allowed to send mail from example.com",
    ],
    mustNotMatch: [
      "550 Please turn on SMTP Authentication in your mail client.",
      "554 Transaction failed: Duplicate header 'DKIM-Signature'.",
    ],
  },
  {
    id: "text.reverse-dns",
    pattern:
      /(?:reverse|ptr|rdns)\b.{0,40}(?:fail|dns|record|not|missing|lookup|invalid|required|valid)|(?:no|without|missing|fix|valid|have a) (?:a )?(?:valid )?(?:reverse|ptr|rdns)\b|cannot find your (?:reverse )?hostname|ip name lookup failed|unverifyable sending ip|domain .{1,80} mismatches client ip|cannot resolve your (?:address|ip)|(?:ip|host|address|client).{0,40}(?:name )?lookup failed|(?:client|host|ip|server).{0,40}(?:does(?:n't| not) resolve|unresolvable|cannot be resolved)|mismatch.{0,30}(?:client ip|\bdns\b|\bptr\b)|\bhelo\b.{0,60}(?:invalid|not resolve|mismatch|does not match|not match)|generic (?:ptr|reverse|rdns|hostname)|unverif\w{0,5} sending/,
    cause: "reputation-blocked",
    source: "RFC 7372 §3.3",
    matches: [
      "554 5.7.1 Reverse DNS failed.",
      "550 This system will not accept messages from servers/devices with no reverse DNS.",
      "450 4.7.1 Client host rejected: cannot find your reverse hostname",
      "450 4.7.1 Access denied. IP name lookup failed [192.0.2.222]",
    ],
    mustNotMatch: ["domain name lookup of the recipient failed"],
  },
  {
    id: "text.reputation",
    pattern:
      /\b(?:rbl|dnsbl|dnsrbl)\b|spamhaus|spamcop|barracudacentral|abuseat|sorbs\b|(?<!be )black-?list|block-?list|(?:bad|poor|low|no|none\/bad) (?:ip |sender |domain )?reputation|reputation of|blocked (?:using|by|for) .{0,60}(?:list|abuse|spam)|client host .{0,60}blocked|(?:your|sending|source|this) (?:ip|host|network|server|mail server|ip address)(?: address)?.{0,60}(?:blocked|banned|not allowed to connect|has been rejected|listed)|ip.{0,20}\bblocked\b|not accepting connections|blocked for abuse|open relay|dynamic ip|messages from .{0,50} weren't sent|use the smtp server of your isp|access denied\.\.\.[0-9a-f]{10}|banned (?:sending )?(?:ip|host|server|sender)|(?:ip|host|server|network|sender)(?: address)?s? .{0,30}(?:banned|black-?listed|blocked|denylisted)|(?:ip|host|client|server|network).{0,40}(?:on|in) (?:our |a |the )?.{0,30}\b(?:block|black|deny|reject)[ -]?list|(?:use|through|via) .{0,40}(?:isp|internet service provider)\b|dial-?up|dynamic (?:ip|address|pool)|residential|(?:sender|ip|domain) reputation|\breputation\b.{0,30}(?:low|poor|bad|block)|too many unwanted messages|no smtp service|sender ?base|talosintelligence|cloudmark|trend ?micro.{0,40}(?:rbl|list)|sender ?score|suspicious (?:ip|host)|abuse (?:complaints|reports)|\buribl\b|\bsurbl\b|(?<!not )listed (?:in|on|at|by) /,
    cause: "reputation-blocked",
    source: "RFC 5782, notices of the usual lists",
    matches: [
      "554 5.7.1 Service unavailable; Client host [192.0.2.49] blocked using cbl.abuseat.org",
      "550 5.7.1 IP address blacklisted by recipient",
      "554 IP=192.0.2.67 - None/bad reputation. Ask your postmaster for help",
      "550 Your host is not allowed to connect to this server.",
    ],
    mustNotMatch: ["550 user blocked", "550 5.7.1 Message content rejected"],
  },
  {
    id: "text.recipient-unknown",
    pattern:
      /(?:no|unknown|invalid|nonexistent|non-existent|illegal|not a valid|bad|undefined|no valid) (?:such )?(?:local )?(?:user|recipients?|mailbox|mail ?box|account|alias|address(?:ee)?|local part|customer|person)\b(?!.{0,12}(?:sender|from))|no mailbox (?:here )?by that name|(?:user|recipient|mailbox|account|addressee|alias|customer|person|email address|e-mail address|<address>).{0,60}\b(?:unknown|not (?:found|known|exist|listed|valid|in (?:the )?(?:local|directory|our))|do(?:es)?(?:n't|sn't| not) exist|doesn't have an? .{0,80}account|is invalid|not (?:a )?known|isn't (?:known|here)|could(?:n't| not) be found|wasn't found)|(?:does not|doesn't|not) (?:exist|have).{0,20}\b(?:user|mailbox|account)|address does(?:n't| not) exist|address (?:not found|unknown|rejected\.$|couldn't be found|wasn't found)|unknown (?:or illegal|to address|recipient|user|address)|not our (?:user|customer)|user not found|no such (?:address|person)|utilisateur inconnu|destinataire (?:invalide|inconnu|desconocido)|adresse d au moins un destinataire invalide|destinatario (?:desconocido|sconosciuto|no existe)|empf(?:ä|ae)nger(?:adresse)? (?:unbekannt|existiert nicht)|(?:usuario|cuenta) (?:desconocid|no existe|inexistente)|mailbox unavailable or (?:access denied|not local)|unrouteable address|undeliverable address|no longer on server|relaying denied.{0,20}no such user|bad destination mailbox address|user (?:is )?not local|unroutable address(?!.{0,10}sender)|that user isn't|recipient (?:address )?rejected\.?(?: \(|$)|recipient rejected: <address>|check (?:if|that|whether) (?:the )?(?:e-?mail )?address is correct|(?:benutzer|empf(?:ä|ae)nger|postfach|adresse) .{0,40}(?:unbekannt|existiert nicht|nicht gefunden|nicht bekannt)|(?:utente|indirizzo|casella) .{0,40}(?:sconosciut|inesistent|non esiste|non trovat)|(?:usuario|usuário|cuenta|conta|destinat[aá]rio|buz[oó]n|endereço|direcci[oó]n) .{0,40}(?:no existe|não existe|inexistente|desconocid|desconhecid|no encontrad|não encontrad)|(?:adresse|utilisateur|destinataire|compte) .{0,40}(?:inconnu|n'existe pas|inexistant|introuvable)|(?:gebruiker|ontvanger|adres) .{0,40}(?:onbekend|bestaat niet)|(?:użytkownik|adresat|konto) .{0,40}(?:nieznan|nie istnieje)|(?:пользовател|получател|почтовый ящик|адрес).{0,40}(?:не найден|не существует|неизвест)|(?:用户|收件人|邮箱|地址).{0,20}(?:不存在|未找到)|(?:宛先|ユーザ|アドレス).{0,40}(?:見つかりません|存在しません|不明)|(?:recipient|user|mailbox|address|rcpt) (?:verification|validation|lookup|check) (?:has )?failed|(?:recipient|address(?:ee)?|user) (?:is )?(?:not known|unrecogni[sz]ed|nonexistent|non-existent|bad)|(?:unable|failed) to (?:find|verify|validate|locate|look ?up) (?:the )?(?:user|recipient|mailbox|address)|nobody (?:here )?(?:by|with) that|no (?:one|account) (?:here )?(?:by|with|at) (?:that|this)|has no mailbox|does(?:n't| not) have (?:a|an) (?:mailbox|account|inbox)|mailbox unavailable or|recipient rejected\b|not (?:a )?(?:local|known|valid) (?:user|recipient|mailbox|address)|\brecipnotfound\b|delivery to this (?:user|recipient) .{0,20}not possible/,
    cause: "recipient-unknown",
    steps: ["rcpt", "data", "body"],
    matches: [
      "550 5.1.1 <a@example.com>... User Unknown",
      "550 <a@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
      "511 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
      "550 Unknown user a@example.com",
      "554 delivery error: dd This user doesn't have a example.com account (a@example.com) [0]",
      "550 5.7.1 No such user!",
      "551 not our customer",
      "550 evor@example.com unknown user account",
      "User a.person (a@example.com) not listed in Domino Directory",
      "yannja wasn't found at example.com. Recipient unknown To address",
      "550 unrouteable address",
      "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]",
      "5.1.0 Address rejected.",
    ],
    mustNotMatch: [
      "550 Unroutable sender address",
      "553 5.1.8 <a@example.com>... Domain of sender address a@example.com does not exist",
      "454 4.7.1 <a@example.com>: Relay access denied",
      "501 5.1.8 Sender address rejected",
      "550 5.2.0 From: Domain is invalid. Please provide a valid From",
    ],
  },
  {
    id: "text.virus-or-attachment",
    pattern:
      /\bvirus|malware|infected|phish|(?:attachment|file type|extension).{0,40}(?:not allowed|prohibited|blocked|forbidden|reject)|(?:dangerous|suspicious|executable|forbidden|banned) (?:attachment|file|content)|trojan|\bworm\b/,
    cause: "content-rejected",
    matches: ["550 Virus Detected; Content Rejected", "554 attachment type not allowed"],
    mustNotMatch: ["550 user unknown"],
  },
  {
    id: "text.spam",
    pattern:
      /\bspam\b|\bube\b|\buce\b|\bjunk mail\b|unsolicited|(?:message )?content (?:was |is )?(?:rejected|refused|blocked)|message.{0,20}looks like|considered .{0,20}bulk|high probability of|spammy\b|spam-?(?:signature|score|message|mail|filter|like|detected)|mcspam|spamassassin|classified as (?:spam|junk|bulk)|(?:identified|detected|flagged|marked|recogni[sz]ed) as (?:possible )?(?:spam|junk|bulk)|bulk (?:mail|email)|content filter|(?:message|mail|content|body) .{0,20}(?:contains|contained) .{0,30}(?:url|link|prohibited|banned|blacklisted)/,
    cause: "content-rejected",
    matches: [
      "550 5.7.1 Message content rejected, UBE, id=00000-22",
      "554 5.7.0 Reject, id=20025-09 - SPAM",
      "550 5.7.1 Rejected by spam filter",
      "554 5.7.1 Email cannot be delivered. Reason: Email flagged as Spam.",
    ],
    mustNotMatch: ["550 user unknown, see the anti-spamming rules"],
  },
  {
    id: "text.header-too-large",
    pattern: /headers? (?:is |are )?too (?:large|long|big)/,
    cause: "content-rejected",
    fault: "us",
    source: "RFC 3463 §3.7",
    matches: ["552 5.6.0 Headers too large (3 max)"],
    mustNotMatch: ["552 5.3.4 message too large"],
  },
  {
    // What is asked for is another form of the mail: a rule of theirs, no suspicion.
    id: "text.malformed",
    pattern:
      /(?:duplicate|multiple|too many equal|missing|malformed|invalid|illegal) (?:x-)?header|headers? (?:error|syntax)|not (?:rfc|compliant).{0,20}(?:compliant|5322|2822)|rfc ?(?:2822|5322).{0,30}complian|without (?:a )?to: field|multiple addresses in from|mime.{0,20}(?:invalid|malformed|error)|(?:headers?|message format|date field|line ends?) .{0,30}(?:malformed|not valid|invalid|missing|too many)|bare (?:lf|cr|linefeed)|(?:non-?ascii|8-?bit|invalid) characters? in|messages? without .{0,30}(?:header|subject|date|message-id)/,
    cause: "policy-rejected",
    fault: "us",
    source: "RFC 5322 §3.6",
    matches: ["554 Transaction failed: Duplicate header 'DKIM-Signature'.", "554 5.7.0 Header error"],
    mustNotMatch: ["550 5.1.1 invalid recipient", "552 5.6.0 Headers too large (3 max)"],
  },
  {
    id: "text.tls",
    pattern:
      /must issue a starttls|starttls.{0,40}(?:fail|required|not offered|was not offered|error|unavailable)|tls.{0,30}(?:handshake|negotiat|required|is required|not available|fail)|(?:require|need)s? (?:tls|encryption|an encrypted)|ssl_connect|certificate (?:verif|not trusted|has expired)|(?:server )?certificate.{0,20}(?:not trusted|verification failed|expired)|(?:mta-sts|dane|tlsa).{0,60}(?:fail|no|not|required)|(?:session|connection|channel) (?:encryption|is not encrypted)|encryption (?:is )?(?:required|needed)|starttls (?:is )?required/,
    cause: "tls-failed",
    source: "RFC 3207 §4",
    matches: [
      "530 5.7.0 Must issue a STARTTLS command first",
      "4.7.5 Server certificate not trusted",
      "TLS is required, but was not offered by host mx.example.com",
    ],
    mustNotMatch: ["host mx.example.com said: 550 user unknown"],
  },
  {
    id: "text.relay-denied",
    pattern:
      /relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited)|(?:unable|not permitted|not allowed|cannot) to relay|relay(?:ing)?.{0,20}(?:denied|prohibited|not permitted)|not a gateway|rcpthosts|(?:we do(?:n't| not)|will not|cannot|not allowed to|does(?:n't| not)) relay|relay(?:ing)? .{0,20}(?:refused|rejected|disabled|forbidden|blocked)|not (?:permitted|allowed|authori[sz]ed) to relay|\bno relay(?:ing)?\b|not a local domain|domain .{0,40}not (?:local|hosted|handled|accepted) here/,
    cause: "policy-rejected",
    matches: [
      "554 5.7.1 <a@example.com>: Relay access denied",
      "550 5.7.1 Unable to relay",
      "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
    ],
    mustNotMatch: ["550 5.7.1 delivery not authorized, message refused"],
  },
  {
    id: "text.policy",
    pattern:
      /polic(?:y|ies)\b.{0,30}(?:violat|reason|reject|block|refus|restrict|prohibit)|(?:due to|for|by|local|security|site|administrative|company) polic(?:y|ies)|access (?:is )?denied|not (?:permitted|authori[sz]ed|allowed) to (?:send|post|deliver|mail)|permission to (?:send|post)|recipient preferences|(?:delivery )?not authori[sz]ed, message refused|smtp auth(?:entication)? (?:is )?(?:required|in your)|turn on smtp auth|administrative(?:ly)? (?:prohibit|den)|protocol violation|refused by (?:the )?(?:recipient|administrator|policy)|accept list|geo-?block|country.{0,20}blocked|this group|group .{0,120}(?:may not exist|permission)|unauthenticated senders not allowed|authentication (?:is )?required|protocol (?:violation|error)|(?:network|host|domain|country|sender|server) (?:is )?not allowed|(?:rejected|refused|blocked|denied|declined|discarded) (?:by|due to|because of|for) .{0,40}(?:polic|rule|administrat|preference|security|recipient|restriction|organi[sz]ation)|prohibited by|forbidden by|restricted (?:to|by|recipient|address)|recipient (?:has )?(?:refused|blocked|does not (?:want|accept))|only accepts (?:mail|messages|email)|allowed to send (?:messages|mail|e-?mail) to|(?:does(?:n't| not)|don't|do not) have permission|not (?:a )?member(?:s)? of|moderat(?:ed|or)|compliance|quarantin/,
    cause: "policy-rejected",
    matches: [
      "554 5.7.9 Message not accepted for policy reasons.",
      "550 5.7.0 Local Policy Violation",
      "550 5.7.1 delivery not authorized, message refused",
      "550 5.1.1 Refused due to recipient preferences",
      "550 Please turn on SMTP Authentication in your mail client.",
    ],
    mustNotMatch: ["550 user unknown"],
  },
  {
    id: "text.connection",
    pattern:
      /connection (?:was )?(?:timed out|refused|reset|dropped|lost|closed|failed|timeout)|conversation with .{1,253} timed out|lost connection|no route to host|network (?:is )?(?:unreachable|error)|timed out|timeout exceeded|\btimeout\b|time limit exceeded|(?:wasn't|not|un)(?: )?able to (?:establish|connect|open).{0,40}(?:connection|smtp|host)|did not accept our requests to connect|could not (?:connect|be contacted|deliver for the last)|cannot connect|unable to connect|host (?:is )?(?:unreachable|not responding|down)|no answer from host|retry (?:timeout|time) (?:exceeded|not reached)|in the queue too long|(?:message|envelope|delivery time|time) (?:has )?expired|delivery (?:time|attempts).{0,30}(?:expired|exceeded)|cannot send message within|mail queue.{0,20}(?:too long|expired)|not been (?:delivered|collected) (?:for|after)|undelivered (?:for|after)|service timed|no response from|failed \d{1,4} attempts|delivery failed \d{1,4} attempts|couldn't be delivered after|could not be delivered for (?:too long|\d)|hosts have been failing|message will be retried|notification about a delay|name server.{0,40}(?:timeout|reply|fail)|(?:temporary|transient) (?:dns|resolution)|name service error.{0,60}(?:try again|malformed|timeout)|dns (?:lookup |query )?(?:failure|error|timeout)|response from .{0,60}timed|not yet been delivered|too many hops|mail loop|loop(?:s)? (?:back|detected)|not (?:be )?delivered within|within \d{1,4} (?:days?|hours?)|(?:host|server|system|peer) (?:is )?(?:not respond|not answer|unreachable|down)|(?:be |being )?retried (?:for|until|again)|(?:continue|keep|still) (?:to )?(?:try|trying|attempt)|(?:not|n't) yet (?:been )?(?:received|delivered)|about a delay|delivery (?:is |has been |was )?delayed|failing for a long time|could(?: not|n't) be reached|no answer\b|\bunreachable\b|(?:queue|delivery|message|retry) (?:lifetime|life ?time|timeout|time-out|time)\b.{0,20}(?:expired|exceeded|reached)|too old\b|connection (?:attempt|problem|failure|error|aborted)|network problem|(?:could|can) ?not (?:establish|open) (?:a )?connection|zeitüberschreitung|délai (?:dépassé|d'attente)|tiempo de espera/,
    cause: "network-or-timeout",
    matches: [
      "connect to mx.example.com[192.0.2.79]:25: Connection timed out",
      "lost connection with mx.example.com[192.0.2.86] while performing the HELO handshake",
      "421 4.4.2 mx.example.com Error: timeout exceeded",
      "Envelope expired",
      "retry timeout exceeded",
      "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)",
    ],
    mustNotMatch: ["550 5.1.1 user unknown"],
  },
  {
    id: "text.server-fault",
    pattern:
      /(?:insufficient|not enough|out of|no) (?:system )?(?:storage|resources|memory|disk space)|system (?:error|resources|failure|full|load)|local (?:error|problem|delivery (?:failed|error))|internal (?:server )?error|(?:local )?configuration error|mailer error|read-only file ?system|service (?:temporarily |is |currently )?(?:not available|unavailable)|temporar(?:y|ily) (?:failure|error|unavailable|problem|lookup)|child (?:process|status).{0,40}(?:fail|exit|return)|pipe to|(?:unable|failed) to (?:write|open|create|lock)|input\/output error|not accepting (?:network )?messages|server (?:is )?(?:busy|overloaded|down|error)|resources temporarily unavailable|try again later|please try later|recipient error|backend|mapping problem|i\/o error|4\.3\.\d|unexpected error|permission denied|\bpipe\b.{0,40}\||command (?:failed|died|output|not (?:recognized|implemented))|exit (?:status|code|value)|returned (?:failure|error) (?:code|status)|bad sequence|improper sequence|(?:syntax|parameter) error|unrecogni[sz]ed command|lookup (?:failure|error)|maintenance|overload|misconfigur/,
    cause: "server-fault",
    matches: [
      "452 4.3.1 Insufficient system storage",
      "451 4.3.0 Temporary lookup failure",
      "421 Service not available, closing transmission channel",
      "450 4.0.0 Temporary failure",
    ],
    mustNotMatch: ["550 5.1.1 user unknown"],
  },
  {
    id: "text.mailbox-unavailable",
    pattern:
      /mailbox(?: <address>)? (?:is )?(?:currently )?(?:unavailable|not available)|no mailbox by that name|requested action not taken: mailbox/,
    class: "5",
    cause: "recipient-unknown",
    source: "RFC 5321 §4.2.2, 550",
    matches: ["550 Requested action not taken: mailbox unavailable"],
    mustNotMatch: ["450 mailbox busy"],
  },
];

export const textRules: readonly TextRule[] = rows.map((row) => ({
  ...row,
  scope: "any",
  source: row.source ?? "replies of widespread mail servers",
}));

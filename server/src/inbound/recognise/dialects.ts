/**
 * How mail systems word a notice when they do not (only) use the standard report. One row a dialect: by what it is
 * known, where its list of addresses begins, and how an address stands in it. The words about an address reach from it to
 * the next one. To teach a dialect more is to add a row, with a sample.
 */
export interface Dialect {
  readonly id: string;
  /** What only this mail system writes, in the words of the notice. */
  readonly mark: RegExp;
  /** The list of addresses begins behind this; where it is missing, with the notice. */
  readonly begins?: RegExp;
  /** What is wrong is said once, above the addresses. */
  readonly isHeaded?: true;
  /** Matches each address, as group 1, with the rest of its line left over for the words. */
  readonly address: RegExp;
}

const ADDRESS = String.raw`[^\s<>()"',;:@\[\]]{1,128}@[^\s<>()"',;:\[\]]{1,255}`;
/** `<a@b>: words`; what is indented belongs to the words of another. */
const bracketed = new RegExp(String.raw`^<(${ADDRESS}|"[^"\n]{1,64}"@[^\s<>]{1,255})>`, "gim");
/** `a@b` at the start of a line, bare, quoted or in brackets. */
const leading = new RegExp(
  String.raw`^[ \t*]{0,20}["'<]{0,2}(?:smtp:|mailto:)?(${ADDRESS})(?=[\s>"':,.;(<\[]|$)`,
  "gim",
);
/** `… to a@b …` within a sentence. */
const within = (before: string): RegExp =>
  new RegExp(String.raw`(?:${before})[ \t\n]{0,4}["'<]{0,2}(${ADDRESS})`, "gi");

export const dialects: readonly Dialect[] = [
  {
    // Before Postfix, in whose words it quotes other servers.
    id: "ezweb",
    mark: /^the user\(s\) account is |^each of the following recipients was rejected|^the following recipients did not receive/im,
    begins:
      /^(?=the user\(s\) account is |each of the following recipients was rejected|the following recipients did not receive)/im,
    isHeaded: true,
    address: new RegExp(String.raw`^(?:[ \t]{0,20}recipient: )?<(${ADDRESS})>`, "gim"),
  },
  {
    id: "postfix",
    mark: /this is the (?:postfix program|mail system) at host|in reply to (?:rcpt to|mail from|(?:end of )?data|helo|ehlo) command|the mail system\n/i,
    address: bracketed,
  },
  {
    id: "exim-delay",
    mark: /a message that you sent has not yet been delivered|message has not yet been delivered to one or more/i,
    begins:
      /(?:has not yet been delivered (?:is|are)|not yet been delivered|following address(?:\(es\)|es)? .{0,40}):\n/i,
    address: leading,
  },
  {
    id: "exim",
    mark: /this message was created automatically by mail delivery software|could not be delivered to one or more of its\s+recipients/i,
    begins:
      /(?:following address(?:\(es\)|es)? failed(?: permanently)?|address(?:es|\(es\))? failed|permanent error\.):?\s/i,
    address: leading,
  },
  {
    id: "qmail",
    mark: /this is the (?:qmail-send|deliver|q-?mail) program|i'm afraid i wasn't able to deliver your message|i'm not going to try again|unable to deliver (?:your )?message to the following address|we were unable to deliver your message to the following|su mensaje no pudo ser entregado|your mail message to the following address|your message could not be delivered\b/i,
    address: bracketed,
  },
  {
    id: "gmail-sentence",
    mark: /\*\* (?:address not found|delivery incomplete|message (?:blocked|not delivered|rejected|too large|not delivered to)|recipient inbox full|delivery)|your message (?:wasn't|to .{1,255} (?:has been blocked|couldn't be delivered))|there was a (?:temporary )?problem delivering your message to/i,
    address: within("wasn't delivered to|your message to|delivering your message to|message to"),
  },
  {
    id: "gmail",
    mark: /delivery to the following recipients? (?:failed permanently|has been delayed)|automatically generated delivery status notification/i,
    begins: /(?:failed permanently|has been delayed):/i,
    address: leading,
  },
  {
    id: "exchange-online",
    mark: /delivery has failed to these recipients or (?:groups|distribution lists)|rejected your message to the following (?:e-?mail )?addresses|diagnostic information for administrators|\bhow to fix it\b[^]{0,400}office 365|generating server:/i,
    address: new RegExp(
      String.raw`^[ \t]{0,20}(?!.{0,200} gave this error)["'<]{0,2}(${ADDRESS})(?=[\s>"'<(#]|$)|your message to (${ADDRESS}) couldn't be delivered`,
      "gim",
    ),
  },
  {
    id: "exchange-old",
    mark: /did not reach the following recipient|the following recipient\(s\) could(?: not)? be reached|could not be reached:/i,
    begins: /(?:did not reach the following recipient\(s\):|cannot be reached:|could not be reached:)/i,
    address: new RegExp(String.raw`^[ \t'"]{0,20}(?:[^\n@]{0,120}[<('" ])?(${ADDRESS})['">)]{0,2} on `, "gim"),
  },
  {
    id: "opensmtpd",
    mark: /this is the mailer-daemon, please do not reply/i,
    begins: /list of recipients:/i,
    address: leading,
  },
  {
    id: "sendmail",
    mark: /the following addresses had (?:permanent|transient|delivery)|transcript of session follows|the following addresses had delivery/i,
    begins: /the following addresses had[^\n]*\n/i,
    address: new RegExp(
      String.raw`^[ \t]{0,20}<?(${ADDRESS})>?(?=[\s:\[(]|$)|>>> rcpt to: ?<(${ADDRESS})>|^[45]\d\d <(${ADDRESS})>`,
      "gim",
    ),
  },
  {
    id: "zoho",
    mark: /error_code ?:/i,
    begins: /permanent error\./i,
    address: leading,
  },
  {
    id: "dragonfly",
    mark: /this is the dragonfly mail agent/i,
    address: within("delivering your mail to"),
  },
  {
    id: "symantec",
    mark: /symantec email security|messagelabs|mail delivery agent at/i,
    address: leading,
  },
  {
    id: "interscan",
    mark: /interscan messaging security|unable to deliver message to <|^sent <<< rcpt to:/im,
    address: within("unable to deliver message to|sent <<< rcpt to:"),
  },
  {
    id: "notes",
    mark: /------- failure reasons? -|was not delivered to:|lotus (?:notes|domino)/i,
    begins: /failure reasons?[ -]*\n|was not delivered to:/i,
    address: leading,
  },
  {
    id: "google-groups",
    mark: /group you tried to contact|groups\/answer|support\.google\.com\/[^\s]{0,80}groups/i,
    address: within("your email to group"),
  },
  {
    id: "messaging-server",
    mark: /this report relates to a message you sent with the following header|your message cannot be delivered to the following recipients/i,
    address: within("recipient address:|original address:"),
  },
  {
    id: "james",
    mark: /this is the james mail server|below i include the list of recipients and the reason/i,
    begins: /failed recipient\(s\):/i,
    address: leading,
  },
  {
    id: "mail-marshal",
    mark: /the following recipients were affected/i,
    begins: /the following recipients were affected:?/i,
    address: leading,
  },
  {
    id: "imail",
    mark: /^(?:unknown user|undeliverable to|user mailbox exceeds allowed size|delivery failed \d{1,3} attempts|unable to contact|unknown host): /im,
    address: within("unknown user:|undeliverable to|allowed size:|attempts:"),
  },
  {
    id: "returned-errors",
    mark: /we had trouble delivering your message|the following recipients? returned (?:permanent|temporary) errors/i,
    begins: /the following recipients? returned[^\n]*\n/i,
    address: leading,
  },
  {
    id: "m-filter",
    mark: /^-{3,20}\s?server message/im,
    address: within("rcpt to:?"),
  },
  {
    id: "active-hunter",
    mark: /^>>>>>> /m,
    address: new RegExp(String.raw`^>>>>>> [^\n<]{0,200}<?(${ADDRESS})>?`, "gim"),
  },
  {
    id: "surf-control",
    mark: /transcript of the attempts to send the message|your message could not be sent/i,
    address: within("addressed to:?|rcpt to:?"),
  },
  {
    id: "mobile",
    mark: /could not be delivered to mobile|no valid recipients for this mm|^could not be delivered to:|as their mailbox is full/im,
    address: within("delivered to:?|to:"),
  },
  {
    id: "chinese",
    mark: /(?:您的)?邮件(?:被退回|未能送达|没有送达|无法送达|投递失败)|退信原因|郵件(?:被退回|無法傳送|無法送達)/,
    address: within("收件人[:：]|无法发送到|to:|收件者[:：]|收件人邮件地址[:：]"),
  },
  {
    id: "japanese",
    mark: /メール.{0,30}(?:配信|送信|配送|お届け)(?:できません|不能|エラー|に失敗)|(?:次|以下)の(?:あて先|宛先).{0,40}(?:送信|配信|エラー)/,
    address: leading,
  },
  {
    id: "korean",
    mark: /메일.{0,30}(?:전송|배달|발송).{0,10}(?:실패|되지)/,
    address: leading,
  },
  {
    id: "latin",
    mark: /(?:nachricht|e-?mail) .{0,80}(?:konnte nicht (?:zugestellt|ausgeliefert)|nicht zugestellt werden)|(?:message|courriel) .{0,80}(?:n'a pas pu être (?:remis|distribué|délivré|livré)|n'a pas été (?:remis|distribué))|(?:mensaje|correo) .{0,80}(?:no (?:pudo|ha podido|se pudo|fue) (?:ser )?entrega)|mensagem .{0,80}não (?:pôde|pode|foi) (?:ser )?entregue|messaggio .{0,80}(?:non (?:è stato|può essere) (?:recapitato|consegnato))|bericht .{0,80}(?:kon niet (?:worden )?(?:bezorgd|afgeleverd)|niet (?:worden )?bezorgd)|wiadomoś.{0,80}nie (?:mogła|została) .{0,20}(?:dostarczon|doręczon)|(?:сообщение|письмо).{0,80}(?:не (?:может быть|было|удалось) .{0,20}достав|не доставлено)/i,
    address: new RegExp(
      String.raw`^[ \t*]{0,20}["'<]{0,2}(?:smtp:|mailto:)?(${ADDRESS})(?=[\s>"':,.;(<\[]|$)|(?:an|à|a|para|per|aan|для|do) ["'<]{0,2}(${ADDRESS})`,
      "gim",
    ),
  },
  {
    id: "one-sentence",
    mark: /the following message to <|failed to deliver to '|delivery failed \d+ attempts:|undeliverable to|your (?:message|mail) (?:to|for) .{1,255} (?:could not be|was not|cannot be) delivered|unable to deliver (?:your )?(?:message|mail)|could(?:n't| not) be delivered|message could not be delivered|not deliver|delivery (?:failure|failed)|delivery of email to this address/i,
    address: within(
      "to this address|message to|deliver to|attempts:|undeliverable to|mail (?:to|for)|deliver (?:your )?(?:message|mail) to|delivered to:?|recipients?:|rcpt to:|to:",
    ),
  },
];

/** When no mark leads to an address: one that stands alone at the start of a line, or that the server was given. */
export const anyDialect: Dialect = {
  id: "any",
  mark: /^/,
  address: new RegExp(
    String.raw`^[ \t>]{0,20}(?:(?:recipient|to|rcpt to|failed recipient): ?)?<?(${ADDRESS})>?(?=[\s:\[(]|$)`,
    "gim",
  ),
};

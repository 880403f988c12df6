/**
 * Reads what a mail server said out of the words of a notice: reply code, enhanced code, SMTP step and host. It takes
 * only numbers that stand where codes stand: addresses, versions and dates are full of digits. Pure, never throws.
 */
export interface Diagnostic {
  readonly code: string | null;
  readonly enhanced: string | null;
  readonly step: string | null;
  readonly remoteHost: string | null;
}

const PAIR = /(?<![\w.])([45]\d\d)(?:[ :-]{1,3}|\s\S?)['"#(]{0,2}([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/;
const ENHANCED = /(?<![\w.])#?([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/;
/** Behind a word that announces an answer, or at the start of a line. */
const ANNOUNCED =
  /(?:^|said: |returned '|was: |error: |: |>>> |<<< |code ?:|=> |response:? |[([]state \d{1,3}\)[:.] |- )\s{0,4}['"]?([45]\d\d)(?=[ :,\-'"=]|$)/im;
const BARE = /(?<![\w.:/-])([45][0-7]\d)(?=[ -]['"<A-Za-z#])/;

const STEPS: readonly (readonly [RegExp, string])[] = [
  [
    /in reply to rcpt to|after rcpt to|after rcpt command|\[rcpt_to\]|>>> rcpt to|in rcpt to|does not like recipient|response to rcpt/i,
    "rcpt",
  ],
  [/in reply to mail from|after mail from|\[mail_from\]|>>> mail from|response to mail from/i, "mail"],
  [
    /in reply to end of data|after end of data|end of message|after pipelined end of data|after sending data|failed after i sent the message|response to \./i,
    "body",
  ],
  [/in reply to data|after data command|after pipelined data|>>> data\b/i, "data"],
  [
    /refused to talk to me|initial (?:connection|server) greeting|performing the initial protocol handshake/i,
    "greeting",
  ],
  [/in reply to (?:ehlo|helo)|performing the (?:ehlo|helo) handshake|after (?:ehlo|helo)/i, "ehlo"],
  [/starttls/i, "starttls"],
  [/\bconnect to \S{1,255}: |could not connect|unable to connect|establish an smtp connection/i, "connect"],
];

const HOST = /\bhost:? ([a-z0-9][a-z0-9.-]{2,250}\.[a-z]{2,20})\.?\s?(?:\[|\(|said|:)/i;

/** `text` is a Diagnostic-Code, or the words beside an address in a notice. */
export function readDiagnostic(text: string): Diagnostic {
  const head = text.slice(0, 4000);
  const pair = PAIR.exec(head);
  return {
    code: pair?.[1] ?? ANNOUNCED.exec(head)?.[1] ?? BARE.exec(head)?.[1] ?? null,
    enhanced: pair?.[2] ?? ENHANCED.exec(head)?.[1] ?? null,
    step: STEPS.find(([pattern]) => pattern.test(head))?.[1] ?? null,
    remoteHost: HOST.exec(head)?.[1]?.toLowerCase() ?? null,
  };
}

/** `5.0.0` only repeats the class. */
export function isGenericStatus(status: string | null): boolean {
  return status === null || /^[245]\.0\.0$/.test(status);
}

/**
 * What a person wrote, without what his program quoted below and without a signature that is marked as one. Where it is
 * in doubt whether a line is quoted, it is shown: losing a sentence is worse than showing one twice. Pure, linear.
 */
const SHORT = 400;

/** Lines that begin the quoted mail in one stroke. */
const QUOTE_HEADS: readonly RegExp[] = [
  /^-{2,}\s?(?:original message|ursprüngliche nachricht|message d'origine|message original|mensaje original|messaggio originale|mensagem original|oorspronkelijk bericht|ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|forwarded message|weitergeleitete nachricht|reply message|пересылаемое сообщение|исходное сообщение)\b/i,
  /^_{20,}$/,
  /^-{3,}\s?on .{1,200} wrote/i,
  /^(?:on|le|am|el|il|em|op|den|dne|dnia|w dniu|in data|em)\s.{0,300}(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|napsal|napisał\w{0,4}|написал\w{0,2}|пишет)(?:\s.{0,60})?\s?:$/is,
  /^.{0,200}(?:@|<).{1,200}(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|написал\w{0,2}|пишет)\s?:$/is,
  /^\d{1,2}\.\d{1,2}\.\d{4},? .{1,300}(?:<|@).{1,200}:$/,
  /^\d{4}[-/.年].{4,120}<[^>\n]{1,200}>:?$/,
];

const BEGINS_ATTRIBUTION = /^(?:on|le|am|el|il|em|op|den|dne|dnia|w dniu|in data)\s|\d{4}|[<@]/i;

/** A block of From, Sent, To, Subject as Outlook quotes. */
const HEADER_LINE = /^[>*\s]{0,4}(?:from|von|de|da|van|från|fra|lähettäjä|od|от)\s?:\*?\s/i;
const HEADER_FOLLOWER =
  /^[>*\s]{0,4}(?:sent|date|to|subject|gesendet|datum|an|betreff|envoyé|à|objet|enviado|para|asunto|inviato|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|cc|дата|кому|тема)\s?:/i;

const SIGNATURE_HEADS: readonly RegExp[] = [
  /^-{2,3} ?$/,
  /^(?:sent from (?:my )?|von meinem .{1,40} gesendet|envoyé de mon|enviado desde mi|inviato da|verzonden vanaf|skickat från min|get outlook for)/i,
];

export function readVisibleText(text: string): string {
  const lines = text
    .replaceAll(/\r\n?/g, "\n")
    .split("\n")
    .map((line) => line.trimEnd());
  const kept = lines.slice(0, quoteStart(lines));
  const own = withoutQuotedLines(kept);
  const signature = own.findIndex((line, at) => at > 0 && SIGNATURE_HEADS.some((head) => head.test(line)));
  return (signature === -1 ? own : own.slice(0, signature)).join("\n").trim();
}

/** Index of the first line of a quoted mail with nothing of the writer's own below it; all lines where there is none. */
function quoteStart(lines: readonly string[]): number {
  const nextQuoted = nextOf(lines, (line) => line.startsWith(">"));
  const nextOwn = nextOf(lines, (line) => line !== "" && !line.startsWith(">"));
  for (let at = 0; at < lines.length; at += 1) {
    if (!isQuoteHead(lines, at)) continue;
    // Without marked lines nobody can tell whose the words below are: then all of it is the quoted mail.
    if (!introducesQuote(lines, at)) return at;
    const own = lines[nextOwn[nextQuoted[at + 1] ?? lines.length] ?? lines.length];
    if (own === undefined || SIGNATURE_HEADS.some((head) => head.test(own))) return at;
  }
  return lines.length;
}

/** For each line, the index of the first such line at or below it; found once, so that long mails stay cheap. */
function nextOf(lines: readonly string[], isSuch: (line: string) => boolean): number[] {
  const next: number[] = Array.from({ length: lines.length + 1 }, () => lines.length);
  for (let at = lines.length - 1; at >= 0; at -= 1) next[at] = isSuch(lines[at] ?? "") ? at : (next[at + 1] ?? at);
  return next;
}

/** Answers that stand below or between quoted lines: the marked lines go, and the line that introduces them. */
function withoutQuotedLines(lines: readonly string[]): string[] {
  return lines.filter((line, at) => !line.startsWith(">") && !(isQuoteHead(lines, at) && introducesQuote(lines, at)));
}

function introducesQuote(lines: readonly string[], at: number): boolean {
  return lines.slice(at + 1, at + 4).some((line) => line.startsWith(">"));
}

function isQuoteHead(lines: readonly string[], at: number): boolean {
  const line = (lines[at] ?? "").trim();
  if (line === "" || line.length > SHORT) return false;
  if (HEADER_LINE.test(line))
    return lines.slice(at + 1, at + 4).filter((next) => HEADER_FOLLOWER.test(next)).length >= 2;
  // Attributions are folded over up to three lines; a line that cannot begin one must not be drawn in.
  const next = (lines[at + 1] ?? "").trim();
  const after = (lines[at + 2] ?? "").trim();
  const joined = BEGINS_ATTRIBUTION.test(line) ? [line, `${line} ${next}`, `${line} ${next} ${after}`] : [line];
  return joined.some((candidate) => QUOTE_HEADS.some((head) => head.test(candidate.slice(0, SHORT))));
}

/**
 * Splits the text of a notice into what the mail system says and what it returns of our message. Only the first half may
 * be judged: the second half is our own words. Pure, linear.
 */
export interface NoticeText {
  readonly words: string;
  /** Header and body of the returned message as text; empty where none is returned in the text. */
  readonly returned: string;
}

/** Lines after which the returned message begins. */
const COPY_BEGINS =
  /^(?:[ \t>]*[-=*]{2,}[ \t]*(?:this is a copy of|below this line is|original message|original headers|unsent message|returned message|message header follows|enclosed is a copy|included is a copy|mensaje original|message headers|forwarded message|the (?:body|header)s? of|message contents|start of original)|(?:message headers follow|original message follows|original message(?: headers)?:|below is a copy of the original message|included is a copy of the message|the original message was:|original message text|your message reads \(in part\)|message header:|the following is a copy|reporting-mta: )|received:[ \t]{0,10}(?:from|by)\b|return-path:[ \t]{0,10}<|dkim-signature:|[-*_=]{3,}[ \t]*(?:end of message))/im;

export function splitNoticeText(text: string): NoticeText {
  const found = COPY_BEGINS.exec(text);
  if (!found) return { words: text, returned: "" };
  return { words: text.slice(0, found.index), returned: text.slice(found.index) };
}

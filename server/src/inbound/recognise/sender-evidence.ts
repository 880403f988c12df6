/** Who seems to have written a mail, by its header: a mail system, nobody, a list, or somebody who answers. Evidence, no proof. */
import type { Headers } from "@roundtrip/mail/mime/headers";

const DAEMON =
  /\b(?:mailer-?daemon|mail[ -]?daemon|postmaster|mail deliver(?:y|er)?(?: sub)? ?(?:system|service|agent|subsystem)|mail administrator|system administrator|mmsc ndr administrator|double-bounce|bounce-?notification)\b/i;
const FAILURE =
  /undeliver|failure notice|delivery (?:status notification|failure|failed|report|problem|delayed|notification)|deliver(?:y|ed).{0,20}(?:fail|delay)|returned mail|mail (?:delivery|system) (?:failed|error|failure)|non[ -]?delivery|could not (?:be )?deliver|not delivered|returning message|warning: (?:message|could not send)|mail failure|rejected mail|message (?:not delivered|rejected|blocked)|unzustellbar|nicht zugestellt|zustellung (?:fehl|ver)|non remis|échec de (?:la )?remise|no se (?:puede|pudo) entregar|não (?:foi )?entregue|mancata consegna|onbestelbaar|niet bezorgd|kunde inte levereras|kunne ikke leveres|не доставлено|недоставленное|配信(?:不能|エラー|できません)|配達|退信|投递失败|未送达|退回|無法傳遞|전송 ?실패|배달 ?실패|반송|niedostarczon|nie (?:można|udało się) dostarczyć|zwrot wiadomości|nedoručiteln|kézbesíthetetlen|sikertelen kézbesítés|teslim edilemedi|iletilemedi|falha (?:na|de) entrega|(?:correo|mensaje) (?:devuelto|no entregado)|devuelto al remitente|retourn(?:é|ée) à l'expéditeur|non (?:distribué|livré|délivré)|impossible de (?:remettre|distribuer)|(?:messaggio|posta) non (?:consegnat|recapitat)|niet (?:afgeleverd|bestelbaar)|levering mislukt|kan inte levereras|leveringsfeil|kan ikke leveres|toimitus epäonnistui|ei voitu toimittaa|αποτυχία παράδοσης|undelivered|unable to deliver|bounced? (?:mail|message)/i;

/** A mail system by its name, or by the empty sender together with such a name in From. */
export function isFromDaemon(headers: Headers): boolean {
  return DAEMON.test(headers.text("From"));
}

/** RFC 5321 §4.5.5: notices have an empty return path. */
export function isFromNobody(headers: Headers): boolean {
  const path = headers.first("Return-Path") ?? headers.first("X-Envelope-From") ?? headers.first("Envelope-From");
  return path !== null && /^<\s*>/.test(path);
}

export function saysFailure(headers: Headers): boolean {
  return FAILURE.test(headers.text("Subject")) && !isAnswer(headers);
}

/** Somebody answers or passes on: by the subject, or because it refers to another mail and no mail system speaks. */
export function isAnswer(headers: Headers): boolean {
  if (/^\s*(?:re|aw|sv|vs|antw|odp|fwd?|wg|tr|rv|enc|i|vb|doorst)\s?(?:\[\d+\])?\s?:/i.test(headers.text("Subject")))
    return true;
  return !isFromDaemon(headers) && (headers.has("In-Reply-To") || headers.has("References"));
}

/** A newsletter or list machine, by the way out that it offers. */
export function isBulk(headers: Headers): boolean {
  return headers.has("List-Unsubscribe");
}

/** Complaints from before RFC 5965, or beside it: Outlook.com returns the mail itself, Apple Mail writes its own answer. */
export function isOldComplaint(headers: Headers): boolean {
  return headers.has("X-HmXmrOriginalRecipient") || headers.first("X-Apple-Unsubscribe") === "true";
}

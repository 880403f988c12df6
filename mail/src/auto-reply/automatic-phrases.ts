/** How automatic answers name themselves in subject lines and first sentences. A table: a language more is a row more. */

/** A subject line that only a program writes, at its beginning. */
export const automaticSubjects: readonly RegExp[] = [
  /^auto(?:matic)?(?:ally generated)?[ -]?(?:reply|response|answer|generated reply)\b/,
  /^auto(?:mated|responder)\b/,
  /^(?:out of (?:the )?office|ooo|oof|away from (?:my |the )?(?:mail|office|desk)|on (?:vacation|holiday|leave)|vacation (?:reply|notice|message)|i am (?:currently )?(?:out of|away)|absence (?:notice|notification))\b/,
  /^(?:automatische antwort|abwesenheitsnotiz|abwesenheit\b|abwesend\b|automatische r(?:ü|ue)ckantwort|nicht im b(?:ü|ue)ro)/,
  /^(?:réponse automatique|message d'absence|absence du bureau|absent\b|notification d'absence|reponse automatique)/,
  /^(?:respuesta autom[aá]tica|fuera de (?:la )?oficina|ausencia\b)/,
  /^(?:risposta automatica|fuori (?:ufficio|sede)|assente\b|assenza\b)/,
  /^(?:resposta autom[aá]tica|fora d[oe] escrit[oó]rio|aus[eê]ncia\b)/,
  /^(?:automatisch(?:e)? antwoord|afwezig(?:heid)?\b|niet aanwezig)/,
  /^(?:automatiskt? svar|autosvar|automatsvar|fr[aå]nvaro|fraværende|frånvarande|ikke på kontoret|inte på kontoret|ikke til stede)/,
  /^(?:automaattinen vastaus|poissa toimistosta|poissaoloilmoitus)/,
  /^(?:odpowied[zź] automatyczna|automatyczna odpowied[zź]|autoodpowied[zź]|poza biurem)/,
  /^(?:automatick[aá] odpov[eě]ď|automatick[aá] odpove[dď]|mimo kancel[aá][rř])/,
  /^(?:automatikus v[aá]lasz|[aá]ruházon k[ií]vül)/,
  /^(?:r[aă]spuns automat|automatski odgovor|samodejni odgovor|otomatik yan[ıi]t|ofis d[ıi][sş][ıi]nda)/,
  /^(?:автоматический ответ|автоответ|нет на месте|вне офиса|автоматична відповідь|автоматичен отговор)/,
  /^(?:αυτόματη απάντηση|εκτός γραφείου)/,
  /^(?:自動応答|自動返信|不在(?:通知|のお知らせ)|【自動(?:応答|返信)】|\[自動返信\])/,
  /^(?:自动(?:回复|答复)|自動回(?:覆|復)|外出|不在办公室)/,
  /^(?:자동 ?(?:응답|회신)|부재중)/,
  /^(?:رد تلقائي|תשובה אוטומטית|מענה אוטומטי)/,
];

/** The person is not there any more. Tried on subject and first lines together. */
export const leftPhrases: readonly RegExp[] = [
  /no longer (?:with|work(?:s|ing)?|employed|part of|at) |(?:has|have) left (?:the )?(?:company|organi[sz]ation|firm|business)|left (?:the company|our (?:company|team|organi[sz]ation))|last (?:working )?day (?:at|with|was)|(?:mailbox|account|address|e-?mail).{0,40}(?:no longer (?:in use|active|monitored|valid|used)|has been (?:closed|deactivated|discontinued))|(?:is|are) no longer available at this address|has retired/,
  /nicht mehr (?:bei|im unternehmen|f(?:ü|ue)r|in unserem|tätig)|unternehmen verlassen|ausgeschieden|postfach wird nicht mehr/,
  /ne (?:fais|fait) plus partie|ne travaill\w{1,4} plus|(?:a|ai) quitt[eé] (?:l'entreprise|la soci[eé]t[eé]|l'organisation)|n'est plus (?:utilis|valide|active|employ)/,
  /ya no (?:trabaj|forma parte|est[aá] en la empresa)|(?:ha|he) dejado la empresa/,
  /non (?:lavor\w{1,6}|fa) pi[uù]|ha lasciato l'azienda/,
  /(?:já )?n[aã]o (?:trabalh\w{1,6} mais|faz mais parte)|deixou a empresa/,
  /niet (?:meer|langer) (?:werkzaam|in dienst)|(?:heeft|heb) (?:ons bedrijf|het bedrijf|de organisatie) verlaten/,
  /(?:slutat|sluttet|stoppet|fratrådt|arbetar inte l[aä]ngre|jobber ikke lenger|ikke l[aæ]ngere (?:ansat|i virksomheden)|arbejder (?:her )?ikke (?:her )?(?:l[aæ]ngere|mere))/,
  /nie pracuj[eę] ju[zż]|już nie pracuj|больше не работа|退職|已离职|已離職|퇴사/,
];

/** Asks the sender to prove that he is a person. */
export const challengePhrases: readonly RegExp[] = [
  /(?:confirm|verify|prove).{0,40}(?:you are (?:a )?(?:human|person|not a (?:robot|spammer))|your (?:e-?mail )?(?:message|address|identity|request) .{0,40}(?:deliver|to be))|click .{0,60}(?:to (?:deliver|release|have) your|so that your (?:message|mail))|boxbe|spamarrest|sender (?:address )?verification|challenge.?response|bluebottle|requires? (?:sender )?(?:verification|confirmation) (?:of|from)|waiting list|awaiting (?:your )?(?:confirmation|verification)/,
];

/** A desk system took the mail in. */
export const ticketPhrases: readonly RegExp[] = [
  /\[?(?:ticket|case|request|incident|issue|vorgang|anfrage|demande|caso|zaak|ärende|sak)[ :-]{0,3}(?:id ?|number |nr\.? ?|no\.? ?)?[#:]{0,2} ?[a-z]{0,6}-?\d{3,}/,
  /(?:we|have) (?:have )?received your (?:request|message|e-?mail|inquiry|enquiry|ticket)|your (?:request|ticket|case) .{0,40}(?:has been (?:received|created|logged|opened)|was created)|(?:ihre (?:anfrage|nachricht)|votre demande|su solicitud) .{0,40}(?:erhalten|eingegangen|reçue|recibid)/,
];

/** Not there for a while. Decides the reason only; whether a mail is automatic is decided by headers and subject. */
export const awayPhrases: readonly RegExp[] = [
  /out of (?:the )?office|on (?:annual |parental |maternity |sick |paternity )?(?:leave|vacation|holiday|holidays)\b|away from (?:my |the )?(?:desk|office|e-?mail)|\bi(?:'m| am) (?:currently )?(?:away|absent|travell?ing|out)\b|(?:limited|no) access to (?:my )?e-?mail|back in the office|return(?:ing)? (?:to the office )?on|vacation/,
  /nicht im (?:b(?:ü|ue)ro|haus)|im urlaub|abwesend|au(?:ß|ss)er haus|elternzeit|zur(?:ü|ue)ck (?:am|ab)|abwesenheit/,
  /absent|en cong[eé]s?|de retour|hors du bureau|en vacances/,
  /fuera de (?:la )?oficina|de vacaciones|ausente/,
  /fuori (?:ufficio|sede)|in ferie|assente/,
  /de f[eé]rias|fora do escrit[oó]rio|ausente/,
  /afwezig|op vakantie|niet aanwezig|met verlof/,
  /semester|p[aå] ferie|p[aå] kontoret|frånvarande|fraværende|föräldraledig/,
  /lomalla|poissa|urlop|nieobecn|dovolen|szabads[aá]g|concediu/,
  /отпуск|отсутству|不在|休暇|休假|外出|휴가|부재/,
];

/**
 * What the mail says by itself, in the languages built in: greeting, button, and the footer that says who sends it, why,
 * how to ask and how to stop. The words may hold variables, like any text. Other languages get the English words.
 */

export interface MailWords {
  /** What a screen reader calls the mail; no markup, no variables. */
  readonly title: string;
  readonly greeting: string;
  readonly button: string;
  /** Paragraphs. */
  readonly footer: string;
  /** The words of the link that stops survey mail. */
  readonly stop: string;
  /** Stands for the name of a person whose name is not known. */
  readonly nameless: string;
}

/** By language, region and script aside. */
export function mailWords(language: string): MailWords {
  const primary = language.split("-")[0]?.toLowerCase() ?? "";
  return (Object.hasOwn(WORDS, primary) ? WORDS[primary] : undefined) ?? ENGLISH;
}

const ENGLISH: MailWords = {
  title: "Survey invitation",
  greeting: "Hello{% if first_name %} {{ first_name }}{% endif %},",
  button: "Open the survey",
  footer:
    "{{ organisation }} sends you this mail because you are invited to the survey “{{ round }}”. It is open until {{ closes_on }}.\n\n" +
    "The link is yours alone: please do not forward it. If you have a question, just reply to this mail.",
  stop: "Stop survey mail",
  nameless: "colleague",
};

const WORDS: Readonly<Record<string, MailWords>> = {
  en: ENGLISH,
  de: {
    title: "Einladung zur Umfrage",
    greeting: "Guten Tag{% if name %} {{ name }}{% endif %},",
    button: "Umfrage öffnen",
    footer:
      "Sie erhalten diese E-Mail von {{ organisation }}, weil Sie zur Umfrage „{{ round }}“ eingeladen sind. Sie läuft bis {{ closes_on }}.\n\n" +
      "Der Link ist nur für Sie bestimmt: Bitte leiten Sie ihn nicht weiter. Bei Fragen antworten Sie einfach auf diese E-Mail.",
    stop: "Keine Umfrage-Mails mehr erhalten",
    nameless: "Kollegin oder Kollege",
  },
  da: {
    title: "Invitation til undersøgelse",
    greeting: "Hej{% if first_name %} {{ first_name }}{% endif %},",
    button: "Åbn undersøgelsen",
    footer:
      "Du får denne mail fra {{ organisation }}, fordi du er inviteret til undersøgelsen »{{ round }}«. Den er åben til og med {{ closes_on }}.\n\n" +
      "Linket er kun til dig, så send det ikke videre. Har du spørgsmål, kan du bare svare på denne mail.",
    stop: "Stop mails om undersøgelser",
    nameless: "kollega",
  },
  fr: {
    title: "Invitation à l’enquête",
    greeting: "Bonjour{% if first_name %} {{ first_name }}{% endif %},",
    button: "Ouvrir l’enquête",
    footer:
      "{{ organisation }} vous envoie ce message, car vous êtes invité(e) à l’enquête « {{ round }} ». Elle est ouverte jusqu’au {{ closes_on }}.\n\n" +
      "Ce lien vous est personnel : merci de ne pas le transférer. Pour toute question, répondez simplement à ce message.",
    stop: "Ne plus recevoir de messages d’enquête",
    nameless: "collègue",
  },
  ar: {
    title: "دعوة إلى استبيان",
    greeting: "مرحبًا{% if first_name %} {{ first_name }}{% endif %}،",
    button: "افتح الاستبيان",
    footer:
      "تصلك هذه الرسالة من {{ organisation }} لأنك مدعوّ إلى استبيان «{{ round }}»، وهو متاح حتى {{ closes_on }}.\n\n" +
      "هذا الرابط خاص بك وحدك، فيُرجى عدم إعادة توجيهه. وإن كان لديك سؤال، فيكفي أن تردّ على هذه الرسالة.",
    stop: "إيقاف رسائل الاستبيانات",
    nameless: "زميلنا العزيز",
  },
};

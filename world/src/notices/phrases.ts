/**
 * What people and their vacation programs write back, in four languages. Demo texts; the questions are of the kind that
 * employees really ask about a survey. Pure data and a choice by number.
 */

export type Tongue = "en" | "de" | "da" | "fr";

export interface Phrases {
  readonly outOfOffice: string;
  readonly outOfOfficeSubject: string;
  readonly leftCompany: string;
  readonly wrote: string;
  readonly questions: readonly string[];
}

export const PHRASES: Readonly<Record<Tongue, Phrases>> = {
  en: {
    outOfOffice:
      "Thank you for your message. I am out of the office and will be back on Monday. I do not read mail until then.",
    outOfOfficeSubject: "Automatic reply",
    leftCompany: "I no longer work here. This mailbox is not read any more. Please write to the reception instead.",
    wrote: "wrote:",
    questions: [
      "Hello,\n\nis this survey really anonymous? There are only four of us in my team.\n\nKind regards",
      "Hi,\n\nI started yesterday and the page was closed when I came back. Can I go on where I stopped?\n\nThanks",
      "Hello,\n\nuntil when can I answer? I am travelling this week.\n\nBest wishes",
    ],
  },
  de: {
    outOfOffice:
      "Vielen Dank für Ihre Nachricht. Ich bin zurzeit nicht im Büro und am Montag wieder erreichbar. Bis dahin lese ich keine E-Mails.",
    outOfOfficeSubject: "Automatische Antwort",
    leftCompany:
      "Ich arbeite nicht mehr im Unternehmen. Dieses Postfach wird nicht mehr gelesen. Bitte wenden Sie sich an den Empfang.",
    wrote: "schrieb:",
    questions: [
      "Hallo,\n\nist die Umfrage wirklich anonym? In meinem Team sind wir nur zu viert.\n\nViele Grüße",
      "Guten Tag,\n\nich habe gestern angefangen, und heute war die Seite wieder leer. Kann ich dort weitermachen, wo ich war?\n\nDanke",
      "Hallo,\n\nbis wann kann ich antworten? Ich bin diese Woche unterwegs.\n\nFreundliche Grüße",
    ],
  },
  da: {
    outOfOffice: "Tak for din mail. Jeg er ikke på kontoret og er tilbage på mandag. Indtil da læser jeg ikke mails.",
    outOfOfficeSubject: "Automatisk svar",
    leftCompany:
      "Jeg arbejder her ikke længere. Denne postkasse bliver ikke læst. Skriv venligst til receptionen i stedet.",
    wrote: "skrev:",
    questions: [
      "Hej,\n\ner undersøgelsen virkelig anonym? Vi er kun fire i mit team.\n\nVenlig hilsen",
      "Hej,\n\njeg begyndte i går, og siden var tom, da jeg kom tilbage. Kan jeg fortsætte, hvor jeg slap?\n\nTak",
      "Hej,\n\nhvor længe kan jeg svare? Jeg er på rejse i denne uge.\n\nMange hilsner",
    ],
  },
  fr: {
    outOfOffice:
      "Merci pour votre message. Je suis absent du bureau et serai de retour lundi. D’ici là, je ne lis pas mes messages.",
    outOfOfficeSubject: "Réponse automatique",
    leftCompany:
      "Je ne travaille plus dans l’entreprise. Cette boîte n’est plus consultée. Merci d’écrire à l’accueil.",
    wrote: "a écrit :",
    questions: [
      "Bonjour,\n\nl’enquête est-elle vraiment anonyme ? Nous ne sommes que quatre dans mon équipe.\n\nCordialement",
      "Bonjour,\n\nj’ai commencé hier et la page était vide à mon retour. Puis-je reprendre là où je m’étais arrêté ?\n\nMerci",
      "Bonjour,\n\njusqu’à quand puis-je répondre ? Je suis en déplacement cette semaine.\n\nBien à vous",
    ],
  },
};

/** A choice that is the same for the same text: which question this person asks. */
export function chooseBy<Item>(items: readonly Item[], text: string): Item | undefined {
  let sum = 0;
  for (const char of text) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return items[sum % items.length];
}

/** The language of a mail, as its Content-Language or `<html lang>` says; English where neither does. */
export function tongueOf(...tags: readonly (string | null | undefined)[]): Tongue {
  for (const tag of tags) {
    const language = tag?.trim().slice(0, 2).toLowerCase();
    if (language === "en" || language === "de" || language === "da" || language === "fr") return language;
  }
  return "en";
}

/** Demo data: the invitation of the demo round, as an HR admin might have written it, in five languages. */
import type { MessageSource } from "./prepare-message.ts";

export const demoTexts: readonly MessageSource[] = [
  {
    language: "en",
    subject: "How is work going for you?",
    preview: "Seven questions, about three minutes. Nobody here sees who answered what.",
    body:
      "Twice a year we ask everyone at {{ organisation }} how work is going. There are seven questions, and they take about three minutes.\n\n" +
      "Your answers are kept apart from your name. We only look at results for groups of eight people or more, and we will show you all of them.\n\n" +
      "The survey is open until {{ closes_on }}.",
    button: "Answer the seven questions",
  },
  {
    language: "de",
    subject: "Wie geht es Ihnen bei der Arbeit?",
    preview: "Sieben Fragen, etwa drei Minuten. Niemand hier sieht, wer was geantwortet hat.",
    body:
      "Zweimal im Jahr fragen wir alle bei {{ organisation }}, wie es bei der Arbeit läuft. Es sind sieben Fragen, die etwa drei Minuten dauern.\n\n" +
      "Ihre Antworten werden getrennt von Ihrem Namen aufbewahrt. Wir sehen uns nur Ergebnisse von Gruppen ab acht Personen an, und wir zeigen sie Ihnen alle.\n\n" +
      "Die Umfrage läuft bis {{ closes_on }}.",
    button: "Sieben Fragen beantworten",
  },
  {
    language: "da",
    subject: "Hvordan går det på arbejdet?",
    preview: "Syv spørgsmål, cirka tre minutter. Ingen her kan se, hvem der har svaret hvad.",
    body:
      "To gange om året spørger vi alle hos {{ organisation }}, hvordan det går på arbejdet. Der er syv spørgsmål, og de tager cirka tre minutter.\n\n" +
      "Dine svar opbevares adskilt fra dit navn. Vi ser kun på resultater for grupper på mindst otte personer, og du får dem alle at se.\n\n" +
      "Undersøgelsen er åben til og med {{ closes_on }}.",
    button: "Besvar de syv spørgsmål",
  },
  {
    language: "fr",
    subject: "Comment se passe votre travail ?",
    preview: "Sept questions, trois minutes environ. Personne ici ne voit qui a répondu quoi.",
    body:
      "Deux fois par an, nous demandons à chacun chez {{ organisation }} comment se passe son travail. Il y a sept questions ; comptez trois minutes environ.\n\n" +
      "Vos réponses sont conservées à part de votre nom. Nous ne regardons que les résultats de groupes d’au moins huit personnes, et nous vous les montrerons tous.\n\n" +
      "L’enquête est ouverte jusqu’au {{ closes_on }}.",
    button: "Répondre aux sept questions",
  },
  {
    language: "ar",
    subject: "كيف تسير أمورك في العمل؟",
    preview: "سبعة أسئلة تستغرق نحو ثلاث دقائق. لا أحد هنا يرى مَن أجاب بماذا.",
    body:
      "مرتين في السنة نسأل جميع العاملين في {{ organisation }} كيف تسير أمورهم في العمل. هي سبعة أسئلة تستغرق نحو ثلاث دقائق.\n\n" +
      "تُحفظ إجاباتك منفصلة عن اسمك. ولا نطّلع إلا على نتائج المجموعات التي تضم ثمانية أشخاص أو أكثر، وسنعرضها عليكم كلها.\n\n" +
      "الاستبيان متاح حتى {{ closes_on }}.",
    button: "أجب عن الأسئلة السبعة",
  },
];

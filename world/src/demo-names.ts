/**
 * Demo data: names of nobody in particular, common ones put together at random, by the language people would be written
 * to in. The Latin form makes the address; the written form is what stands in a header. Pure data.
 */

/** Written form, and the Latin form where stripping accents would not give it. */
export type Name = string | readonly [written: string, latin: string];

export interface Branch {
  readonly domain: string;
  /** BCP 47. */
  readonly language: string;
  /** ISO 3166-1. */
  readonly countries: readonly [string, ...string[]];
  /** Out of 100 employees. */
  readonly share: number;
  readonly firstNames: readonly Name[];
  readonly lastNames: readonly Name[];
}

export const DEPARTMENTS = [
  "Production",
  "Logistics",
  "Sales",
  "Customer Care",
  "Research",
  "Finance",
  "People",
  "IT",
  "Purchasing",
  "Quality",
] as const;

export const BRANCHES: readonly Branch[] = [
  {
    domain: "nordwind.example",
    language: "de",
    countries: ["DE", "DE", "DE", "AT", "CH"],
    share: 44,
    firstNames: words(
      "Anna Jonas Lena Felix Katharina Lukas Sabine Tobias Miriam Stefan Petra Jürgen Ute Björn Heike Matthias Claudia Günter Franziska Sebastian Birgit Jörg Nadine Uwe Greta Henrik Silke Dominik Käthe Ralf Monika Timo Doris Florian Renate Aylin Mehmet Elif Piotr Ewa",
    ),
    lastNames: words(
      "Berg Müller Weiß Schäfer Köhler Lorenz Brandt Vogel Krüger Hartmann Engel Busch Seidel Böhm Winter Haas Jäger Sommer Kühn Arnold Lindner Graf Otto Pohl Roth Keller Frank Kaiser Fuchs Peters Lang Scholz Möller Zimmermann Albrecht Simon Ludwig Voigt Sauer Ernst Yılmaz Demir Nowak Kowalski",
    ),
  },
  {
    domain: "nordwind-uk.example",
    language: "en",
    countries: ["GB", "GB", "IE"],
    share: 20,
    firstNames: words(
      "Emily Oliver Charlotte Harry Grace George Amelia Jack Isla Noah Sophie Thomas Hannah Daniel Ruby Samuel Alice Edward Lucy Henry Zoe Adam Priya Arjun Fatima Owen Siobhan Declan Megan Rhys Olivia Nathan Imogen Callum Beatrice Leon",
    ),
    lastNames: [
      ...words(
        "Walker Bennett Hughes Carter Foster Reid Murray Palmer Shaw Cole Barnes Fletcher Hudson Marsh Webb Dixon Hunter Gibson Ellis Grant Knight Lawson Mason Porter Quinn Rowe Sutton Tucker Vaughan Wade Patel Singh Khan Byrne Doyle Nolan",
      ),
      ["O’Brien", "obrien"],
      "Lloyd-Jones",
    ],
  },
  {
    domain: "nordwind-danmark.example",
    language: "da",
    countries: ["DK"],
    share: 14,
    firstNames: words(
      "Freja Mads Ida Emil Søren Karen Rasmus Kirsten Jens Signe Bjørn Åse Anders Mette Lars Trine Kasper Birgitte Niels Sofie Mikkel Hanne Jeppe Lærke Torben Inge Magnus Astrid Villads Nanna",
    ),
    lastNames: words(
      "Jensen Nielsen Holm Østergaard Kjær Lund Bach Dahl Krogh Skov Vestergaard Friis Juhl Thomsen Møller Bjerregaard Nørgaard Lindberg Toft Winther Brandt Ågård Schmidt Hald Kragh Riis Laursen Bundgaard Damgaard Svendsen",
    ),
  },
  {
    domain: "nordwind-france.example",
    language: "fr",
    countries: ["FR", "FR", "BE"],
    share: 16,
    firstNames: words(
      "Camille Hugo Léa Étienne Manon Théo Chloé Lucas Zoé Mathis Inès François Élodie Jérôme Anaïs Benoît Margaux Gaël Noémie Rémi Hélène Cédric Clémence Loïc Aurélie Pascal Océane Jean-Luc Marie-Claire Yannick",
    ),
    lastNames: words(
      "Martin Lefèvre Moreau Girard Bonnet Dupont Fontaine Rousseau Chevalier Gauthier Perrin Robin Masson Henry Duval Lemoine Barbier Renaud Colin Brunet Picard Léger Benoît Guérin Marchand Lacroix Carpentier Vidal Noël Besson",
    ),
  },
  {
    domain: "nordwind-gulf.example",
    language: "ar",
    countries: ["AE", "QA"],
    share: 6,
    firstNames: [
      ["ليلى", "layla"],
      ["يوسف", "yusuf"],
      ["مريم", "maryam"],
      ["خالد", "khalid"],
      ["نور", "noor"],
      ["عمر", "omar"],
      ["سلمى", "salma"],
      ["حسن", "hassan"],
      ["هدى", "huda"],
      ["طارق", "tariq"],
      ["زينب", "zaynab"],
      ["سامي", "sami"],
      ["رنا", "rana"],
      ["فيصل", "faisal"],
      ["دانة", "dana"],
      ["كريم", "karim"],
    ],
    lastNames: [
      ["الهاشمي", "alhashimi"],
      ["المنصوري", "almansoori"],
      ["حداد", "haddad"],
      ["النجار", "alnajjar"],
      ["الخطيب", "alkhatib"],
      ["صالح", "saleh"],
      ["العلي", "alali"],
      ["خليل", "khalil"],
      ["الشامسي", "alshamsi"],
      ["درويش", "darwish"],
      ["الكندي", "alkindi"],
      ["منصور", "mansour"],
      ["السويدي", "alsuwaidi"],
      ["ناصر", "nasser"],
      ["القاسمي", "alqasimi"],
      ["رحال", "rahhal"],
    ],
  },
];

function words(text: string): readonly string[] {
  return text.split(" ");
}

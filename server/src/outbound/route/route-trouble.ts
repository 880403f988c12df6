/**
 * Why a domain's mail cannot be handed over, before any of its servers has said a word: in our own words, with a code of
 * RFC 3463 and whether it may pass. The sentences name no domain and no host, so that a name a stranger chose is never
 * taken for a server's answer.
 */
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";

export type RouteTrouble =
  | { readonly kind: "no-domain" }
  /** RFC 7505 §3: the domain says that it takes no mail. */
  | { readonly kind: "null-mx" }
  | { readonly kind: "lookup-failed"; readonly why: string }
  | { readonly kind: "alias-loop" }
  /** Neither MX nor address records. */
  | { readonly kind: "no-mail-server" }
  /** There are MX records, and no server behind any of them (RFC 5321 §5.1). */
  | { readonly kind: "no-addresses" }
  | { readonly kind: "points-at-us" }
  | { readonly kind: "points-inside"; readonly address: string; readonly what: string }
  | { readonly kind: "other-family" }
  /** Our own database could not say which policy holds. */
  | { readonly kind: "policy-unreadable" };

export function explainRouteTrouble(trouble: RouteTrouble): RemoteWord {
  const [enhanced, text] = describe(trouble);
  return { step: "connect", code: null, enhanced, text, temporary: enhanced.startsWith("4") };
}

function describe(trouble: RouteTrouble): [enhanced: string, text: string] {
  switch (trouble.kind) {
    case "no-domain":
      return ["5.1.2", "This domain does not exist"];
    case "null-mx":
      return ["5.1.10", "This domain says that it takes no mail (null MX)"];
    case "lookup-failed":
      return ["4.4.3", `The mail servers of this domain could not be looked up: ${trouble.why}`];
    case "alias-loop":
      // Most resolvers answer a loop with SERVFAIL, which passes: the same fault must not be final with the others.
      return ["4.4.3", "The mail servers of this domain could not be looked up: its aliases lead in a circle"];
    case "no-mail-server":
      return ["5.4.4", "This domain has no mail server: neither MX records nor an address"];
    case "no-addresses":
      return ["5.4.4", "None of the mail servers that this domain names has an address"];
    case "points-at-us":
      // Temporary, because it is often our own doing: a mail server on the same address must be reached as a relay, and a
      // whole company must not be flagged until somebody says so.
      return ["4.4.6", "The mail servers of this domain lead back to the machine that sends this mail"];
    case "points-inside":
      return [
        "5.4.4",
        `The mail servers of this domain cannot be reached from outside: ${trouble.address} is ${trouble.what}`,
      ];
    case "other-family":
      return ["4.4.4", "The mail servers of this domain have no address of a kind that we can send from"];
    case "policy-unreadable":
      return ["4.4.3", "Our own record of this domain's policy for secure connections could not be read"];
  }
}

/** Turns what the connection says of one submission into what the delivery state machine and the attempt record need. Pure. */
import type { RemoteWord, SmtpStep } from "@roundtrip/mail/smtp/reply";
import type { CauseVerdict } from "../../outcome/cause/cause.ts";
import { findCause } from "../../outcome/cause/find-cause.ts";
import { readDelayHint } from "../../outcome/delay-hint.ts";
import type { DeliveryEvent } from "../../outcome/delivery.ts";
import type { Place } from "../../outcome/place.ts";
import type { Channel } from "./channel.ts";
import type { ConnectFailure, Peer, Submission } from "./smtp-connection.smtp.ts";

export interface Reading {
  readonly event: DeliveryEvent;
  readonly result: "accepted" | "refused" | "failed" | "unknown";
  readonly word: RemoteWord;
  readonly verdict: CauseVerdict | null;
  readonly place: Place;
}

/** What came of one try that was made; a mail withdrawn before it could leave has nothing to record. */
export function readSubmission(
  submission: Exclude<Submission, { kind: "withdrawn" }> | ConnectFailure,
  channel: Channel["kind"],
): Reading {
  switch (submission.kind) {
    case "accepted":
      return {
        event: { kind: "accepted" },
        result: "accepted",
        word: submission.word,
        verdict: null,
        place: placeOf(submission.peer),
      };
    case "unknown":
      return {
        event: { kind: "answer-lost" },
        result: "unknown",
        word: submission.word,
        verdict: null,
        place: placeOf(submission.peer),
      };
    case "refused":
    case "failed":
      return readRefusal(submission, channel);
  }
}

/** A domain that nothing can be handed to: the word is ours, and about the domain. */
export function readNoRoute(word: RemoteWord, domain: string): Reading {
  const peer = { host: domain, address: null, localAddress: null, tls: null };
  const verdict = judge(word, peer);
  const event = { kind: "refused", verdict, hintMs: null, text: word.text } as const;
  return { event, result: "failed", word, verdict, place: placeOf(peer) };
}

/**
 * What is said before a recipient is named speaks of the server or of us, never of this person: however final it
 * sounds, the mail is put off. A relay that turns us away must not flag a whole company, and the operator is told; the
 * mail host of a domain that does so is that domain's trouble.
 */
function readRefusal(
  submission: Extract<Submission | ConnectFailure, { kind: "refused" | "failed" }>,
  channel: Channel["kind"],
): Reading {
  const { word, peer } = submission;
  const said = judge(word, peer);
  // Without a code it is our own word: too large, or in need of an extension that the server lacks. That is about the mail.
  const isEarly = beforeRecipient.has(word.step) && (submission.kind === "failed" || word.code !== null);
  const verdict = isEarly && said.permanent ? { ...said, permanent: false } : said;
  const isAboutUs = isEarly && channel !== "mx";
  const about = isAboutUs ? ({ aboutUs: said.permanent ? "for-good" : "for-now" } as const) : {};
  const event = { kind: "refused", verdict, hintMs: readDelayHint(word.text), text: word.text, ...about } as const;
  return { event, result: submission.kind, word, verdict, place: placeOf(peer) };
}

const beforeRecipient: ReadonlySet<SmtpStep> = new Set(["connect", "greeting", "ehlo", "starttls", "auth", "mail"]);

function judge(word: RemoteWord, peer: Peer): CauseVerdict {
  return findCause({
    step: word.step,
    code: word.code === null ? null : String(word.code),
    enhanced: word.enhanced,
    text: word.text,
    remoteHost: peer.host,
  });
}

function placeOf(peer: Peer): Place {
  return {
    host: peer.host,
    address: peer.address,
    localAddress: peer.localAddress,
    tls: peer.tls ? writeTls(peer.tls) : (peer.clearBecause ?? null),
  };
}

function writeTls(tls: NonNullable<Peer["tls"]>): string {
  const certificate = tls.reason ? `${tls.certificate} (${tls.reason})` : tls.certificate;
  return `${tls.version} ${tls.cipher} ${certificate}`;
}

/** Turns what the connection says of one submission into what the delivery state machine and the attempt record need. Pure. */
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";
import type { CauseVerdict } from "../../outcome/cause/cause.ts";
import { findCause } from "../../outcome/cause/find-cause.ts";
import { readDelayHint } from "../../outcome/delay-hint.ts";
import type { DeliveryEvent } from "../../outcome/delivery.ts";
import type { Place } from "../../outcome/outcome.store.ts";
import type { ConnectFailure, Peer, Submission } from "./smtp-connection.smtp.ts";

export interface Reading {
  readonly event: DeliveryEvent;
  readonly result: "accepted" | "refused" | "failed" | "unknown";
  readonly word: RemoteWord;
  readonly verdict: CauseVerdict | null;
  readonly place: Place;
}

/** Null: the mail was withdrawn before it could leave, so there is nothing to record. */
export function readSubmission(submission: Submission | ConnectFailure): Reading | null {
  switch (submission.kind) {
    case "withdrawn":
      return null;
    case "accepted":
      return { event: { kind: "accepted" }, result: "accepted", word: submission.word, verdict: null, place: placeOf(submission.peer) };
    case "unknown":
      return { event: { kind: "answer-lost" }, result: "unknown", word: submission.word, verdict: null, place: placeOf(submission.peer) };
    case "refused":
    case "failed": {
      const verdict = judge(submission.word, submission.peer);
      const event = { kind: "refused", verdict, hintMs: readDelayHint(submission.word.text), text: submission.word.text } as const;
      return { event, result: submission.kind, word: submission.word, verdict, place: placeOf(submission.peer) };
    }
  }
}

function judge(word: RemoteWord, peer: Peer): CauseVerdict {
  return findCause({ step: word.step, code: word.code === null ? null : String(word.code), enhanced: word.enhanced, text: word.text, remoteHost: peer.host });
}

function placeOf(peer: Peer): Place {
  return { host: peer.host, address: peer.address, localAddress: peer.localAddress, tls: peer.tls ? writeTls(peer.tls) : null };
}

function writeTls(tls: NonNullable<Peer["tls"]>): string {
  const certificate = tls.reason ? `${tls.certificate} (${tls.reason})` : tls.certificate;
  return `${tls.version} ${tls.cipher} ${certificate}`;
}

/**
 * What must hold after every step of a simulation, whatever was done: the promises of the delivery (docs/architecture.md)
 * written down a second time, independently of the code and of the database's own guard. Pure; each breach is a sentence.
 */
import { type DeliveryState, isSettled } from "../../server/src/outcome/delivery.ts";
import { stopsMail } from "../../server/src/outcome/flag.ts";
import type { Claimed } from "../../server/src/outbound/send/queue.store.ts";
import type { AttemptOutcome } from "../../server/src/outcome/outcome.store.ts";
import type { SimulatedHost } from "./simulated-host.ts";
import type { Row, Snapshot } from "./stage.ts";

/** What a step was, as far as its kind makes further promises. */
export type Deed =
  | { readonly kind: "claim"; readonly by: Actor; readonly claims: readonly Claimed[]; readonly now: Date }
  | { readonly kind: "mark"; readonly by: Actor; readonly marked: readonly Claimed[] }
  | { readonly kind: "record"; readonly outcomes: readonly AttemptOutcome[] }
  | { readonly kind: "notice"; readonly about: { readonly deliveryId: number; readonly generation: number } }
  | { readonly kind: "clear" }
  /** Something that concerns no delivery. */
  | { readonly kind: "nothing" }
  | { readonly kind: "other" };

interface Actor {
  readonly nodeId: number;
  /** Its lease holds and nobody has declared it dead. */
  readonly isTrusted: boolean;
}

/** What has been so at any time before, by `generationKey`. */
export interface Memory {
  readonly unknown: Set<string>;
  /** Unknown, and no answer has come since that says it was not taken. */
  readonly perhapsSent: Set<string>;
  readonly duplicates: Set<string>;
  readonly dates: Map<string, number>;
  readonly addresses: Map<string, string>;
}

export const emptyMemory = (): Memory => ({
  unknown: new Set(),
  perhapsSent: new Set(),
  duplicates: new Set(),
  dates: new Map(),
  addresses: new Map(),
});

export const generationKey = (id: number, generation: number): string => `${String(id)}/${String(generation)}`;

/** One step: how it stood before and after, and what was done. */
export interface Taken {
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly deed: Deed;
}

export function findBreaches({ before, after, deed }: Taken, memory: Memory, host: SimulatedHost): string[] {
  const breaches: string[] = [...checkSums(after)];
  for (const row of after.values()) {
    const was = before.get(row.id);
    if (!was) {
      breaches.push(`delivery ${String(row.id)} appeared from nowhere`);
      continue;
    }
    remember(was, row, deed, memory);
    const said = [
      ...checkChange(was, row, deed),
      ...checkIdentity(row, memory),
      ...checkStanding(row, memory, host),
      ...checkPerson(was, row),
    ];
    breaches.push(...said.map((text) => `delivery ${String(row.id)} (${was.state} → ${row.state}): ${text}`));
  }
  return [...breaches, ...checkDeed(before, after, deed, memory)];
}

function remember(was: Row, row: Row, deed: Deed, memory: Memory): void {
  const key = generationKey(row.id, row.generation);
  if (row.state === "unknown") memory.unknown.add(key);
  if (row.state === "unknown") memory.perhapsSent.add(key);
  else if (was.state === "unknown" && deed.kind === "record") memory.perhapsSent.delete(key);
  if (row.possibleDuplicate) memory.duplicates.add(key);
}

/** Σ states = enqueued, round by round. */
function checkSums(after: Snapshot): string[] {
  const counts = new Map<number, { count: number; enqueued: number }>();
  for (const { roundId, enqueued } of after.values()) {
    const counted = counts.get(roundId) ?? { count: 0, enqueued };
    counts.set(roundId, { ...counted, count: counted.count + 1 });
  }
  return [...counts].flatMap(([roundId, { count, enqueued }]) =>
    count === enqueued ? [] : [`round ${String(roundId)} counts ${String(count)} of ${String(enqueued)} enqueued`],
  );
}

/** The ways a delivery may go; stricter than the database's guard, which also lets commands for repair pass. */
const ways: Readonly<Record<DeliveryState, readonly DeliveryState[]>> = {
  queued: ["claimed", "suppressed", "expired", "delivered", "bounced", "complained", "held", "cancelled"],
  held: ["queued", "suppressed", "expired", "delivered", "bounced", "complained", "cancelled"],
  claimed: ["submitting", "queued", "suppressed", "bounced", "expired", "delivered", "complained"],
  submitting: ["accepted", "queued", "bounced", "expired", "unknown", "delivered", "complained"],
  unknown: ["accepted", "delivered", "bounced", "expired", "complained", "queued"],
  accepted: ["delivered", "bounced", "expired", "complained"],
  delivered: ["bounced", "expired", "complained"],
  bounced: ["queued", "complained"],
  expired: ["queued", "bounced", "complained"],
  suppressed: ["queued"],
  complained: [],
  cancelled: [],
};

function checkChange(was: Row, row: Row, deed: Deed): string[] {
  const breaches: string[] = [];
  if (was.state !== row.state && !ways[was.state].includes(row.state) && !isTwoSteps(row, deed))
    breaches.push("this way does not exist");
  if (row.fence < was.fence) breaches.push("the fence fell");
  if (row.state === "claimed" && was.state !== "claimed" && row.fence <= was.fence)
    breaches.push("a claim did not raise the fence");
  if (row.generation !== was.generation && deed.kind !== "clear") breaches.push("another mail, but nobody cleared it");
  if (was.state !== "queued" && row.state === "queued" && isSettled(was.state) && row.generation === was.generation)
    breaches.push("it goes out again as the same mail");
  if (was.possibleDuplicate && !row.possibleDuplicate && row.generation === was.generation)
    breaches.push("the mark of a possible duplicate was lost");
  if (was.state === "unknown" && row.state === "queued" && row.neverSendTwice && row.possibleDuplicate)
    breaches.push("it is sent again in a round that never sends twice");
  return breaches;
}

/** Put off by its own outcome, and stopped at once by a flag that another outcome of the same batch raised. */
function isTwoSteps(row: Row, deed: Deed): boolean {
  return (
    row.state === "suppressed" &&
    deed.kind === "record" &&
    deed.outcomes.some(({ id, step }) => id === row.id && step.state === "queued")
  );
}

/** A mail that is tried again is the same mail: same date and address, hence the same bytes. */
function checkIdentity(row: Row, memory: Memory): string[] {
  const key = generationKey(row.id, row.generation);
  const breaches: string[] = [];
  const date = row.messageDate?.getTime();
  const known = memory.dates.get(key);
  if (known !== undefined && date !== known) breaches.push("its date changed between two tries");
  if (date !== undefined) memory.dates.set(key, date);
  const address = memory.addresses.get(key) ?? row.address;
  if (address !== row.address) breaches.push("its address changed between two tries");
  memory.addresses.set(key, address);
  return breaches;
}

/** What a row must be to say what it says. */
function checkStanding(row: Row, memory: Memory, host: SimulatedHost): string[] {
  const key = generationKey(row.id, row.generation);
  const breaches: string[] = [];
  if (row.possibleDuplicate && !memory.unknown.has(key)) breaches.push("marked as a duplicate, but never unknown");
  const hasArrived = row.state === "accepted" || row.state === "delivered";
  if (hasArrived && host.copiesOf(row.id, row.generation).length === 0)
    breaches.push("it is said to be accepted, but nobody has it");
  const isForPerson = row.neverSendTwice || row.possibleDuplicate;
  if (row.state === "unknown" && isForPerson && row.dueAt !== null)
    breaches.push("a person should decide, but a resend is planned");
  if (row.state === "unknown" && !isForPerson && row.dueAt === null && row.roundState !== "closed")
    breaches.push("unknown without a plan or a reason");
  return breaches;
}

function checkPerson(was: Row, row: Row): string[] {
  const breaches: string[] = [];
  const isStopped = row.flag !== null && stopsMail(row.flag);
  const wasStopped = was.flag !== null && stopsMail(was.flag);
  if (row.state === "bounced" && was.state !== "bounced" && !isStopped) breaches.push("bounced without a flag");
  if (isStopped && !wasStopped && ["queued", "held", "claimed"].includes(row.state))
    breaches.push("the person was flagged, but this mail was not stopped");
  return breaches;
}

function checkDeed(before: Snapshot, after: Snapshot, deed: Deed, memory: Memory): string[] {
  switch (deed.kind) {
    case "claim":
      return deed.claims.flatMap((claimed) => checkClaim(before.get(claimed.id), after.get(claimed.id), claimed, deed));
    case "mark":
      return deed.marked.flatMap((claimed) => checkMark(before.get(claimed.id), claimed, deed.by, memory));
    case "record":
      return checkRecord(before, after, deed.outcomes);
    case "notice": {
      const was = before.get(deed.about.deliveryId);
      if (!was || was.generation === deed.about.generation) return [];
      return sameRow(was, after.get(was.id)) ? [] : ["news of an earlier mail changed the present one"];
    }
    case "nothing":
      return [...before.values()].some((was) => !sameRow(was, after.get(was.id)))
        ? ["it should have changed nothing"]
        : [];
    case "clear":
    case "other":
      return [];
  }
}

function checkClaim(
  was: Row | undefined,
  row: Row | undefined,
  claimed: Claimed,
  { by, now }: Extract<Deed, { kind: "claim" }>,
): string[] {
  const name = `claim of ${String(claimed.id)}`;
  if (!was || !row) return [`${name}: no such delivery`];
  const breaches: string[] = [];
  if (was.state !== "queued") breaches.push(`${name}: it was ${was.state}`);
  if (was.dueAt === null || was.dueAt > now) breaches.push(`${name}: it was not due`);
  if (row.nodeId !== by.nodeId || row.fence !== claimed.fence) breaches.push(`${name}: the claim is not this node's`);
  if (was.flag !== null && stopsMail(was.flag)) breaches.push(`${name}: the person is flagged`);
  if (was.optedOut) breaches.push(`${name}: the person opted out`);
  return breaches;
}

/** A yes to a mark is the licence to send. */
function checkMark(was: Row | undefined, claimed: Claimed, by: Actor, memory: Memory): string[] {
  const name = `mark of ${String(claimed.id)}`;
  if (!was) return [`${name}: no such delivery`];
  const breaches: string[] = [];
  if (was.state !== "claimed") breaches.push(`${name}: it was ${was.state}`);
  if (was.nodeId !== by.nodeId || was.fence !== claimed.fence) breaches.push(`${name}: somebody else has it`);
  if (!by.isTrusted) breaches.push(`${name}: this node's lease is over`);
  if (was.roundState !== "open") breaches.push(`${name}: the round is ${was.roundState}`);
  if (was.flag !== null && stopsMail(was.flag)) breaches.push(`${name}: the person is flagged`);
  if (was.optedOut) breaches.push(`${name}: the person opted out`);
  if (was.neverSendTwice && memory.perhapsSent.has(generationKey(was.id, was.generation)))
    breaches.push(`${name}: it may have been sent, and this round never sends twice`);
  return breaches;
}

/** An outcome counts under its own fence only, and then it counts wholly. */
function checkRecord(before: Snapshot, after: Snapshot, outcomes: readonly AttemptOutcome[]): string[] {
  const breaches: string[] = [];
  const flaggable = new Set<number>();
  for (const outcome of outcomes) {
    const was = before.get(outcome.id);
    const row = after.get(outcome.id);
    if (!was || !row) continue;
    const isFresh = was.fence === outcome.fence && ["claimed", "submitting", "unknown"].includes(was.state);
    if (isFresh) flaggable.add(was.employeeId);
    const isStoppedNow = row.state === "suppressed" && row.flag !== null;
    const hasFresh = outcomes.some((other) => other.id === outcome.id && other.fence === was.fence);
    if (isFresh && row.state !== outcome.step.state && !isStoppedNow)
      breaches.push(`outcome of ${String(was.id)}: ${outcome.step.state} was lost, it is ${row.state}`);
    if (!isFresh && !hasFresh && !sameRow(was, row) && !isStoppedNow)
      breaches.push(`outcome of ${String(was.id)}: an old fence changed it from ${was.state} to ${row.state}`);
  }
  for (const row of after.values()) {
    const was = before.get(row.id);
    if (was && was.flag !== row.flag && !flaggable.has(row.employeeId))
      breaches.push(`outcome: an old fence changed the flag of person ${String(row.employeeId)}`);
  }
  return breaches;
}

function sameRow(left: Row, right: Row | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

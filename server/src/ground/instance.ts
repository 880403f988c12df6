/**
 * Whether this database is still the one it was, or a restored or copied one that must not send. Pure: compares what was
 * stored with what is there. A byte-for-byte copy that kept its place, its history and its data directory cannot be told
 * from the original; only ROUNDTRIP_INSTANCE can.
 */

/** What a node remembers of the database outside of it, in its data directory and while it runs. */
export interface InstanceMarker {
  readonly instance: string;
  readonly beat: number;
}

export interface StoredInstance extends InstanceMarker {
  /** What it was called until a restored or copied database was confirmed. */
  readonly formerly: string | null;
  readonly name: string | null;
  readonly systemIdentifier: string | null;
  readonly databaseOid: number;
  readonly timeline: number | null;
}

/** Where the database is now. Null where the server does not tell: what is not known is no evidence. */
export interface InstancePlace {
  readonly systemIdentifier: string | null;
  readonly databaseOid: number;
  readonly timeline: number | null;
}

/** What the node that asks knows. */
export interface InstanceView {
  /** ROUNDTRIP_INSTANCE. */
  readonly name: string | null;
  readonly marker: InstanceMarker | null;
  /** It has been sending until now: a new timeline is then a standby that took over, not a restored backup. */
  readonly isRunning: boolean;
}

/** Said of the database, so it holds for every node. */
export type RestoredBecause = "another-cluster" | "another-database" | "recovered" | "went-back";
/** Said of this node and the database together: the others may go on. */
export type StrangeBecause = "another-name" | "another-instance";
export type LatchReason = RestoredBecause | StrangeBecause;

/** The reasons why the database looks restored or copied; none when it is where it was. */
export function decideRestored(
  stored: StoredInstance,
  place: InstancePlace,
  view: InstanceView,
): readonly RestoredBecause[] {
  const reasons: RestoredBecause[] = [];
  if (differs(stored.systemIdentifier, place.systemIdentifier)) reasons.push("another-cluster");
  else if (stored.databaseOid !== place.databaseOid) reasons.push("another-database");
  else if (differs(stored.timeline, place.timeline) && !view.isRunning) reasons.push("recovered");
  const { marker } = view;
  if (marker?.instance === stored.instance && marker.beat > stored.beat) reasons.push("went-back");
  return reasons;
}

/**
 * The reasons why this node should not send with this database, though others may. A node that remembers what the database
 * was called before it was confirmed belongs to it all the same.
 */
export function decideStrange(stored: StoredInstance, view: InstanceView): readonly StrangeBecause[] {
  if (differs(stored.name, view.name)) return ["another-name"];
  const known = [stored.instance, stored.formerly];
  return view.marker && !known.includes(view.marker.instance) ? ["another-instance"] : [];
}

/** A latch in words: whom it holds and why, what could go wrong without it, and what to do. */
export interface LatchWords {
  readonly title: string;
  /** Goes after "because". */
  readonly why: string;
  readonly risk: string;
  readonly wayOn: string;
  readonly command: string;
}

export function describeLatch(reasons: readonly LatchReason[]): LatchWords {
  const isOfDatabase = reasons.some((reason) => !isStrange(reason));
  return {
    title: isOfDatabase ? "Nothing is sent" : "This node sends nothing",
    why: reasons.map((reason) => sentences[reason]).join("; "),
    risk: isOfDatabase
      ? "If mail went out now, people could get again what the original has sent since."
      : "If mail went out from here, it could reach people who were not meant to get it.",
    wayOn: isOfDatabase
      ? "When this is the database to go on with, and no other one sends for it, run:"
      : "Correct DATABASE_URL, ROUNDTRIP_DATA_DIR or ROUNDTRIP_INSTANCE; or, when this is the database to go on with, run:",
    command: "npx roundtrip confirm-restore",
  };
}

/** The same in one line, for log, terminal and doctor. */
export function explainLatch(reasons: readonly LatchReason[]): string {
  const { title, why, risk, wayOn, command } = describeLatch(reasons);
  return `${title}, because ${why}. ${risk} ${wayOn} ${command}`;
}

const sentences: Readonly<Record<LatchReason, string>> = {
  "another-cluster": "this database was restored or copied: it lives on another PostgreSQL than before",
  "another-database": "this database was restored or copied: it is another one than before on the same PostgreSQL",
  recovered: "PostgreSQL was recovered from a backup or a standby took over while no sender was running",
  "went-back": "this database has gone back to an earlier moment",
  "another-name": "the database belongs to another instance than ROUNDTRIP_INSTANCE says",
  "another-instance": "this data directory was used with another database before",
};

function isStrange(reason: LatchReason): reason is StrangeBecause {
  return reason === "another-name" || reason === "another-instance";
}

function differs<Value>(stored: Value | null, present: Value | null): boolean {
  return stored !== null && present !== null && stored !== present;
}

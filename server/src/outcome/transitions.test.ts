/** The state machine and the database that guards it know the same table: no step that is decided can fail to be written. */
import { expect, it } from "vitest";
import { seedRound } from "../testing/seed.ts";
import { useTestDatabase } from "../testing/test-database.ts";
import type { CauseVerdict } from "./cause/cause.ts";
import { type Delivery, type DeliveryEvent, decideStep, deliveryStates, isSettled } from "./delivery.ts";
import { defaultRetryPolicy } from "./retry-policy.ts";

const test = useTestDatabase();
const now = new Date("2026-11-24T08:00:00Z");
const rules = { retry: defaultRetryPolicy, unknownResendMs: 60_000, neverSendTwice: false };

const verdicts: readonly CauseVerdict[] = [
  { cause: "recipient-unknown", fault: "address", permanent: true, rule: "test" },
  { cause: "mailbox-full", fault: "address", permanent: false, rule: "test" },
  { cause: "policy-rejected", fault: "their-system", permanent: true, rule: "test" },
];
const plainEvents = [
  "accepted",
  "answer-lost",
  "withdrawn",
  "resend-due",
  "notice-delayed",
  "notice-delivered",
  "evidence-of-arrival",
  "complained",
  "held",
  "released",
  "cancelled",
  "round-closed",
  "cleared",
] as const;
const events: readonly DeliveryEvent[] = [
  ...plainEvents.map((kind) => ({ kind })),
  { kind: "suppressed", because: "flagged" },
  ...verdicts.map((verdict) => ({ kind: "refused", verdict, hintMs: null, text: "" }) as const),
  ...verdicts.map((verdict) => ({ kind: "notice-failed", verdict, text: "" }) as const),
];

/** Every way out of every state, early in a round and when it is about to close. */
function decideAll(): readonly string[] {
  const found = new Set<string>();
  for (const state of deliveryStates) {
    for (const [event, attempts, hoursLeft] of events.flatMap((event) => [
      [event, 0, 100] as const,
      [event, 3, 0] as const,
    ])) {
      const delivery: Delivery = { state, attempts, firstTriedAt: now, possibleDuplicate: false, softFlagged: false };
      const closesAt = new Date(now.getTime() + hoursLeft * 3_600_000);
      const step = decideStep(delivery, event, rules, { now, closesAt, chance: 0.5 });
      if (step && step.state !== state) found.add(`${state} → ${step.state}`);
    }
  }
  return [...found];
}

it("every step that can be decided can be written", async () => {
  const ways = decideAll();
  const seeded = await seedRound(test, ways.length);
  const refused: string[] = [];
  for (const [index, way] of ways.entries()) {
    const [from, to] = way.split(" → ");
    const id = seeded.deliveries[index];
    await force(id!, from!);
    await write(id!, to!).catch((error: unknown) => refused.push(`${way}: ${String(error)}`));
  }
  expect(refused).toEqual([]);
  expect(ways).toContain("accepted → expired");
  expect(ways.length).toBeGreaterThan(40);
});

/** Puts a delivery into a state as if it had come there, past the guard. */
async function force(id: number, state: string): Promise<void> {
  const client = await test.database.owner.connect();
  try {
    await client.query("begin");
    await client.query("set local session_replication_role = replica");
    await client.query(change, valuesOf(id, state));
    await client.query("commit");
  } finally {
    client.release();
  }
}

async function write(id: number, state: string): Promise<void> {
  await test.database.owner.query(change, valuesOf(id, state));
}

const change = "update delivery set state = $2, settled_at = $3, due_at = $4, node_id = $5 where id = $1";

function valuesOf(id: number, state: string): unknown[] {
  const isInFlight = state === "claimed" || state === "submitting";
  const settled = deliveryStates.some((known) => known === state && isSettled(known));
  return [id, state, settled ? now : null, state === "queued" ? now : null, isInFlight ? 1 : null];
}

/** The state machine: each event leads where the table says, duplicates and disorder change nothing, and everything comes to an end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CauseVerdict } from "./cause/cause.ts";
import {
  type Delivery,
  type DeliveryEvent,
  type DeliveryState,
  decideStep,
  deliveryStates,
  isSettled,
  type SendingRules,
  type Step,
  type When,
} from "./delivery.ts";
import { defaultRetryPolicy } from "./retry-policy.ts";

const now = new Date("2026-11-24T08:00:00Z");
const hour = 3_600_000;
const when: When = { now, closesAt: new Date(now.getTime() + 240 * hour), chance: 0.5 };
const rules: SendingRules = { retry: defaultRetryPolicy, unknownResendMs: 30 * 60_000, neverSendTwice: false };
const fresh: Delivery = {
  state: "queued",
  attempts: 0,
  firstTriedAt: null,
  possibleDuplicate: false,
  softFlagged: false,
};

const unknownUser: CauseVerdict = { cause: "recipient-unknown", fault: "address", permanent: true, rule: "test" };
const full: CauseVerdict = { cause: "mailbox-full", fault: "address", permanent: true, rule: "test" };
const policy: CauseVerdict = { cause: "policy-rejected", fault: "their-system", permanent: true, rule: "test" };
const untrusted: CauseVerdict = { cause: "reputation-blocked", fault: "us", permanent: true, rule: "test" };
const busy: CauseVerdict = { cause: "rate-limited", fault: "their-system", permanent: false, rule: "test" };

const refused = (verdict: CauseVerdict): DeliveryEvent => ({ kind: "refused", verdict, hintMs: null, text: "550 no" });
const bounced = (verdict: CauseVerdict): DeliveryEvent => ({ kind: "notice-failed", verdict, text: "550 no" });
const at = (state: DeliveryState, changes: Partial<Delivery> = {}): Delivery => ({ ...fresh, state, ...changes });
const step = (delivery: Delivery, event: DeliveryEvent, changes: Partial<SendingRules> = {}): Step | null =>
  decideStep(delivery, event, { ...rules, ...changes }, when);

describe("an attempt", () => {
  it("that is accepted ends the sending, and counts", () => {
    expect(step(at("submitting"), { kind: "accepted" })).toMatchObject({
      state: "accepted",
      attempts: 1,
      dueAt: null,
      effects: [],
    });
  });

  it("refused for a wrong address bounces and flags the person as hard", () => {
    expect(step(at("submitting"), refused(unknownUser))).toMatchObject({
      state: "bounced",
      effects: [{ kind: "flag-employee", flag: "hard" }],
    });
  });

  it("refused by their policy bounces and flags the person as refused by their mail system, not as a bad address", () => {
    expect(step(at("submitting"), refused(policy))?.effects).toMatchObject([{ flag: "refused-by-their-system" }]);
  });

  it("refused because of us also calls the operator", () => {
    expect(step(at("submitting"), refused(untrusted))?.effects.map((effect) => effect.kind)).toEqual([
      "flag-employee",
      "alert-operator",
    ]);
  });

  it("at a full mailbox is put off, even when the server says 5xx", () => {
    const put = step(at("submitting"), refused(full));
    expect(put).toMatchObject({ state: "queued", attempts: 1, effects: [] });
    expect(put?.dueAt?.getTime()).toBe(now.getTime() + hour);
  });

  it("slowed down by the other side is not counted against the mail", () => {
    expect(step(at("submitting", { attempts: 2, firstTriedAt: now }), refused(busy))).toMatchObject({
      state: "queued",
      attempts: 2,
    });
  });

  it("that was the last one allowed expires and flags softly", () => {
    const tired = at("submitting", { attempts: 9, firstTriedAt: new Date(now.getTime() - 72 * hour) });
    expect(step(tired, refused(full))).toMatchObject({ state: "expired", effects: [{ flag: "soft" }] });
  });

  it("that the server cut short before any recipient was named flags nobody, and calls the operator when it sounds final or goes on", () => {
    const turnedAway = (aboutUs: "for-now" | "for-good"): DeliveryEvent => ({
      kind: "refused",
      verdict: { ...policy, permanent: false },
      hintMs: null,
      text: "554 not from you",
      aboutUs,
    });
    expect(step(at("submitting"), turnedAway("for-good"))).toMatchObject({
      state: "queued",
      effects: [{ kind: "alert-operator" }],
    });
    expect(step(at("submitting"), turnedAway("for-now"))).toMatchObject({ state: "queued", effects: [] });
    expect(step(at("submitting", { attempts: 2, firstTriedAt: now }), turnedAway("for-now"))?.effects).toMatchObject([
      { kind: "alert-operator" },
    ]);
    const tired = at("submitting", { attempts: 9, firstTriedAt: new Date(now.getTime() - 72 * hour) });
    expect(step(tired, turnedAway("for-now"))).toMatchObject({ state: "expired", effects: [] });
  });

  it("withdrawn before the last byte goes back untouched", () => {
    expect(step(at("claimed", { attempts: 3 }), { kind: "withdrawn" })).toMatchObject({
      state: "queued",
      attempts: 3,
      dueAt: now,
    });
  });

  it("accepted after a soft flag lifts it", () => {
    expect(step(at("submitting", { softFlagged: true }), { kind: "accepted" })?.effects).toEqual([
      { kind: "lift-soft-flag" },
    ]);
  });
});

describe("a lost answer", () => {
  it("is unknown, and sent once more after half an hour, marked as a possible duplicate", () => {
    const lost = step(at("submitting"), { kind: "answer-lost" });
    expect(lost).toMatchObject({ state: "unknown", dueAt: new Date(now.getTime() + 30 * 60_000) });
    expect(step(at("unknown"), { kind: "resend-due" })).toMatchObject({ state: "queued", possibleDuplicate: true });
  });

  it("the second time, or where mail is never sent twice, waits for a person", () => {
    expect(step(at("submitting", { possibleDuplicate: true }), { kind: "answer-lost" })?.dueAt).toBeNull();
    expect(step(at("submitting"), { kind: "answer-lost" }, { neverSendTwice: true })?.dueAt).toBeNull();
  });

  it("is settled by evidence: a late answer, a notice, an out-of-office reply", () => {
    expect(step(at("unknown"), { kind: "accepted" })?.state).toBe("accepted");
    expect(step(at("unknown"), bounced(unknownUser))?.state).toBe("bounced");
    expect(step(at("unknown"), { kind: "notice-delivered" })?.state).toBe("delivered");
    expect(step(at("unknown"), { kind: "evidence-of-arrival" })?.state).toBe("accepted");
  });
});

describe("news that comes back later", () => {
  it("a failure notice after acceptance bounces and flags", () => {
    expect(step(at("accepted"), bounced(unknownUser))).toMatchObject({ state: "bounced", effects: [{ flag: "hard" }] });
  });

  it("a relay that gave up on a full mailbox makes it expired, not bounced", () => {
    expect(step(at("accepted"), bounced(full))).toMatchObject({ state: "expired", effects: [{ flag: "soft" }] });
  });

  it("a delay notice and an out-of-office reply change nothing", () => {
    expect(step(at("accepted"), { kind: "notice-delayed" })).toBeNull();
    expect(step(at("accepted"), { kind: "evidence-of-arrival" })).toBeNull();
  });

  it("comes to the same end in any order and any number of copies", () => {
    const news = fc.constantFrom<DeliveryEvent>(
      { kind: "notice-delivered" },
      { kind: "notice-delayed" },
      bounced(unknownUser),
      bounced(full),
      { kind: "complained" },
      { kind: "evidence-of-arrival" },
    );
    const end = (events: readonly DeliveryEvent[]) =>
      events.reduce((delivery, event) => apply(delivery, step(delivery, event)), at("accepted")).state;
    fc.assert(
      fc.property(
        fc
          .array(news, { minLength: 1, maxLength: 8 })
          .chain((events) =>
            fc.tuple(
              fc.constant(events),
              fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }),
            ),
          ),
        ([events, shuffled]) => {
          expect(end(shuffled)).toBe(end(events));
        },
      ),
    );
  });
});

describe("people", () => {
  it("clearing the flag sends another mail, with attempts counted anew", () => {
    expect(step(at("bounced", { attempts: 4 }), { kind: "cleared" })).toMatchObject({
      state: "queued",
      attempts: 0,
      newGeneration: true,
      dueAt: now,
    });
  });

  it("nothing that has left can be suppressed or cancelled", () => {
    for (const state of ["submitting", "unknown", "accepted", "delivered", "bounced"] as const) {
      expect(step(at(state), { kind: "suppressed", because: "flagged" })).toBeNull();
      expect(step(at(state), { kind: "cancelled" })).toBeNull();
    }
  });

  it("closing the round expires what was tried in vain and suppresses what never was", () => {
    expect(step(at("queued", { attempts: 2 }), { kind: "round-closed" })?.state).toBe("expired");
    expect(step(at("queued"), { kind: "round-closed" })).toMatchObject({
      state: "suppressed",
      suppressedBecause: "round-closed",
    });
  });
});

describe("whatever happens", () => {
  const verdicts = fc.constantFrom(unknownUser, full, policy, untrusted, busy);
  const events: fc.Arbitrary<DeliveryEvent> = fc.oneof(
    verdicts.map(refused),
    verdicts.map(bounced),
    fc.constantFrom<DeliveryEvent>(
      { kind: "accepted" },
      { kind: "answer-lost" },
      { kind: "withdrawn" },
      { kind: "resend-due" },
      { kind: "notice-delayed" },
      { kind: "notice-delivered" },
      { kind: "evidence-of-arrival" },
      { kind: "complained" },
      { kind: "suppressed", because: "flagged" },
      { kind: "held" },
      { kind: "released" },
      { kind: "cancelled" },
      { kind: "round-closed" },
      { kind: "cleared" },
    ),
  );
  const deliveries = fc.record<Delivery>({
    state: fc.constantFrom(...deliveryStates),
    attempts: fc.nat(20),
    firstTriedAt: fc.constant(now),
    possibleDuplicate: fc.boolean(),
    softFlagged: fc.boolean(),
  });

  it("a queued step has a due time, and a settled one has none", () => {
    fc.assert(
      fc.property(deliveries, events, (delivery, event) => {
        const taken = step(delivery, event);
        if (taken?.state === "queued") expect(taken.dueAt).not.toBeNull();
        if (taken && isSettled(taken.state)) expect(taken.dueAt).toBeNull();
      }),
    );
  });

  it("final states are never left", () => {
    fc.assert(
      fc.property(deliveries, events, (delivery, event) => {
        if (delivery.state === "complained" || delivery.state === "cancelled") expect(step(delivery, event)).toBeNull();
      }),
    );
  });

  it("an end is reached: refused for ever, every delivery settles or waits for a person", () => {
    fc.assert(
      fc.property(fc.array(events, { maxLength: 12 }), verdicts, (history, verdict) => {
        let delivery = history.reduce((standing, event) => apply(standing, step(standing, event)), fresh);
        let time = now;
        for (let turn = 0; !isSettled(delivery.state) && delivery.state !== "held"; turn++) {
          expect(turn).toBeLessThan(2000);
          const event: DeliveryEvent = delivery.state === "unknown" ? { kind: "resend-due" } : refused(verdict);
          const tried = delivery.state === "queued" ? { ...delivery, state: "submitting" as const } : delivery;
          const taken = decideStep(tried, event, rules, { ...when, now: time });
          if (taken?.dueAt) time = new Date(Math.max(time.getTime() + 1, taken.dueAt.getTime()));
          delivery = apply({ ...tried, firstTriedAt: tried.firstTriedAt ?? now }, taken);
        }
      }),
    );
  });
});

function apply(delivery: Delivery, taken: Step | null): Delivery {
  return taken
    ? { ...delivery, state: taken.state, attempts: taken.attempts, possibleDuplicate: taken.possibleDuplicate }
    : delivery;
}

/** Delays are told once, with figures that stay current, and not a moment longer than they last. */
import { expect, it } from "vitest";
import { useTestDatabase } from "../../testing/test-database.ts";
import { type DomainRound, seedDomainRound } from "../testing/domain-round.ts";
import { warnOfDelays } from "./warn-of-delays.store.ts";

const test = useTestDatabase();
const start = new Date("2026-11-24T08:00:00Z");
const after = (minutes: number) => new Date(start.getTime() + minutes * 60_000);
const slow = "slow.example";

/** Tried at the start and put off by half an hour each time. */
const putOff = (round: DomainRound, ids: readonly number[], text: string) =>
  test.database.owner.query(
    "update delivery set first_tried_at = $2, due_at = due_at + interval '30 minutes', last_text = $3 where org_id = $1 and id = any($4::bigint[])",
    [round.orgId, start, text, ids],
  );
const alertsOf = async (round: DomainRound) =>
  (
    await test.database.owner.query<{ text: string; at: Date; seen_at: Date | null; closed_at: Date | null }>(
      "select text, at, seen_at, closed_at from alert where org_id = $1 and kind = 'delayed'",
      [round.orgId],
    )
  ).rows;

it("warns once per domain after two hours, keeps the figures current, and closes by itself", async () => {
  const round = await seedDomainRound(test, { [slow]: 5, "fast.example": 5 }, start);
  const ids = round.mails[slow]!;
  await putOff(round, ids.slice(0, 3), "450 4.7.1 come again");
  expect(await warnOfDelays(test.database, after(119))).toEqual({ opened: 0, closed: 0 });
  expect(await warnOfDelays(test.database, after(120))).toEqual({ opened: 1, closed: 0 });
  expect(await warnOfDelays(test.database, after(121))).toEqual({ opened: 0, closed: 0 });
  const [first] = await alertsOf(round);
  expect(first?.text).toBe(
    "slow.example has been putting off 3 mails since 2026-11-24 08:00 UTC. Roundtrip goes on trying; nobody has to act yet. Last answer: 450 4.7.1 come again",
  );

  await putOff(round, ids.slice(3), "451 4.3.2 busy");
  await test.database.owner.query("update alert set seen_at = $2 where org_id = $1", [round.orgId, after(130)]);
  await warnOfDelays(test.database, after(131));
  const [grown] = await alertsOf(round);
  expect(grown).toMatchObject({ at: after(120), seen_at: after(130), text: expect.stringContaining("5 mails") });

  await test.database.owner.query(
    "update delivery set state = 'expired', settled_at = $2 where org_id = $1 and first_tried_at is not null",
    [round.orgId, after(140)],
  );
  expect(await warnOfDelays(test.database, after(141))).toEqual({ opened: 0, closed: 1 });
  expect(await warnOfDelays(test.database, after(142))).toEqual({ opened: 0, closed: 0 });
});

it("is news again when it comes back", async () => {
  const round = await seedDomainRound(test, { [slow]: 2 }, start);
  const [one, other] = round.mails[slow]!;
  await putOff(round, [one!], "");
  await warnOfDelays(test.database, after(120));
  await test.database.owner.query("update alert set seen_at = $2 where org_id = $1", [round.orgId, after(121)]);
  await test.database.owner.query("update delivery set state = 'expired', settled_at = $2 where id = $1", [
    one,
    after(122),
  ]);
  await warnOfDelays(test.database, after(123));
  await putOff(round, [other!], "");
  expect(await warnOfDelays(test.database, after(200))).toEqual({ opened: 1, closed: 0 });
  expect(await alertsOf(round)).toMatchObject([{ at: after(200), seen_at: null, closed_at: null }]);
});

it("says nothing of rounds that do not send, nor of mail that is held", async () => {
  const round = await seedDomainRound(test, { [slow]: 2 }, start);
  await putOff(round, round.mails[slow]!, "");
  await test.database.owner.query("update round set state = 'paused' where id = $1", [round.roundId]);
  expect(await warnOfDelays(test.database, after(300))).toEqual({ opened: 0, closed: expect.any(Number) });
  await test.database.owner.query("update round set state = 'open' where id = $1", [round.roundId]);
  await test.database.owner.query("update delivery set state = 'held', due_at = null where round_id = $1", [
    round.roundId,
  ]);
  expect(await warnOfDelays(test.database, after(300))).toEqual({ opened: 0, closed: 0 });
});

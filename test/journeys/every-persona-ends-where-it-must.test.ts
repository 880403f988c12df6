/** A round to the whole miniature world: every persona ends where its row says, exactly the right people are flagged, and the world's own count agrees with the ledger. */
import { demoEmployees, writeEmployeeCsv } from "@roundtrip/world/demo-company";
import { PERSONA_NAMES, personaNamed, personaOf } from "@roundtrip/world/personas";
import { expect, it } from "vitest";
import { followRound } from "../../server/src/cli/demo-round.ts";
import { demoTexts } from "../../server/src/outbound/message/demo-texts.ts";
import { useRoundtrip } from "./harness.ts";

const journey = useRoundtrip();
const people = 400;

it("settles, sums and agrees with the world", { timeout: 120_000 }, async () => {
  const { running, clock } = journey;
  await journey.importPeople([...writeEmployeeCsv(demoEmployees(people))].join(""));
  const roundId = await journey.launch({ texts: demoTexts });
  const { ledger, sums, enqueued } = await followRound(running, clock, roundId);
  expect(sums).toBe(true);
  expect(enqueued).toBe(people);
  expect(ledger.unknown).toBe(0);

  const rows = await running.database.owner.query<{
    address: string;
    state: string;
    possible_duplicate: boolean;
    flag: string | null;
    flag_text: string | null;
  }>(
    "select d.address, d.state, d.possible_duplicate, e.flag, e.flag_text from delivery d join employee e on e.id = d.employee_id where d.round_id = $1",
    [roundId],
  );
  const seen = new Set<string>();
  for (const row of rows.rows) {
    const name = personaOf(row.address);
    const persona = personaNamed(name);
    seen.add(name);
    expect({ name, state: row.state, flagged: row.flag !== null }).toEqual({
      name,
      state: persona.endsAs,
      flagged: persona.flags,
    });
    if (persona.flags) expect(row.flag_text, name).toMatch(/\d/);
    // Kept or lost, a connection that broke after the final dot is an unknown, and its resend is marked.
    expect(row.possible_duplicate, name).toBe(persona.dropsFirstCopy !== undefined);
  }
  expect(seen).toEqual(
    new Set(PERSONA_NAMES.filter((name) => rows.rows.some((row) => personaOf(row.address) === name))),
  );
  expect(seen.size).toBe(PERSONA_NAMES.length);

  const counts = running.world!.counts();
  expect(counts.kept - counts.messages, "copies in mailboxes").toBe(0);
  const reached = rows.rows.filter(
    (row) => row.state === "accepted" || personaNamed(personaOf(row.address)).comesBack.length > 0,
  );
  expect(counts.recipients, "people with a mail in their mailbox").toBe(reached.length);
});

it("brings replies, automatic replies and nothing unmatched", async () => {
  const { database, orgId } = journey.running;
  const replies = await database.owner.query<{
    automatic: boolean;
    reason: string | null;
    matched: boolean;
    visible_text: string;
  }>("select automatic, reason, delivery_id is not null as matched, visible_text from reply where org_id = $1", [
    orgId,
  ]);
  expect(replies.rows.filter((reply) => !reply.automatic).length).toBeGreaterThan(0);
  expect(replies.rows.every((reply) => reply.matched)).toBe(true);
  expect(new Set(replies.rows.filter((reply) => reply.automatic).map((reply) => reply.reason))).toEqual(
    new Set(["out-of-office", "left-the-company"]),
  );
  const unmatched = await database.owner.query("select kind, note from inbound_mail where state <> 'settled'");
  expect(unmatched.rows).toEqual([]);
});

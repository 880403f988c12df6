/** The brakes take hold where they must, and not a failure earlier. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  arrivedThatMatter,
  decideDomainBrake,
  decideRoundBrake,
  defaultBrakes,
  type DomainCounts,
  type RoundCounts,
} from "./decide-brake.ts";

const none = { live: 0, late: 0 };
const domain = (counts: Partial<DomainCounts>): DomainCounts => ({
  people: 1000,
  arrived: 0,
  unknown: none,
  refused: none,
  ...counts,
});
const round = (counts: Partial<RoundCounts>): RoundCounts => ({
  ...domain({}),
  blamingUs: 0,
  domainsBlamingUs: 0,
  ...counts,
});
const decide = (counts: Partial<DomainCounts>, wasContinued = false) =>
  decideDomainBrake(domain(counts), defaultBrakes, wasContinued);
const decideRound = (counts: Partial<RoundCounts>, wasContinued = false) =>
  decideRoundBrake(round(counts), defaultBrakes, wasContinued);
const live = (count: number) => ({ live: count, late: 0 });
const late = (count: number) => ({ live: 0, late: count });

describe("a domain with unknown people", () => {
  it("is held above five and above five in a hundred of what was tried", () => {
    expect(decide({ unknown: live(5), arrived: 10 })).toBe(null);
    expect(decide({ unknown: live(6), arrived: 10 })).toBe("many-unknown");
    expect(decide({ unknown: live(10), arrived: 190 })).toBe(null);
    expect(decide({ unknown: live(11), arrived: 189 })).toBe("many-unknown");
  });

  it("is held however large it is, when it breaks while mail goes out slowly", () => {
    expect(decide({ people: 100_000, unknown: live(200), arrived: 100 })).toBe("many-unknown");
  });

  it("counts late notices against all its people, because their mails were accepted long ago", () => {
    expect(decide({ people: 10_000, unknown: late(400) })).toBe(null);
    expect(decide({ people: 10_000, unknown: late(501) })).toBe("many-unknown");
    expect(decide({ people: 20, unknown: late(6) })).toBe("many-unknown");
  });
});

describe("a domain whose system refuses", () => {
  it("is held from the third refusal on, when that is above five in a hundred", () => {
    expect(decide({ refused: live(2), arrived: 5 })).toBe(null);
    expect(decide({ refused: live(3), arrived: 5 })).toBe("refused-by-their-system");
    expect(decide({ refused: live(3), arrived: 57 })).toBe(null);
  });

  it("is held by one refusal, when nobody of the first three got through", () => {
    expect(decide({ refused: live(1), unknown: live(1) })).toBe(null);
    expect(decide({ refused: live(1), unknown: live(2) })).toBe("refused-by-their-system");
    expect(decide({ refused: live(1), unknown: live(2), arrived: 1 })).toBe(null);
    expect(decide({ unknown: live(3) })).toBe(null);
  });

  it("is one thing to tell IT when it has two people and refuses both", () => {
    expect(decide({ people: 2, refused: live(2) })).toBe("refused-by-their-system");
    expect(decide({ people: 2, refused: live(1), unknown: live(1) })).toBe(null);
  });

  it("needs several times as much after a person has continued", () => {
    expect(decide({ refused: live(10) }, true)).toBe(null);
    expect(decide({ refused: live(11) }, true)).toBe("refused-by-their-system");
    expect(decide({ unknown: live(25) }, true)).toBe(null);
    expect(decide({ unknown: live(26) }, true)).toBe("many-unknown");
  });
});

describe("a round", () => {
  it("stops above ten in a hundred unknown people, from fifty tries on", () => {
    expect(decideRound({ unknown: live(20), arrived: 29, people: 49 })).toBe(null);
    expect(decideRound({ unknown: live(6), arrived: 44 })).toBe("many-unknown");
    expect(decideRound({ unknown: live(6), arrived: 54 })).toBe(null);
  });

  it("of a test is too small for that", () => {
    expect(decideRound({ people: 25, unknown: live(25) })).toBe(null);
  });

  it("stops when two domains name us as the reason, unless that is next to nothing", () => {
    expect(decideRound({ blamingUs: 5, domainsBlamingUs: 1 })).toBe(null);
    expect(decideRound({ blamingUs: 2, domainsBlamingUs: 2, refused: live(2), arrived: 100 })).toBe(
      "refused-because-of-us",
    );
    expect(decideRound({ blamingUs: 2, domainsBlamingUs: 2, refused: live(2), arrived: 500 })).toBe(null);
  });
});

describe("for all counts", () => {
  const number = fc.integer({ min: 0, max: 400 });
  const failures = fc.record({ live: number, late: number });
  const counts = fc.record({
    people: fc.integer({ min: 1, max: 1000 }),
    arrived: number,
    unknown: failures,
    refused: failures,
  });

  it("a domain of one person never brakes, nor does a single failure anywhere", () => {
    fc.assert(
      fc.property(counts, fc.boolean(), (some, continued) => {
        expect(decide({ ...some, people: 1 }, continued)).toBe(null);
      }),
    );
    fc.assert(
      fc.property(
        counts,
        fc.constantFrom("unknown", "refused"),
        fc.constantFrom(live(1), late(1)),
        (some, sort, one) => {
          expect(decide({ ...some, unknown: none, refused: none, [sort]: one })).toBe(null);
        },
      ),
    );
  });

  it("one more failure of a kind never takes a brake off, and one more arrival never puts one on", () => {
    fc.assert(
      fc.property(counts, fc.boolean(), (some, continued) => {
        const before = decide(some, continued);
        const moreRefused = { ...some, refused: { ...some.refused, live: some.refused.live + 1 } };
        if (before === "refused-by-their-system") expect(decide(moreRefused, continued)).toBe(before);
        if (before === null) expect(decide({ ...some, arrived: some.arrived + 1 }, continued)).toBe(null);
      }),
    );
  });

  it("counting arrivals only as far as they matter changes no decision", () => {
    fc.assert(
      fc.property(counts, fc.boolean(), (some, continued) => {
        const tally = { ...some, blamingUs: some.refused.live, domainsBlamingUs: 2 };
        const counted = { ...tally, arrived: Math.min(tally.arrived * 100, arrivedThatMatter(tally, defaultBrakes)) };
        const all = { ...tally, arrived: tally.arrived * 100 };
        expect(decideDomainBrake(counted, defaultBrakes, continued)).toBe(
          decideDomainBrake(all, defaultBrakes, continued),
        );
        expect(decideRoundBrake(counted, defaultBrakes, continued)).toBe(
          decideRoundBrake(all, defaultBrakes, continued),
        );
      }),
    );
  });
});

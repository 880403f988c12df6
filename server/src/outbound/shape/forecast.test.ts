/** The forecast says when the first tries are done and why not sooner, and is right about what it was told. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  explainForecast,
  type ForecastLane,
  forecastRound,
  type RoundPlan,
  sumDemand,
  summariseForecast,
} from "./forecast.ts";

const startsAt = new Date("2026-11-24T08:00:00Z");
const minute = 60_000;
const after = (minutes: number) => new Date(startsAt.getTime() + minutes * minute);
const lane = (provider: string, more: Partial<ForecastLane> = {}): ForecastLane => ({
  provider,
  perSecond: null,
  connections: 5,
  secondsPerMail: 0.5,
  pausedUntil: null,
  ceilings: [null],
  ...more,
});
const plan = (more: Partial<RoundPlan>): RoundPlan => ({ demands: [], lanes: [], window: null, startsAt, ...more });
const officeHours = { timeZone: "Europe/Berlin", fromMinute: 9 * 60, toMinute: 17 * 60, weekdaysOnly: true };

describe("forecastRound", () => {
  it("names the lane that finishes last, when, and how fast it goes", () => {
    const forecast = forecastRound(
      plan({
        demands: [
          { provider: "google", people: 4100 },
          { provider: "microsoft", people: 9000 },
        ],
        lanes: [lane("google", { perSecond: 20 / 60 }), lane("microsoft")],
      }),
    );
    expect(forecast.finishesAt).toEqual(after(205));
    expect(forecast.providers.map(({ provider }) => provider)).toEqual(["microsoft", "google"]);
    expect(explainForecast(forecast)).toBe("3 h 25 min; the Google lane is the bottleneck: 4,100 mails at 20 a minute");
  });

  it("counts with what the connections can carry where there is no pace", () => {
    const forecast = forecastRound(
      plan({ demands: [{ provider: "microsoft", people: 6000 }], lanes: [lane("microsoft")] }),
    );
    expect(forecast).toMatchObject({ finishesAt: after(10), bottleneck: { heldBy: "connections", perSecond: 10 } });
    expect(explainForecast(forecast)).toBe("10 min; the Microsoft lane is the bottleneck: 6,000 mails at 10 a second");
  });

  it("adds up the lanes of several addresses to one provider", () => {
    const lanes = [lane("google", { perSecond: 1 }), lane("google", { perSecond: 2 })];
    expect(forecastRound(plan({ demands: [{ provider: "google", people: 1800 }], lanes })).finishesAt).toEqual(
      after(10),
    );
  });

  it("lets a warming address send up to each day's ceiling, at midnight of UTC the next", () => {
    const lanes = [lane("google", { ceilings: [50, 100, 200, 400] })];
    const forecast = forecastRound(plan({ demands: [{ provider: "google", people: 351 }], lanes }));
    expect(forecast.finishesAt?.toISOString()).toBe("2026-11-27T00:00:00.100Z");
    expect(explainForecast(forecast)).toBe(
      "2 days 16 h; the Google lane is the bottleneck: 351 mails while our address is new there, at most 50 of them on the first day",
    );
  });

  it("does not blame a ceiling that nobody reaches", () => {
    const lanes = [lane("google", { ceilings: [5000] })];
    expect(forecastRound(plan({ demands: [{ provider: "google", people: 600 }], lanes })).bottleneck).toMatchObject({
      heldBy: "connections",
      finishesAt: after(1),
    });
  });

  it("waits for the end of a pause", () => {
    const lanes = [lane("yahoo", { pausedUntil: after(120) })];
    const forecast = forecastRound(plan({ demands: [{ provider: "yahoo", people: 600 }], lanes }));
    expect(forecast).toMatchObject({ finishesAt: after(121), bottleneck: { heldBy: "pause" } });
    expect(explainForecast(forecast)).toBe(
      "2 h 1 min; the Yahoo lane is the bottleneck: 600 mails that wait for the end of a pause which their servers asked for",
    );
  });

  it("stops for the night and the weekend by the clock on their wall, also when the clocks change", () => {
    const lanes = [lane("own:example.com", { perSecond: 1 / 60 })];
    const demands = [{ provider: "own:example.com", people: 8 * 60 + 1 }];
    const on = (start: string) =>
      forecastRound(plan({ demands, lanes, window: officeHours, startsAt: new Date(start) })).finishesAt?.toISOString();
    expect(on("2026-11-24T08:00:00Z")).toBe("2026-11-25T08:01:00.000Z");
    expect(on("2026-11-27T08:00:00Z")).toBe("2026-11-30T08:01:00.000Z");
    expect(on("2026-11-28T12:00:00Z")).toBe("2026-12-01T08:01:00.000Z");
    // The night from 24 to 25 October has an hour more: Friday nine is 07:00 UTC, Monday nine is 08:00.
    expect(on("2026-10-23T07:00:00Z")).toBe("2026-10-26T08:01:00.000Z");
  });

  it("says so when there is no way, when it takes more than a year, and when there is nobody", () => {
    const nobody = forecastRound(plan({ demands: [{ provider: "google", people: 0 }] }));
    expect([nobody.finishesAt, explainForecast(nobody)]).toEqual([startsAt, "There is nobody to write to."]);
    const noWay = forecastRound(plan({ demands: [{ provider: "own:example.org", people: 1 }] }));
    expect(explainForecast(noWay)).toBe("Never; there is no way to example.org for 1 mail.");
    const slow = [lane("google", { perSecond: 1 / 3600 })];
    const long = forecastRound(plan({ demands: [{ provider: "google", people: 10_000 }], lanes: slow }));
    expect([long.finishesAt, explainForecast(long)]).toEqual([
      null,
      "More than a year; the Google lane is the bottleneck: 10,000 mails at 1 an hour",
    ]);
  });

  const anyLane = fc.record({
    perSecond: fc.option(fc.double({ min: 0.01, max: 100, noNaN: true })),
    connections: fc.integer({ min: 1, max: 20 }),
    secondsPerMail: fc.double({ min: 0.05, max: 5, noNaN: true }),
    ceilings: fc.array(fc.option(fc.integer({ min: 20, max: 20_000 })), { minLength: 1, maxLength: 4 }),
    pausedUntil: fc.option(fc.integer({ min: -60, max: 600 }).map(after)),
  });

  it("is never sooner than the lanes can carry, and more people never finish sooner", () => {
    fc.assert(
      fc.property(
        fc.array(anyLane, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 5000 }),
        (lanes, people) => {
          const its = lanes.map((more) => lane("google", more));
          const finish = (count: number) => {
            const { finishesAt } = forecastRound(
              plan({ demands: [{ provider: "google", people: count }], lanes: its }),
            );
            return finishesAt?.getTime() ?? Infinity;
          };
          const fastest = its.reduce(
            (sum, { perSecond, connections, secondsPerMail }) =>
              sum + Math.min(perSecond ?? Infinity, connections / secondsPerMail),
            0,
          );
          expect(finish(people) - startsAt.getTime()).toBeGreaterThanOrEqual((people / fastest) * 1000 - 1);
          expect(finish(people + 50)).toBeGreaterThanOrEqual(finish(people));
        },
      ),
    );
  });
});

describe("the summary of a forecast", () => {
  const unreachable = Array.from({ length: 7 }, (_, n) => ({ domain: `d${String(n)}.example`, people: 1 }));
  const nobody = forecastRound(plan({}));

  it("adds those whom nobody can reach, and is silent when there is nothing left to say", () => {
    const some = forecastRound(plan({ demands: [{ provider: "google", people: 60 }], lanes: [lane("google")] }));
    expect(summariseForecast(some, [])).toBe(
      "Less than a minute; the Google lane is the bottleneck: 60 mails at 10 a second.",
    );
    expect(summariseForecast(some, unreachable.slice(0, 1))).toBe(
      "Less than a minute; the Google lane is the bottleneck: 60 mails at 10 a second. 1 person cannot be reached as things are and is not counted: d0.example.",
    );
    expect(summariseForecast(nobody, unreachable)).toBe(
      "7 people cannot be reached as things are and are not counted: d0.example, d1.example, d2.example, d3.example, d4.example and 2 more.",
    );
    expect(summariseForecast(nobody, [])).toBeNull();
  });

  it("says so when nothing more may go today", () => {
    const lanes = [lane("google", { ceilings: [0, 100] })];
    const waiting = forecastRound(plan({ demands: [{ provider: "google", people: 60 }], lanes }));
    expect(summariseForecast(waiting, [])).toBe(
      "16 h 1 min; the Google lane is the bottleneck: 60 mails while our address is new there; today's share has left already.",
    );
  });
});

describe("sumDemand", () => {
  it("adds the domains that one provider serves", () => {
    const domains = [
      { domain: "example.com", people: 5 },
      { domain: "example.org", people: 7 },
      { domain: "example.net", people: 1 },
    ];
    const providerOf = (domain: string) => (domain === "example.net" ? "own:example.net" : "google");
    expect(sumDemand(domains, providerOf)).toEqual([
      { provider: "google", people: 12 },
      { provider: "own:example.net", people: 1 },
    ]);
  });
});

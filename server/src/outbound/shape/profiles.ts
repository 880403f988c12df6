/**
 * What a mail provider bears from one of our addresses before it has said anything: connections, mails on each, pace.
 * Start figures, and at the same time the most a lane ever gets; replies lower them (slow-down.ts). Pure data.
 */

export interface LaneProfile {
  /** A word of the routes; `own` stands for every organisation's own server. */
  readonly provider: string;
  /** At the same time, over all nodes. */
  readonly connections: number;
  /** Before a new connection is opened. */
  readonly mailsPerConnection: number;
  /** Mails a second; null where no limit is known, so that the connections are the limit. */
  readonly perSecond: number | null;
  /** Mails a minute, where the limit is told by the minute. */
  readonly perMinute: number | null;
  /** How long one mail keeps a connection busy, until that has been measured. Own start figures throughout. */
  readonly secondsPerMail: number;
  /** Where a lane without a limit goes on from, once it is told to slow down. */
  readonly brakingPerSecond: number;
  /** False: replies do not slow this lane down, because they speak of single recipients. */
  readonly slowsDown: boolean;
  readonly source: string;
}

/** The profile of a provider word; `own:<domain>` and words without a row get the row for own servers, or the default. */
export function profileOf(provider: string): LaneProfile {
  return byProvider.get(provider.startsWith("own:") ? "own" : provider) ?? standard;
}

/** A host that the operator has chosen and knows, so that the operator sets how many connections it gets. */
export function isChosenHost(provider: string): boolean {
  return provider === "relay" || provider === "world";
}

/** Mails a second at the start, and at most; null is no limit. */
export function startPace({ perSecond, perMinute }: LaneProfile): number | null {
  if (perMinute === null) return perSecond;
  return Math.min(perSecond ?? Infinity, perMinute / 60);
}

const published = "KumoMTA, published traffic shaping rules";
const careful = "own start figure: no published one is known";

/** Some 30 ms of way, four turns and a server that looks at what it takes. */
const usualSecondsPerMail = 0.5;

type Limits = Omit<LaneProfile, "provider" | "perMinute" | "slowsDown" | "secondsPerMail">;

const row = (provider: string, limits: Limits & Partial<LaneProfile>): LaneProfile => ({
  provider,
  secondsPerMail: usualSecondsPerMail,
  perMinute: null,
  slowsDown: true,
  ...limits,
});

const standard = row("default", {
  connections: 10,
  mailsPerConnection: 100,
  perSecond: 100,
  brakingPerSecond: 100,
  source: published,
});

/** One row a provider, in the order of how much survey mail goes there. */
export const profiles: readonly LaneProfile[] = [
  standard,
  row("microsoft", {
    connections: 5,
    mailsPerConnection: 50,
    perSecond: null,
    brakingPerSecond: 20,
    source: `${published}: Office 365 and Outlook.com, each`,
  }),
  row("google", {
    connections: 5,
    mailsPerConnection: 50,
    perSecond: null,
    brakingPerSecond: 20,
    source: `${published}: Google, Workspace included`,
  }),
  row("mimecast", {
    connections: 10,
    mailsPerConnection: 100,
    perSecond: null,
    brakingPerSecond: 20,
    source: `${published}: Mimecast, a region each`,
  }),
  row("proofpoint", { connections: 5, mailsPerConnection: 50, perSecond: 20, brakingPerSecond: 20, source: careful }),
  row("barracuda", { connections: 5, mailsPerConnection: 100, perSecond: 20, brakingPerSecond: 20, source: careful }),
  row("cisco", { connections: 5, mailsPerConnection: 50, perSecond: 20, brakingPerSecond: 20, source: careful }),
  // A company's own server is the one our mail can hurt: fewer connections than the default, and as good as any.
  row("own", { connections: 5, mailsPerConnection: 100, perSecond: 20, brakingPerSecond: 20, source: careful }),
  row("yahoo", {
    connections: 5,
    mailsPerConnection: 20,
    perSecond: 20,
    brakingPerSecond: 20,
    source: `${published}: Yahoo and AOL for mails on a connection; the rest is ours`,
  }),
  row("apple", {
    connections: 10,
    mailsPerConnection: 5,
    perSecond: null,
    brakingPerSecond: 10,
    source: `${published}: Apple`,
  }),
  row("comcast", {
    connections: 25,
    mailsPerConnection: 1000,
    perSecond: null,
    brakingPerSecond: 20,
    source: `${published}: Comcast`,
  }),
  row("orange", {
    connections: 2,
    mailsPerConnection: 100,
    perSecond: null,
    brakingPerSecond: 5,
    source: `${published}: Orange`,
  }),
  row("relay", {
    secondsPerMail: 0.1,
    connections: 50,
    mailsPerConnection: 100,
    perSecond: null,
    brakingPerSecond: 50,
    source: "a smart host is made to take our mail, and says so when it is too much",
  }),
  {
    ...row("world", {
      secondsPerMail: 0.02,
      connections: 50,
      mailsPerConnection: 100,
      perSecond: null,
      brakingPerSecond: 50,
      source: "the miniature world bears anything; its refusals are those of single people",
    }),
    slowsDown: false,
  },
];

const byProvider: ReadonlyMap<string, LaneProfile> = new Map(profiles.map((profile) => [profile.provider, profile]));

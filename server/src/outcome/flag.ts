/** The bounce flag on an employee: its kinds, which one stays when two meet, and what is said to people about it. */

/**
 * `soft`: put off until time was up, such as a full mailbox; it does not stop later mail, and lifts itself when one is
 * accepted. `refused-by-their-system`: the address may be fine. `hard`: the address does not work. All but `soft` stop
 * further mail until a person clears them. A complaint is no bounce and stands beside it: complaint.store.ts.
 */
export type Flag = "soft" | "refused-by-their-system" | "hard";

export function stopsMail(flag: Flag): boolean {
  return flag !== "soft";
}

const weight = { soft: 0, "refused-by-their-system": 1, hard: 2 } as const satisfies Record<Flag, number>;

/** The flag that stays: the heavier one, so that the order in which news arrives does not matter. */
export function heavierFlag(standing: Flag | null, raised: Flag): Flag {
  return standing && weight[standing] >= weight[raised] ? standing : raised;
}

/** One plain sentence for an HR admin: what the flag means and what to do. */
export function explainFlag(flag: Flag): string {
  switch (flag) {
    case "soft":
      return "Mail to this person was put off until the time was up. Nothing needs doing: the next mail is tried as usual. Clear the flag to try this one again now.";
    case "hard":
      return "Mail to this address does not arrive. Check the spelling and whether the person still works here, then correct the address or clear the flag.";
    case "refused-by-their-system":
      return "Their mail system refused the mail; the address itself is probably right. Ask their IT to let survey mail through, then clear the flag to send again.";
  }
}

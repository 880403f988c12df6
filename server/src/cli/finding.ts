/** One thing that doctor looked at: fine, worth a thought, or wrong, in a sentence that names the cure. */
export interface Finding {
  readonly level: "good" | "warning" | "wrong";
  readonly text: string;
}

/** A line of the terminal. */
export function explainFinding({ level, text }: Finding): string {
  return `${labels[level]} ${text}`;
}

const labels = { good: "ok   ", warning: "check", wrong: "WRONG" } as const;

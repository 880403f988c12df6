/**
 * An append-only file with one JSON line for each mail and recipient a server of the world has answered for, or has kept
 * without an answer. A line is with the operating system before the answer leaves, so the file outlives a killed process
 * and is the independent witness of what was lost and what came twice. It does not survive a power cut.
 */
import { closeSync, openSync, writeSync } from "node:fs";

export interface ArrivalLine {
  readonly messageId: string;
  readonly recipient: string;
  /** `kept`: it lies in the mailbox. `copy`: answered 250, but it lay there before. `unanswered`: kept, then hung up. */
  readonly what: "kept" | "copy" | "unanswered";
}

export interface ArrivalLog {
  readonly write: (lines: readonly ArrivalLine[]) => void;
  readonly close: () => void;
}

export function openArrivalLog(path: string): ArrivalLog {
  const file = openSync(path, "a");
  return {
    write: (lines) => {
      if (lines.length > 0) writeSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    },
    close: () => closeSync(file),
  };
}

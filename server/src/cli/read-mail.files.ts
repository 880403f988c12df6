/**
 * `roundtrip read mail FILE…`: recognises mails from files or folders, as the receiver would, without any database.
 * Yields lines for stdout; a file that cannot be read is an answer of its own, and the others go on.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { explainCause } from "../outcome/cause/cause.ts";
import type { Recognised, RecognisedMail } from "../inbound/recognise/recognised.ts";
import { type Recogniser, startRecogniser } from "../inbound/recognise/recogniser.worker.ts";

export interface ReadMailOptions {
  /** One document: an object for one file, a list for several or a folder. */
  readonly json: boolean;
  /** One object a line. */
  readonly jsonl: boolean;
}

/** What `--json` and `--jsonl` print of one file. */
export interface ReadMailAnswer {
  readonly file: string;
  readonly kind: RecognisedMail["kind"] | "unreadable";
  readonly results: RecognisedMail["recipients"];
  readonly references?: RecognisedMail["references"];
  readonly autoReply?: RecognisedMail["autoReply"];
  readonly visibleText?: string;
  /** Of what is unreadable. */
  readonly reason?: string;
}

export async function* readMailFiles(paths: readonly string[], options: ReadMailOptions): AsyncGenerator<string> {
  const threads = Math.min(4, availableParallelism());
  const recogniser = startRecogniser({ threads });
  try {
    const answers = readAnswers(recogniser, paths, 2 * threads);
    if (options.json && !options.jsonl) yield await readDocument(answers, paths);
    else for await (const answer of answers) yield options.jsonl ? JSON.stringify(answer) : explainAnswer(answer);
  } finally {
    await recogniser.close();
  }
}

async function readDocument(answers: AsyncIterable<ReadMailAnswer>, paths: readonly string[]): Promise<string> {
  const all: ReadMailAnswer[] = [];
  for await (const answer of answers) all.push(answer);
  const isOne = paths.length === 1 && all.length === 1 && all[0]?.file === paths[0];
  return JSON.stringify(isOne ? all[0] : all, null, 2);
}

/** In the order of the files, with so many read ahead that no thread waits. */
async function* readAnswers(
  recogniser: Recogniser,
  paths: readonly string[],
  ahead: number,
): AsyncGenerator<ReadMailAnswer> {
  const running: Promise<ReadMailAnswer>[] = [];
  for await (const file of listFiles(paths)) {
    running.push(readOne(recogniser, file));
    const first = running.length >= ahead ? running.shift() : undefined;
    if (first) yield await first;
  }
  for (const answer of running) yield await answer;
}

async function* listFiles(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (!found?.isDirectory()) yield path;
    else {
      const entries = await readdir(path, { withFileTypes: true });
      const inside = entries.filter((entry) => !entry.name.startsWith(".")).map((entry) => join(path, entry.name));
      yield* listFiles(inside.sort());
    }
  }
}

async function readOne(recogniser: Recogniser, file: string): Promise<ReadMailAnswer> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return { file, kind: "unreadable", results: [], reason: error instanceof Error ? error.message : String(error) };
  }
  return presentAnswer(file, await recogniser.recognise(bytes));
}

function presentAnswer(file: string, mail: Recognised): ReadMailAnswer {
  if (mail.kind === "unreadable") return { file, kind: mail.kind, results: [], reason: mail.reason };
  const { kind, recipients, references, autoReply, visibleText } = mail;
  return {
    file,
    kind,
    results: recipients,
    references,
    ...(autoReply === undefined ? {} : { autoReply }),
    ...(visibleText === undefined ? {} : { visibleText }),
  };
}

/** For people: one line a file and one a recipient. */
function explainAnswer(answer: ReadMailAnswer): string {
  const extra = answer.reason ?? answer.autoReply?.reason;
  const head = `${answer.file}: ${answer.kind}${extra === undefined ? "" : ` (${extra})`}`;
  const lines = answer.results.map((result) => {
    const numbers = [result.replyCode, result.status].filter((number) => number !== null).join(" ");
    return `  ${result.recipient ?? "nobody named"}: ${result.action}${numbers && `, ${numbers}`}. ${explainCause(result.cause)}`;
  });
  return [head, ...lines].join("\n");
}

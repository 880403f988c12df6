/** The command reads files and folders, prints the agreed shape, and goes on past what cannot be read. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readMailFiles } from "./read-mail.files.ts";

const samples = fileURLToPath(new URL("../inbound/recognise/samples/", import.meta.url));

async function run(paths: readonly string[], options: { json: boolean; jsonl: boolean }): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readMailFiles(paths, options)) lines.push(line);
  return lines;
}

test("--json of one file is one object of the documented shape", async () => {
  const file = `${samples}postfix-unknown.eml`;
  const lines = await run([file], { json: true, jsonl: false });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    file,
    kind: "bounce",
    results: [
      {
        recipient: "anna.berg@acme.example",
        action: "failed",
        status: "5.1.1",
        replyCode: "550",
        cause: "recipient-unknown",
        fault: "address",
        permanent: true,
        final: true,
        rule: "text.recipient-unknown",
      },
    ],
  });
});

test("--jsonl of a folder is one object a line, in the order of the names", async () => {
  const answers = (await run([samples], { json: false, jsonl: true })).map((line): { file: string } =>
    JSON.parse(line),
  );
  const names = answers.map((answer) => answer.file.slice(samples.length));
  expect(names).toEqual([...names].sort());
  expect(names).toContain("reply.eml");
});

test("a file that is not there is an answer, and the next one is read", async () => {
  const lines = await run([`${samples}nowhere.eml`, `${samples}exim.eml`], { json: false, jsonl: false });
  expect(lines[0]).toContain("nowhere.eml: unreadable (ENOENT");
  expect(lines[1]).toBe(
    `${samples}exim.eml: bounce\n  fay@acme.example: failed, 552 5.3.4. The mail is larger than this mailbox accepts.`,
  );
});

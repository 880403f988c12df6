/** `roundtrip replies`, `roundtrip reply <id> --text …` and `roundtrip reread`: the inbox without a browser. They only write to the database; the running program sends and reads. */
import { inOrganisation } from "../ground/database.store.ts";
import { rereadUnmatched } from "../inbound/settle/reread.store.ts";
import { answerReply } from "../inbox/answer.store.ts";
import { listReplies } from "../inbox/inbox.store.ts";
import { explainVerdict } from "../inbox/verdict.ts";
import { visitDatabase } from "./visit.ts";

export async function writeReplies(environment: NodeJS.ProcessEnv, json: boolean): Promise<string> {
  return visitDatabase(environment, async ({ database, orgId }) => {
    const replies = await inOrganisation(database, orgId, (client) => listReplies(client, orgId));
    if (json) return JSON.stringify(replies);
    if (replies.length === 0) return "Nobody wrote back yet.";
    return replies
      .map(({ id, person, from, address, subject, text, verdict, answers }) => {
        const done = answers.length > 0 ? ` Answered: ${answers.map(({ state }) => state).join(", ")}.` : "";
        return `${String(id)}  ${person?.name || from} <${address}>: ${subject}\n${text.replaceAll(/^/gm, "    ")}\n    (${explainVerdict(verdict)}${done})`;
      })
      .join("\n\n");
  });
}

export async function answer(
  environment: NodeJS.ProcessEnv,
  { id, text, now }: { readonly id: number; readonly text: string; readonly now: Date },
): Promise<string> {
  return visitDatabase(environment, async ({ database, orgId }) => {
    await inOrganisation(database, orgId, (client) => answerReply(client, { orgId, replyId: id, text }, now));
    return "The answer is in the queue. roundtrip replies says what becomes of it.";
  });
}

export async function reread(environment: NodeJS.ProcessEnv, json: boolean): Promise<string> {
  return visitDatabase(environment, async ({ database }) => {
    const again = await rereadUnmatched(database.engine, { orgId: null });
    return json ? JSON.stringify({ again }) : `${String(again)} mails will be read again by the running program.`;
  });
}

/** What came back, for people: threads with a form to answer, the complaints, and the tray of what nobody could match. Writes HTML. */
import type { Complainer, Reply, Unmatched } from "../inbox/inbox.store.ts";
import { explainVerdict, writeVerdictWords } from "../inbox/verdict.ts";
import type { DeliveryState } from "../outcome/delivery.ts";
import { escapeHtml } from "../survey/link-pages.ts";

export interface InboxStatus {
  readonly replies: readonly Reply[];
  readonly people: number;
  readonly automatic: number;
  readonly complainers: readonly Complainer[];
  readonly unmatched: { readonly mails: readonly Unmatched[]; readonly count: number };
}

/** `here` is the page's own address: attachments lie below it. */
export function writeInbox(inbox: InboxStatus, here: string): string {
  return [writeReplies(inbox, here), writeComplaints(inbox.complainers), writeTray(inbox.unmatched)].join("");
}

function writeReplies({ replies, people, automatic }: InboxStatus, here: string): string {
  if (people + automatic === 0) return "";
  const threads = groupThreads(replies).map((thread) => writeThread(thread, here));
  const besides = automatic > 0 ? `<p>Besides: ${count(automatic)} automatic (out of office and the like).</p>` : "";
  return `<section><h2>Came back <small>${count(people)} ${people === 1 ? "reply" : "replies"}</small></h2>${threads.length > 0 ? `<ul class="people">${threads.join("")}</ul>` : ""}${besides}</section>`;
}

/** By person and round; who is nobody's employee, by address. The newest thread first, and in it the oldest reply. */
function groupThreads(replies: readonly Reply[]): readonly (readonly Reply[])[] {
  const threads = new Map<string, Reply[]>();
  for (const reply of replies) {
    const key = `${reply.employeeId === null ? reply.address : String(reply.employeeId)} ${String(reply.roundId)}`;
    const thread = threads.get(key);
    if (thread) thread.unshift(reply);
    else threads.set(key, [reply]);
  }
  return [...threads.values()];
}

function writeThread(thread: readonly Reply[], here: string): string {
  const last = thread.at(-1);
  if (!last) return "";
  const { person, round } = last;
  const name = person?.name || person?.email || last.from;
  const about = [person?.email, round].filter(Boolean).join(" · ");
  return `<li class="thread"><div><b>${escapeHtml(name)}</b> <span class="mail">${escapeHtml(about)}</span>${thread.map((reply) => writeReply(reply, here)).join("")}${writeForm(last, name)}</div></li>`;
}

function writeReply(reply: Reply, here: string): string {
  const files = reply.attachments.map(
    ({ position, name, bytes }) =>
      `<li><a download href="${escapeHtml(`${here}/attachment/${String(reply.id)}/${String(position)}`)}">${escapeHtml(name)}</a> <span class="mail">${escapeHtml(size(bytes))}, from outside: open with care</span></li>`,
  );
  const answers = reply.answers.map(
    ({ text, at, state, said }) =>
      `<div class="answer"><p class="words">${escapeHtml(text)}</p><p>Answered ${writeInstant(at)}. ${escapeHtml(explainAnswer(state))}</p>${state === "bounced" || state === "expired" ? `<pre>${escapeHtml(said)}</pre>` : ""}</div>`,
  );
  return `<p><b>${escapeHtml(reply.subject || "(no subject)")}</b> ${writeInstant(reply.at)} · no. ${String(reply.id)}</p><p class="words">${escapeHtml(reply.text || "(no text)")}</p><p>${escapeHtml(explainSender(reply))} <span class="mail">${escapeHtml(writeVerdictWords(reply.verdict))}</span></p>${files.length > 0 ? `<ul class="reasons">${files.join("")}</ul>` : ""}${answers.join("")}`;
}

/** How we know who it is, where that is not plain. */
function explainSender({ person, address, matchedBy, verdict }: Reply): string {
  const proof = explainVerdict(verdict);
  if (matchedBy === "nobody" || !person) return `${address} is none of the people here. ${proof}`;
  if (person.email.toLowerCase() === address) return proof;
  return `Written from ${address}, in answer to the mail of ${person.email}. ${proof}`;
}

function writeForm({ id, person }: Reply, name: string): string {
  if (!person) return "";
  return `<details><summary>Answer ${escapeHtml(name)}</summary><form class="reply" method="post" action="?answer=${String(id)}"><label>Your answer, sent as plain text<textarea name="text" rows="6" maxlength="20000" required></textarea></label><button type="submit" class="primary">Send the answer</button></form></details>`;
}

function explainAnswer(state: DeliveryState): string {
  if (state === "accepted") return "Their mail server took it.";
  if (state === "delivered") return "Delivered.";
  if (state === "bounced") return "Their mail server refused it:";
  if (state === "expired") return "It could not be handed over in time:";
  if (state === "unknown") return "Handed over, but the answer was lost; sent once more if nothing comes.";
  return "On its way.";
}

function writeComplaints(complainers: readonly Complainer[]): string {
  if (complainers.length === 0) return "";
  const lines = complainers.map(
    ({ id, name, email, at }) =>
      `<li><div><b>${escapeHtml(name || email)}</b> <span class="mail">${escapeHtml(email)}</span><p>Marked survey mail as unwanted ${writeInstant(at)}. Nothing more is sent, and clearing a bounce changes nothing about that.</p></div><details><summary>They want survey mail again</summary><form class="reply" method="post" action="?agreed=${String(id)}"><label>How do you know?<input name="reason" minlength="3" maxlength="500" required></label><button type="submit">Include ${escapeHtml(name || email)} from the next round on</button></form></details></li>`,
  );
  return `<section><h2>Asked for no more <small>${count(complainers.length)} ${complainers.length === 1 ? "person" : "people"}</small></h2><ul class="people">${lines.join("")}</ul></section>`;
}

function writeTray({ mails, count: total }: InboxStatus["unmatched"]): string {
  if (total === 0) return "";
  const lines = mails.map(
    (mail) =>
      `<li><div><b>${escapeHtml(mail.subject || "(no subject)")}</b> <span class="mail">${escapeHtml(mail.from)}</span><p>${escapeHtml(mail.note)} Came ${writeInstant(mail.at)} for ${escapeHtml(mail.to)}, ${escapeHtml(size(mail.bytes))}.</p></div><form method="post" action="?reread=${String(mail.id)}"><button type="submit" aria-label="Read ${escapeHtml(mail.subject || "this mail")} again">Read again</button></form></li>`,
  );
  const more = mails.length < total ? `<p>Showing ${count(mails.length)} of ${count(total)}.</p>` : "";
  return `<section><h2>Kept, but not matched <small>${count(total)} ${total === 1 ? "mail" : "mails"}</small></h2><p>Nothing that comes in is thrown away. After an update, or when a person has been added, these may be understood.</p><form method="post" action="?reread=all"><button type="submit">Read all of them again</button></form><details><summary>Show them</summary><ul class="people">${lines.join("")}</ul>${more}</details></section>`;
}

function writeInstant(at: Date): string {
  return `<time datetime="${at.toISOString()}">${escapeHtml(at.toISOString().slice(0, 16).replace("T", " "))} UTC</time>`;
}

function size(bytes: number): string {
  if (bytes < 1000) return `${String(bytes)} bytes`;
  return bytes < 1_000_000 ? `${String(Math.round(bytes / 1000))} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function count(value: number): string {
  return new Intl.NumberFormat("en").format(value);
}

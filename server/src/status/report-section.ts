/** The part of the status page about reports: how much mail that claims to be ours passed, where it came from, and who else sends in our name. Writes HTML. */
import { escapeHtml } from "../survey/link-pages.ts";

export interface ReportStatus {
  readonly days: number;
  readonly reports: number;
  readonly incomplete: number;
  /** Single mails of which a receiver reported that they failed. */
  readonly failures: number;
  readonly latest: string | null;
  readonly origins: readonly {
    readonly origin: string;
    readonly messages: number;
    readonly passed: number;
    readonly addresses: number;
  }[];
  /** Unknown sources, the busiest first. `stopped`: rejected or put into the spam folder. */
  readonly strangers: readonly {
    readonly ip: string;
    readonly messages: number;
    readonly stopped: number;
    readonly envelopeFrom: string;
  }[];
  readonly receivers: readonly {
    readonly reporter: string;
    readonly day: string;
    /** Our own mails which that receiver took in the same time. */
    readonly sent: number;
    readonly rounds: string;
    readonly messages: number;
    readonly passed: number;
    readonly incomplete: boolean;
  }[];
  readonly tls: readonly {
    readonly reporter: string;
    /** Empty: the sums. */
    readonly result: string;
    readonly host: string;
    readonly sessions: number;
    readonly failed: number;
  }[];
}

/** `action` is where the form of the upload posts to. */
export function writeReports(status: ReportStatus, action: string): string {
  const upload = `<details><summary>Hand in a report</summary><form class="upload" method="post" enctype="multipart/form-data" action="${escapeHtml(action)}"><label>File (XML, JSON, gzip or zip) <input type="file" name="report" required></label> <button type="submit">Read it</button></form></details>`;
  if (status.latest === null && status.origins.length === 0)
    return `<section id="reports"><h2>Reports</h2><p class="empty">No receiver has reported about our mail yet.</p>${upload}</section>`;
  return `<section id="reports"><h2>Reports <small>the last ${String(status.days)} days</small></h2>${writeSum(status)}${writeOrigins(status)}${writeStrangers(status)}${writeReceivers(status)}${writeTls(status)}${upload}</section>`;
}

function writeSum({ origins, reports, incomplete, failures }: ReportStatus): string {
  const messages = add(origins.map((origin) => origin.messages));
  const passed = add(origins.map((origin) => origin.passed));
  const head =
    messages === 0
      ? "No receiver has counted any mail that claims to be ours."
      : `Of ${count(messages)} mails that claim to be ours, ${count(passed)} (${share(passed, messages)}) passed the receivers' check (DMARC).`;
  const notes = [
    `Told by ${count(reports)} ${reports === 1 ? "report" : "reports"}${incomplete > 0 ? `, ${count(incomplete)} of them incomplete` : ""}.`,
    ...(failures > 0
      ? [`${count(failures)} single ${failures === 1 ? "mail was" : "mails were"} reported as failing.`]
      : []),
    "Reports are the receivers' own words; anybody can send one.",
  ];
  return `<p class="sum">${escapeHtml(head)}</p><p>${escapeHtml(notes.join(" "))}</p>`;
}

function writeOrigins({ origins }: ReportStatus): string {
  if (origins.length === 0) return "";
  const rows = origins.map(
    ({ origin, messages, passed, addresses }) =>
      `<tr><th scope="row">${escapeHtml(explainOrigin(origin))}</th><td class="number">${count(messages)}</td><td class="number">${share(passed, messages)}</td><td class="number">${count(addresses)}</td></tr>`,
  );
  return table(["Where it came from", "#Mails", "#Passed", "#Addresses"], rows);
}

function writeStrangers({ strangers }: ReportStatus): string {
  if (strangers.length === 0) return "";
  const rows = strangers.map(
    ({ ip, messages, stopped, envelopeFrom }) =>
      `<tr><th scope="row">${escapeHtml(ip)}</th><td class="number">${count(messages)}</td><td class="number">${count(stopped)}</td><td class="mail">${escapeHtml(envelopeFrom)}</td></tr>`,
  );
  return `<h3>Who else sends in our name</h3><p>Not our servers, and nothing of ours vouches for them: a forgotten system of your own, or somebody who pretends. Ask your IT about these addresses.</p>${table(["Address", "#Mails", "#Stopped", "Says it is from"], rows)}`;
}

function writeReceivers({ receivers }: ReportStatus): string {
  if (receivers.length === 0) return "";
  const rows = receivers.map(
    ({ reporter, day, sent, rounds, messages, passed, incomplete }) =>
      `<tr><th scope="row">${escapeHtml(reporter || "unnamed")}<br><small>${escapeHtml(day)}${incomplete ? ", incomplete" : ""}</small></th><td class="number">${count(sent)}</td><td class="number">${count(messages)}</td><td class="number">${count(passed)}</td><td class="mail">${escapeHtml(rounds)}</td></tr>`,
  );
  return `<h3>Receiver by receiver</h3><p>What we handed over, and what the receiver says it got in our name in the same time.</p>${table(["Receiver", "#We sent", "#They counted", "#Passed", "Rounds"], rows)}`;
}

function writeTls({ tls }: ReportStatus): string {
  const sums = tls.filter(({ result }) => result === "");
  if (tls.length === 0) return "";
  const [good, bad] = [add(sums.map(({ sessions }) => sessions)), add(sums.map(({ failed }) => failed))];
  const faults = tls
    .filter(({ result }) => result !== "")
    .map(
      ({ reporter, result, host, failed }) =>
        `<li>${escapeHtml(`${reporter}: ${result.replaceAll("-", " ")}${host === "" ? "" : ` at ${host}`}`)}, ${count(failed)} times</li>`,
    );
  const words = `Others reached our mail servers over secured connections ${count(good)} times, and failed ${count(bad)} times.`;
  return `<h3>Secured connections to us</h3><p>${escapeHtml(words)}</p>${faults.length > 0 ? `<ul class="reasons">${faults.join("")}</ul>` : ""}`;
}

function explainOrigin(origin: string): string {
  switch (origin) {
    case "ours":
      return "Our sending addresses";
    case "ses":
      return "Amazon SES, for us";
    case "authorised":
      return "Servers our SPF record allows";
    case "forwarder":
      return "Forwarders of our mail";
    default:
      return "Unknown";
  }
}

/** `#` before a name: a column of numbers. */
function table(columns: readonly string[], rows: readonly string[]): string {
  const heads = columns.map((name) =>
    name.startsWith("#") ? `<th scope="col" class="number">${name.slice(1)}</th>` : `<th scope="col">${name}</th>`,
  );
  return `<div class="scroll"><table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function add(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function count(value: number): string {
  return new Intl.NumberFormat("en").format(value);
}

function share(part: number, whole: number): string {
  return whole === 0
    ? ""
    : new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 }).format(part / whole);
}

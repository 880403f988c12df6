/** Tells whose mail server is speaking, by its host name or by the mark it leaves in its words. */
import type { Provider } from "./cause-rule.ts";

interface ProviderMark {
  readonly provider: Provider;
  /** Endings of host names, each beginning with a dot. */
  readonly hosts: readonly string[];
  /** What only this provider writes; tried on the normal form of the text. */
  readonly mark: RegExp | null;
}

const marks: readonly ProviderMark[] = [
  {
    provider: "google",
    hosts: [".google.com", ".googlemail.com"],
    mark: /- gsmtp\b|support\.google\.com\/(?:mail|a)\/|groups\.google\.com\//,
  },
  {
    provider: "microsoft",
    hosts: [".outlook.com", ".hotmail.com", ".office365.us"],
    mark: /protection\.outlook\.com|prod\.outlook\.com|mail\.live\.com\/mail|aka\.ms\/|go\.microsoft\.com\/fwlink|\bspamhaus, please use the delist/,
  },
  {
    provider: "exchange",
    hosts: [],
    mark: /\b(?:resolver|storedrv|routing|smtpsend|msexch|queue)\.[a-z]{1,20}[.;:, ]|#msexch#/,
  },
  {
    provider: "yahoo",
    hosts: [".yahoodns.net", ".yahoo.com", ".aol.com"],
    mark: /postmaster\.yahooinc\.com|\[(?:ts|tss|gl|bl|ph|ss|pl|ip|ba|ce)\d{2}\]|postmaster\.aol\.com|\bmta\d{1,5}\.mail\.[a-z0-9]{2,4}\.yahoo\.com/,
  },
  { provider: "apple", hosts: [".icloud.com", ".me.com", ".apple.com"], mark: /support\.apple\.com|\bicloud\.com\b/ },
  { provider: "mimecast", hosts: [".mimecast.com", ".mimecast.co.za"], mark: /mimecast|\bmcspam/ },
  { provider: "proofpoint", hosts: [".pphosted.com", ".ppe-hosted.com"], mark: /proofpoint|pphosted/ },
  {
    provider: "orange",
    hosts: [".orange.fr", ".wanadoo.fr", ".laposte.net", ".sfr.fr"],
    mark: /\bof[ru]_?\d{3}|\blpn\d{3}_\d{3}/,
  },
  {
    provider: "gmx",
    hosts: [".gmx.net", ".gmx.com", ".web.de", ".kundenserver.de"],
    mark: /postmaster\.gmx\.|postmaster\.web\.de|postmaster\.1und1\.|\bnemesis\b/,
  },
  { provider: "tencent", hosts: [".qq.com"], mark: /service\.mail\.qq\.com|open\.work\.weixin/ },
  { provider: "zoho", hosts: [".zoho.com", ".zoho.eu"], mark: /zoho\b/ },
  { provider: "ses", hosts: [".amazonaws.com", ".amazonses.com"], mark: /amazon ses|amazonses/ },
  { provider: "barracuda", hosts: [".barracudanetworks.com"], mark: /barracuda/ },
  { provider: "mail-ru", hosts: [".mail.ru"], mark: /help\.mail\.ru|message was not accepted -- / },
  { provider: "docomo", hosts: [".docomo.ne.jp"], mark: null },
  { provider: "ezweb", hosts: [".ezweb.ne.jp", ".au.com"], mark: null },
  { provider: "godaddy", hosts: [".secureserver.net"], mark: /secureserver\.net|\bib\d{3}\b/ },
];

/** All providers that leave a trace: a notice may carry the words of one through the gateway of another. */
export function findProviders(text: string, remoteHost: string | null): ReadonlySet<Provider> {
  const host = `.${(remoteHost ?? "").toLowerCase().replace(/\.$/, "")}`;
  const found = new Set<Provider>();
  for (const { provider, hosts, mark } of marks) {
    if (hosts.some((ending) => host.endsWith(ending)) || mark?.test(text)) found.add(provider);
  }
  return found;
}

/**
 * Tells by its mail hosts who runs a domain's mail: a word that lanes, limits and reports go by. Data and one pure
 * function. It cannot see scanners that sit behind the mailbox, nor a gateway that hides under the owner's own name.
 */
import { getDomain } from "tldts";

/**
 * Host names in the order of their preference. A security gateway among them wins, since the mail passes it; else the
 * first that is known; else `own:` and the registrable domain of the first host.
 */
export function findProvider(hostNames: readonly string[]): string {
  const found = hostNames.flatMap((name) => findMark(name) ?? []);
  const gateway = found.find(({ isGateway }) => isGateway);
  const [first = ""] = hostNames;
  return (gateway ?? found[0])?.provider ?? `own:${getDomain(first) ?? first}`;
}

interface Mark {
  readonly provider: string;
  readonly isGateway: boolean;
}

/** The longest suffix decides, at a label boundary. */
function findMark(hostName: string): Mark | null {
  const labels = hostName.toLowerCase().replace(/\.$/, "").split(".");
  for (let from = 0; from < labels.length; from += 1) {
    const mark = MARKS.get(labels.slice(from).join("."));
    if (mark) return mark;
  }
  return null;
}

/** Filters that stand before somebody's mailboxes. */
const GATEWAYS: Readonly<Record<string, readonly string[]>> = {
  barracuda: ["barracudanetworks.com"],
  broadcom: ["messagelabs.com", "symanteccloud.com"],
  checkpoint: ["checkpoint.com", "avanan.net"],
  cisco: ["iphmx.com", "res.cisco.com", "ces.cisco.com"],
  forcepoint: ["mailcontrol.com", "forcepoint.com"],
  fortinet: ["fortimail.com", "fortimailcloud.com"],
  hornetsecurity: ["hornetsecurity.com", "antispameurope.com"],
  mailinblack: ["mailinblack.com"],
  mailprotector: ["mpmailmx.com", "mailprotector.com"],
  mimecast: ["mimecast.com", "mimecast.co.za", "mimecast-offshore.com"],
  nospamproxy: ["nospamproxy.com"],
  opentext: ["arsmtp.com", "appriver.com", "zixmail.net", "zixsmbhc.com", "edgepilot.com"],
  proofpoint: ["pphosted.com", "ppe-hosted.com", "gpphosted.com"],
  retarus: ["retarus.com", "retarus.net", "retarus.de"],
  sophos: ["hydra.sophos.com", "reflexion.net"],
  spamexperts: ["spamexperts.com", "simplyspamfree.com", "antispam.mailspamprotection.com"],
  spamhero: ["mxthunder.net", "mxthunder.com", "spamhero.com"],
  titanhq: ["spamtitan.com", "encrypttitan.net"],
  trellix: ["fireeyecloud.com", "fireeyegov.com"],
  "trend-micro": ["trendmicro.com", "trendmicro.eu"],
  vade: ["vadesecure.com"],
};

/** Where the mailboxes themselves are, or where mail is passed on. */
const MAILBOXES: Readonly<Record<string, readonly string[]>> = {
  alibaba: ["mxhichina.com", "alimail.com", "aliyun.com"],
  apple: ["mail.icloud.com", "icloud.com"],
  cloudflare: ["mx.cloudflare.net"],
  comcast: ["comcast.net"],
  fastmail: ["messagingengine.com"],
  "forward-email": ["forwardemail.net"],
  gandi: ["gandi.net"],
  gmx: ["gmx.net", "web.de"],
  godaddy: ["secureserver.net"],
  google: ["google.com", "googlemail.com"],
  hostinger: ["hostinger.com", "titan.email"],
  improvmx: ["improvmx.com"],
  infomaniak: ["infomaniak.com", "infomaniak.ch"],
  ionos: ["kundenserver.de", "ionos.com", "ionos.de", "ionos.co.uk", "ionos.fr", "ionos.es", "perfora.net"],
  kpn: ["kpnmail.nl"],
  "mail-ru": ["mail.ru"],
  "mailbox-org": ["mailbox.org"],
  microsoft: [
    "mail.protection.outlook.com",
    "mx.microsoft",
    "olc.protection.outlook.com",
    "mail.protection.partner.outlook.cn",
    "mail.protection.office365.us",
  ],
  naver: ["naver.com", "worksmobile.com"],
  netease: ["netease.com", "163.com", "qiye163.com"],
  orange: ["orange.fr"],
  ovh: ["ovh.net", "ovh.com", "ovh.ca"],
  proton: ["protonmail.ch", "proton.ch"],
  rackspace: ["emailsrvr.com"],
  ses: ["amazonaws.com"],
  strato: ["rzone.de"],
  telekom: ["t-online.de", "telekom.de"],
  tencent: ["qq.com"],
  yahoo: ["yahoodns.net"],
  yandex: ["yandex.net", "yandex.ru"],
  zoho: ["zoho.com", "zoho.eu", "zoho.in", "zoho.com.au", "zoho.jp", "zohomail.com"],
};

const MARKS: ReadonlyMap<string, Mark> = new Map([...listMarks(MAILBOXES, false), ...listMarks(GATEWAYS, true)]);

function listMarks(suffixesOf: Readonly<Record<string, readonly string[]>>, isGateway: boolean): [string, Mark][] {
  return Object.entries(suffixesOf).flatMap(([provider, suffixes]) =>
    suffixes.map((suffix): [string, Mark] => [suffix, { provider, isGateway }]),
  );
}

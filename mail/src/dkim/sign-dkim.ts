/**
 * Signs messages with DKIM (RFC 6376 §3.5–3.7, §5; RFC 8301; Ed25519 by RFC 8463): relaxed/relaxed, no `l=`, and the
 * fields that matter oversigned, so that nobody can add a second From or Subject. The key is parsed and judged once.
 * The same message at the same time gets the same signature. It never lets a message pass unsigned: it rejects. RSA is
 * computed on the thread pool, so that a sender uses every core and its sockets never wait for a signature.
 */
import { createPrivateKey, hash, sign, type KeyObject } from "node:crypto";
import { readDomain } from "../address.ts";
import { relaxField } from "../header-forms.ts";
import type { HeaderField } from "../header.ts";
import type { Message } from "../message/message.ts";
import { failed, ok, type Result } from "../result.ts";
import { relaxBody, relaxHeader } from "./canonical-form.ts";

export interface DkimSettings {
  /** Becomes `d=`, as A-labels: align it with the From domain (RFC 7489 §3.1.1). */
  readonly domain: string;
  readonly selector: string;
  /** PEM or KeyObject: RSA of 2048 bits or more, or Ed25519. */
  readonly privateKey: KeyObject | string;
  /** Longer than the last retry can take. */
  readonly expiresAfterMs: number;
  /** Further fields signed where present. */
  readonly signHeaders?: readonly string[];
  /** Fields a later server rewrites lawfully, such as Message-ID and Date on the way through SES. */
  readonly neverSign?: readonly string[];
}

export interface DkimSigner {
  readonly algorithm: DkimAlgorithm;
  readonly domain: string;
  readonly selector: string;
  /** The DKIM-Signature field, to be put before all others. */
  sign(message: Message, signedAt: Date): Promise<HeaderField>;
}

export type DkimAlgorithm = "rsa-sha256" | "ed25519-sha256";

export type DkimKeyProblem =
  | "bad-domain"
  | "bad-selector"
  | "not-a-key"
  | "encrypted"
  | "public-key"
  | "wrong-type"
  | "too-short";

/** Listed once more than they occur (RFC 6376 §8.15), so that one added later breaks the signature. */
const OVERSIGNED: readonly string[] = [
  "from",
  "to",
  "subject",
  "date",
  "message-id",
  "reply-to",
  "list-unsubscribe",
  "list-unsubscribe-post",
];
const SIGNED_WHERE_PRESENT: readonly string[] = [
  "cc",
  "sender",
  "in-reply-to",
  "references",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
  "list-id",
  "auto-submitted",
  "feedback-id",
];

const RSA_BITS_MIN = 2048;
const LINE_MAX = 72;
const SELECTOR = /^[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)*$/i;

/** Ok with a signer, or why this key or name cannot sign. Contradictory settings are a bug of ours and throw. */
export function createDkimSigner(settings: DkimSettings): Result<DkimSigner, DkimKeyProblem> {
  if (!(settings.expiresAfterMs >= 1000)) throw new RangeError("A DKIM signature must last a second or longer.");
  const policy = namesToSign(settings);
  const domain = readDomain(settings.domain);
  if (!domain.ok) return failed("bad-domain");
  if (settings.selector.length > 63 || !SELECTOR.test(settings.selector)) return failed("bad-selector");
  const key = readDkimKey(settings.privateKey);
  if (!key.ok) return key;
  const { algorithm, privateKey } = key.value;
  const names = { domain: domain.value, selector: settings.selector };
  const opening = `v=1; a=${algorithm}; c=relaxed/relaxed; d=${names.domain};\r\n s=${names.selector};`;
  const plans = new SigningPlans(policy);
  const signMessage = async (message: Message, signedAt: Date): Promise<HeaderField> => {
    const fields = [...message.headers, ...message.contentHeaders];
    const plan = plans.find(fields);
    let canonical = "";
    for (const index of plan.order) canonical += relaxField(fields[index] as HeaderField);
    const times = writeTimes(signedAt, settings.expiresAfterMs);
    const bodyHash = hash("sha256", message.isRelaxed ? message.body : relaxBody(message.body), "base64");
    const unsigned = `${opening} ${times}\r\n ${plan.names};\r\n bh=${bodyHash};\r\n b=`;
    const signed = canonical + relaxHeader({ name: "DKIM-Signature", value: unsigned });
    return { name: "DKIM-Signature", value: unsigned + fold(await signText(algorithm, privateKey, signed)) };
  };
  return ok({ algorithm, ...names, sign: signMessage });
}

/** One sentence for the operator: what is wrong with the key or its names, and what to do. */
export function explainDkimKeyProblem(problem: DkimKeyProblem): string {
  return EXPLANATIONS[problem];
}

const EXPLANATIONS: Readonly<Record<DkimKeyProblem, string>> = {
  "bad-domain": "The DKIM domain is not a domain name: enter the domain of the From address, such as example.com.",
  "bad-selector": "The DKIM selector may hold only letters, digits, hyphens and dots: choose one such as rt2026a.",
  "not-a-key": "This is not a private key in PEM form: paste the whole file, its BEGIN and END lines included.",
  encrypted: "This private key is protected by a passphrase: remove the passphrase first, then add the key again.",
  "public-key": "This is the public half of a key: mail is signed with the private key that belongs to it.",
  "wrong-type": "This kind of key cannot sign mail: make an RSA key of 2048 bits, or an Ed25519 key.",
  "too-short": `This RSA key has fewer than ${RSA_BITS_MIN} bits and receivers would reject it: make one of 2048 bits.`,
};

interface DkimKey {
  readonly algorithm: DkimAlgorithm;
  readonly privateKey: KeyObject;
}

function readDkimKey(key: KeyObject | string): Result<DkimKey, DkimKeyProblem> {
  const read = typeof key === "string" ? readPem(key) : ok(key);
  if (!read.ok) return read;
  const privateKey = read.value;
  if (privateKey.type === "public") return failed("public-key");
  if (privateKey.asymmetricKeyType === "ed25519") return ok({ algorithm: "ed25519-sha256", privateKey });
  if (privateKey.asymmetricKeyType !== "rsa") return failed("wrong-type");
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  return bits < RSA_BITS_MIN ? failed("too-short") : ok({ algorithm: "rsa-sha256", privateKey });
}

function readPem(pem: string): Result<KeyObject, DkimKeyProblem> {
  if (/-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)) return failed("encrypted");
  if (/-----BEGIN (?:RSA PUBLIC KEY|PUBLIC KEY|CERTIFICATE)-----/.test(pem)) return failed("public-key");
  try {
    return ok(createPrivateKey(pem));
  } catch {
    // OpenSSL's words for bad PEM differ by version and tell the operator nothing.
    return failed("not-a-key");
  }
}

interface SignPolicy {
  readonly oversigned: readonly string[];
  readonly whenPresent: readonly string[];
}

function namesToSign(settings: DkimSettings): SignPolicy {
  const never = new Set(settings.neverSign?.map((name) => name.toLowerCase()));
  // RFC 6376 §5.4: From must be signed.
  if (never.has("from")) throw new Error("DKIM always signs From.");
  const further = settings.signHeaders?.map((name) => name.toLowerCase()) ?? [];
  const whenPresent = new Set([...SIGNED_WHERE_PRESENT, ...further]);
  return {
    oversigned: OVERSIGNED.filter((name) => !never.has(name)),
    whenPresent: [...whenPresent].filter((name) => !never.has(name) && !OVERSIGNED.includes(name)),
  };
}

/** What is signed of a header with certain fields in a certain order. */
interface SigningPlan {
  readonly fields: readonly string[];
  /** Finished, `h=` and all. */
  readonly names: string;
  /** Which fields are hashed, one after the other. */
  readonly order: readonly number[];
}

/** The messages of a round have the same fields in the same order, so that hardly any mail needs a new plan. */
class SigningPlans {
  readonly #policy: SignPolicy;
  #plans: readonly SigningPlan[] = [];

  constructor(policy: SignPolicy) {
    this.#policy = policy;
  }

  find(fields: readonly HeaderField[]): SigningPlan {
    for (const plan of this.#plans) if (isPlanFor(plan, fields)) return plan;
    const made = planSigning(
      fields.map(({ name }) => name),
      this.#policy,
    );
    this.#plans = [made, ...this.#plans].slice(0, PLANS_MAX);
    return made;
  }
}

const PLANS_MAX = 8;

function isPlanFor(plan: SigningPlan, fields: readonly HeaderField[]): boolean {
  return plan.fields.length === fields.length && fields.every(({ name }, index) => plan.fields[index] === name);
}

/** The last of equal names comes first (RFC 6376 §5.4.2). */
function planSigning(fields: readonly string[], policy: SignPolicy): SigningPlan {
  const byName = new Map<string, number[]>();
  for (const [index, field] of fields.entries()) {
    const name = field.toLowerCase();
    const known = byName.get(name);
    if (known) known.unshift(index);
    else byName.set(name, [index]);
  }
  if (!byName.has("from")) throw new Error("A message without From cannot be signed.");
  const listed: string[] = [];
  const order: number[] = [];
  const take = (name: string) => {
    for (const index of byName.get(name) ?? []) {
      listed.push(name);
      order.push(index);
    }
  };
  for (const name of policy.oversigned) {
    take(name);
    listed.push(name);
  }
  for (const name of policy.whenPresent) take(name);
  return { fields, names: writeNames(listed), order };
}

function writeTimes(signedAt: Date, expiresAfterMs: number): string {
  const signedMs = signedAt.getTime();
  if (Number.isNaN(signedMs)) throw new RangeError("A DKIM signature needs a valid date.");
  return `t=${Math.floor(signedMs / 1000)}; x=${Math.floor((signedMs + expiresAfterMs) / 1000)};`;
}

/** Folded after colons, where `h=` allows it (RFC 6376 §3.5). */
function writeNames(names: readonly string[]): string {
  let out = "h=";
  let column = out.length;
  for (const [index, name] of names.entries()) {
    const item = index === 0 ? name : `:${name}`;
    if (column + item.length > LINE_MAX) {
      out += `:\r\n ${name}`;
      column = 1 + name.length;
    } else {
      out += item;
      column += item.length;
    }
  }
  return out;
}

async function signText(algorithm: DkimAlgorithm, privateKey: KeyObject, text: string): Promise<string> {
  if (algorithm === "rsa-sha256") return (await signOnPool(privateKey, text)).toString("base64");
  // RFC 8463 §3: Ed25519 signs the SHA-256 hash, not the text. That is cheaper here than the way to another thread.
  return sign(null, hash("sha256", text, "buffer"), privateKey).toString("base64");
}

function signOnPool(privateKey: KeyObject, text: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign("sha256", Buffer.from(text), privateKey, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

function fold(base64: string): string {
  let out = base64.slice(0, LINE_MAX - 2);
  for (let at = LINE_MAX - 2; at < base64.length; at += LINE_MAX) out += `\r\n ${base64.slice(at, at + LINE_MAX)}`;
  return out;
}

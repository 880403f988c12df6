/** A mail as it lies in a mailbox: its header fields taken apart without any code of ours, and without what servers on its way put on top. */

export interface DeliveredMail {
  /** With CR LF at line ends. */
  readonly raw: Buffer;
  /** The one address of its To field. */
  readonly to: string;
  /** Names of the fields that the sender wrote, each as often as it stands there, in alphabetical order. */
  readonly names: readonly string[];
  /** The unfolded value of the only field of this name, trace fields included. Throws when there is none, or another. */
  field(name: string): string;
}

/** RFC 5321 §4.4 and the fields that delivery agents add. */
const trace = new Set(["return-path", "received", "delivered-to", "x-original-to"]);

export function readDeliveredMail(raw: Buffer): DeliveredMail {
  const text = raw.toString("utf8");
  const head = text.slice(0, text.indexOf("\r\n\r\n")).replaceAll(/\r\n(?=[ \t])/g, "");
  const fields = head
    .split("\r\n")
    .map((line) => ({ name: line.slice(0, line.indexOf(":")), value: line.slice(line.indexOf(":") + 1).trim() }));
  const field = (name: string): string => {
    const [found, ...more] = fields.filter((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (!found || more.length > 0)
      throw new Error(`The mail has ${String(found ? more.length + 1 : 0)} ${name} fields, not one:\n${head}`);
    return found.value;
  };
  const to = field("To").replaceAll(/[<>]/g, "");
  if (!/^[^\s,;]+@[^\s,;]+$/.test(to)) throw new Error(`To is not one address: ${to}`);
  const names = fields.map(({ name }) => name).filter((name) => !trace.has(name.toLowerCase()));
  return { raw, to, names: names.sort(), field };
}

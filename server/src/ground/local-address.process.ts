/** Says whether an IP address belongs to this machine, by the only proof that counts: a socket can be bound to it. */
import { createServer } from "node:net";

/** False where the system says that it has no such address; trouble of any other kind is thrown. */
export async function isLocalAddress(address: string): Promise<boolean> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once("error", reject).listen({ host: address, port: 0, exclusive: true }, resolve);
    });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && notOurs.has(String(error.code))) return false;
    throw error;
  } finally {
    probe.close();
  }
}

const notOurs: ReadonlySet<string> = new Set(["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"]);

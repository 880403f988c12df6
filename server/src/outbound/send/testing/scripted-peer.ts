/**
 * A server that does exactly what a test tells it, over real sockets: each connection runs a script of its own. It keeps
 * every byte it received, so that a test can prove what never came. It understands no SMTP; a script does.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { TLSSocket, type SecureContextOptions } from "node:tls";

export type Script = (line: PeerLine) => Promise<void>;

export interface ScriptedPeer {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** The connections so far, in order of arrival. */
  readonly lines: readonly PeerLine[];
  /** Ends every connection; throws what a script threw, other than its client going away. */
  stop(): Promise<void>;
}

/** The n-th connection runs the n-th script; the last one serves all further connections. */
export async function startScriptedPeer(...scripts: readonly Script[]): Promise<ScriptedPeer> {
  const lines: PeerLine[] = [];
  const faults: unknown[] = [];
  const runs: Promise<void>[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const line = new PeerLine(socket);
    const script = scripts[Math.min(lines.length, scripts.length - 1)];
    lines.push(line);
    if (script) runs.push(run(script, line, faults));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return { host: "127.0.0.1", port, lines, stop };

  async function stop(): Promise<void> {
    for (const line of lines) line.destroy();
    server.close();
    await Promise.all(runs);
    if (faults.length > 0) throw faults[0];
  }
}

/** A script waited for bytes from a client that had gone. */
export class ClientGone extends Error {}

/** One connection, seen from the server. */
export class PeerLine {
  /** Every byte received, in order; after STARTTLS in clear. */
  received = Buffer.alloc(0);
  /** How much of `received` the script has taken. */
  #takenBytes = 0;
  /** The TCP connection, whatever lies on top of it. */
  readonly #tcp: Socket;
  #socket: Socket;
  #isGone = false;
  #stirred = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.#tcp = socket;
    this.#socket = socket;
    this.#watch(socket);
  }

  /** Writes the lines in one go, each with its CRLF. */
  say(...lines: readonly string[]): void {
    this.#socket.write(lines.map((line) => `${line}\r\n`).join(""));
  }

  /** Writes these bytes as they are. */
  sayBytes(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** The next line without its CRLF, whatever it is. */
  async hearLine(): Promise<string> {
    return (await this.#take("\r\n")).slice(0, -2);
  }

  /** The next line, which must begin with these words. */
  async hear(words: string): Promise<string> {
    const line = await this.hearLine();
    if (!line.startsWith(words)) throw new Error(`The script waited for ${words}, but heard ${line}`);
    return line;
  }

  /** The mail up to its final dot, which is taken too. */
  async hearMail(): Promise<string> {
    return (await this.#take("\r\n.\r\n")).slice(0, -3);
  }

  /** Reads nothing more, so that the client's bytes pile up. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** From here on TLS, as the server; after the handshake, the server name the client asked for. */
  async startTls(identity: SecureContextOptions): Promise<string> {
    this.#socket.removeAllListeners("data");
    const secure = new TLSSocket(this.#socket, { isServer: true, ...identity });
    this.#socket = secure;
    this.#watch(secure);
    await Promise.race([once(secure, "secure"), this.gone().then(() => Promise.reject(new ClientGone()))]);
    return String(secure.servername);
  }

  /** Closes in the usual way, after what was said. */
  close(): void {
    this.#socket.end();
  }

  /** Cuts the connection with a reset. */
  cut(): void {
    this.#tcp.resetAndDestroy();
  }

  /** When the connection is over, from either side. */
  async gone(): Promise<void> {
    while (!this.#isGone) await this.#stirred.promise;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #take(end: string): Promise<string> {
    for (;;) {
      const at = this.received.indexOf(end, this.#takenBytes);
      if (at !== -1) {
        const taken = this.received.toString("latin1", this.#takenBytes, at + end.length);
        this.#takenBytes = at + end.length;
        return taken;
      }
      if (this.#isGone) throw new ClientGone();
      await this.#stirred.promise;
    }
  }

  #watch(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.#stir();
    });
    socket.on("error", () => this.#markGone());
    socket.on("close", () => this.#markGone());
  }

  #markGone(): void {
    this.#isGone = true;
    this.#stir();
  }

  #stir(): void {
    this.#stirred.resolve();
    this.#stirred = Promise.withResolvers<void>();
  }
}

async function run(script: Script, line: PeerLine, faults: unknown[]): Promise<void> {
  try {
    await script(line);
  } catch (fault) {
    if (!(fault instanceof ClientGone)) faults.push(fault);
    // The client must not wait for a script that has stopped talking.
    line.destroy();
  }
}

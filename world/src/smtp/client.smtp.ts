/**
 * A small SMTP client (RFC 5321 §4.1) for what the world sends back: one command, one answer; TLS where it is offered
 * (RFC 3207), whatever the certificate says, as most mail servers do. Written apart from the sender of the product on
 * purpose, so that the two cannot share a misreading. It does not retry; send-back.smtp.ts does.
 */
import { isAscii } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Notice } from "../notices/report.ts";

export interface Answer {
  readonly code: number;
  /** The lines behind the code, joined by a line feed. */
  readonly text: string;
}

export interface ClientOptions {
  readonly host: string;
  readonly port: number;
  /** What it calls itself in EHLO. */
  readonly name: string;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  /** Ends the connection at once. */
  readonly signal?: AbortSignal;
}

const CRLF = "\r\n";

/** Connects and says EHLO; throws when the server is not there, or does not want us. */
export async function openClient(options: ClientOptions): Promise<Client> {
  const { host, port, signal } = options;
  const socket = connect({ host, port, noDelay: true, ...(signal && { signal }) });
  const client = new Client(socket, options.timeoutMs);
  try {
    client.expect(await client.answer(), 220);
    await client.hello(options.name);
    if (client.offers("STARTTLS")) {
      await client.startTls();
      await client.hello(options.name);
    }
  } catch (error) {
    client.destroy();
    throw error;
  }
  return client;
}

export class Client {
  #socket: Socket;
  readonly #timeoutMs: number;
  #offers: readonly string[] = [];
  #unread = "";
  #lines: string[] = [];
  #failure: Error | null = null;
  #wake: () => void = () => undefined;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#listen(socket);
  }

  /** The server's last word on this mail: to the final dot, or to the command it refused. Throws when the line is lost. */
  async deliver({ from, to, bytes }: Notice): Promise<Answer> {
    const eightBit = !isAscii(bytes) && this.offers("8BITMIME") ? " BODY=8BITMIME" : "";
    const utf8 = !isAscii(Buffer.from(from + to)) && this.offers("SMTPUTF8") ? " SMTPUTF8" : "";
    const steps = [`MAIL FROM:<${from}>${eightBit}${utf8}`, `RCPT TO:<${to}>`, "DATA"];
    for (const step of steps) {
      const answer = await this.command(step);
      if (answer.code < 400) continue;
      if (answer.code !== 421) await this.command("RSET");
      return answer;
    }
    this.#socket.write(stuffDots(bytes));
    return this.command(".");
  }

  async quit(): Promise<void> {
    await this.command("QUIT").catch(() => "gone already, which is what QUIT is for");
    this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async hello(name: string): Promise<void> {
    const answer = this.expect(await this.command(`EHLO ${name}`), 250);
    this.#offers = answer.text.split("\n").map((line) => (line.split(" ", 1)[0] ?? "").toUpperCase());
  }

  offers(extension: string): boolean {
    return this.#offers.includes(extension);
  }

  async startTls(): Promise<void> {
    this.expect(await this.command("STARTTLS"), 220);
    this.#socket.removeAllListeners("data");
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    this.#socket = secure;
    this.#listen(secure);
    await once(secure, "secureConnect", { signal: AbortSignal.timeout(this.#timeoutMs) });
  }

  async command(line: string): Promise<Answer> {
    this.#socket.write(line + CRLF);
    return this.answer();
  }

  expect(answer: Answer, code: number): Answer {
    if (answer.code !== code) throw new Error(`The server answered ${answer.code} ${answer.text}`);
    return answer;
  }

  /** Waits for the next whole answer, which may have several lines (RFC 5321 §4.2.1). */
  async answer(): Promise<Answer> {
    for (;;) {
      const last = this.#lines.findIndex((line) => /^\d{3}(?: |$)/.test(line));
      if (last !== -1) {
        const lines = this.#lines.splice(0, last + 1);
        return { code: Number(lines[last]?.slice(0, 3)), text: lines.map((line) => line.slice(4)).join("\n") };
      }
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #listen(socket: Socket): void {
    socket.setTimeout(this.#timeoutMs, () => socket.destroy(new Error("The server did not answer in time")));
    socket.on("data", (chunk: Buffer) => {
      const lines = (this.#unread + chunk.toString("utf8")).split(CRLF);
      this.#unread = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#wake();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("The server closed the connection")));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}

/** RFC 5321 §4.5.2; the mail ends with a line end afterwards. */
function stuffDots(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1").replaceAll(/(?<=^|\r\n)\./g, "..");
  return Buffer.from(text.endsWith(CRLF) ? text : text + CRLF, "latin1");
}

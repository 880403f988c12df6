/**
 * One client's visit to a receiving server, over a real socket (RFC 5321 §3, §4.1.4; PIPELINING RFC 2920; STARTTLS
 * RFC 3207). It keeps the order of commands and answers, and asks its house what to say to a recipient and to a mail. It
 * knows no persona.
 */
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { type Command, isBeyondAscii, type MailCommand, type RcptCommand, readCommand } from "./command.ts";
import { type Body, type Line, WireReader } from "./wire-reader.ts";

/** What the server behind the visit decides. A promise is an answer that takes its time. */
export interface House {
  readonly hostName: string;
  readonly sizeMaxBytes: number;
  /** `null`: no STARTTLS; `broken`: offered, and answered with 454. */
  readonly tls: SecureContext | "broken" | null;
  readonly answerRcpt: (rcpt: RcptCommand) => Answer | Promise<Answer>;
  readonly answerMail: (letter: Letter) => Answer | Promise<Answer>;
}

export type Answer =
  | { readonly kind: "reply"; readonly text: string }
  /** The reply is the last. */
  | { readonly kind: "hang-up"; readonly text: string }
  /** No reply at all: the connection is cut. */
  | { readonly kind: "cut" };

/** A whole mail, as the client handed it over. */
export interface Letter {
  readonly mail: MailCommand;
  readonly rcpts: readonly RcptCommand[];
  readonly bytes: Buffer;
  readonly helloName: string;
  readonly remoteAddress: string;
  readonly tlsVersion: string | null;
}

const MOST_RECIPIENTS = 1000;
const IDLE_MS = 5 * 60 * 1000;

/** Speaks with the client until one of them leaves. */
export function startVisit(socket: Socket, house: House): void {
  void new Visit(socket, house);
}

class Visit {
  readonly #house: House;
  readonly #reader: WireReader;
  readonly #remoteAddress: string;
  #socket: Socket;
  #replies = "";
  #isBusy = false;
  #isInBody = false;
  #helloName: string | null = null;
  #mail: MailCommand | null = null;
  #rcpts: RcptCommand[] = [];

  constructor(socket: Socket, house: House) {
    this.#house = house;
    this.#reader = new WireReader(house.sizeMaxBytes);
    this.#remoteAddress = socket.remoteAddress ?? "";
    this.#socket = socket;
    this.#listen(socket);
    this.#replies = `220 ${house.hostName} ESMTP miniature world\r\n`;
    this.#flush();
  }

  #listen(socket: Socket): void {
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    // A client that is gone needs no answer, and what it left unsaid is no mail.
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#goOn();
    });
  }

  /** Takes what has come, in order, and answers all of it in one piece (RFC 2920 §3.2). */
  #goOn(): void {
    while (!this.#isBusy && !this.#socket.destroyed) {
      const next = this.#isInBody ? this.#reader.readBody() : this.#reader.readLine();
      if (!next) break;
      const answer = this.#take(next);
      if (answer instanceof Promise) this.#wait(answer).catch(() => this.#socket.destroy());
      else this.#give(answer);
    }
    this.#flush();
  }

  /** While an answer takes its time nothing more is read, so what a client sends meanwhile stays bounded. */
  async #wait(pending: Promise<Answer>): Promise<void> {
    this.#isBusy = true;
    this.#socket.pause();
    const answer = await pending;
    this.#isBusy = false;
    if (this.#socket.destroyed) return;
    this.#socket.resume();
    this.#give(answer);
    this.#goOn();
  }

  #give(answer: Answer | StartTls): void {
    switch (answer.kind) {
      case "reply":
        this.#replies += `${answer.text}\r\n`;
        return;
      case "hang-up":
        this.#replies += `${answer.text}\r\n`;
        this.#flush();
        this.#isBusy = true;
        this.#socket.destroySoon();
        return;
      case "cut":
        this.#socket.destroy();
        return;
      case "start-tls":
        this.#startTls(answer.tls);
    }
  }

  #flush(): void {
    if (this.#replies === "" || this.#socket.destroyed) return;
    this.#socket.write(this.#replies);
    this.#replies = "";
  }

  #take(next: Line | Body): Answer | StartTls | Promise<Answer> {
    if (next.kind === "line") return this.#obey(readCommand(next.text));
    if (next.kind === "body") return this.#takeMail(next.bytes);
    if (next.kind === "too-long") return reply("500 5.5.2 Line too long");
    this.#endMail();
    return reply("552 5.3.4 Message too big");
  }

  #obey(command: Command): Answer | StartTls | Promise<Answer> {
    if (command.kind === "unreadable") return reply(command.reply);
    if (command.kind === "ehlo") return this.#greet(command.name, command.isExtended);
    if (command.kind === "mail") return this.#begin(command);
    if (command.kind === "rcpt") return this.#address(command);
    if (command.kind === "data") return this.#openBody();
    if (command.kind === "starttls") return this.#answerStartTls();
    if (command.kind === "quit") return { kind: "hang-up", text: "221 2.0.0 Bye" };
    if (command.kind === "vrfy") return reply("252 2.5.2 Try to send a mail");
    if (command.kind === "rset") this.#endMail();
    return reply("250 2.0.0 Ok");
  }

  #greet(name: string, isExtended: boolean): Answer {
    const { hostName, sizeMaxBytes, tls } = this.#house;
    this.#helloName = name;
    this.#endMail();
    if (!isExtended) return reply(`250 ${hostName}`);
    const offers = ["PIPELINING", `SIZE ${sizeMaxBytes}`, "8BITMIME", "SMTPUTF8", "DSN"];
    if (tls !== null && !this.#isSecure) offers.push("STARTTLS");
    const lines = [hostName, ...offers].map((line) => `250-${line}`);
    return reply([...lines, "250 ENHANCEDSTATUSCODES"].join("\r\n"));
  }

  #begin(command: MailCommand): Answer {
    if (this.#helloName === null) return reply("503 5.5.1 Say EHLO first");
    if (this.#mail) return reply("503 5.5.1 One mail at a time");
    if ((command.sizeBytes ?? 0) > this.#house.sizeMaxBytes) return reply("552 5.3.4 Message too big");
    this.#mail = command;
    return reply("250 2.1.0 Ok");
  }

  #address(command: RcptCommand): Answer | Promise<Answer> {
    if (!this.#mail) return reply("503 5.5.1 Say MAIL first");
    if (this.#rcpts.length >= MOST_RECIPIENTS) return reply("452 4.5.3 Too many recipients");
    if (isBeyondAscii(command.to) && !this.#mail.smtpUtf8) return reply("553 5.6.7 Address needs SMTPUTF8");
    const answer = this.#house.answerRcpt(command);
    if (answer instanceof Promise) return answer.then((later) => this.#noteRcpt(command, later));
    return this.#noteRcpt(command, answer);
  }

  #noteRcpt(command: RcptCommand, answer: Answer): Answer {
    if (answer.kind === "reply" && answer.text.startsWith("250")) this.#rcpts.push(command);
    return answer;
  }

  #openBody(): Answer {
    if (!this.#mail) return reply("503 5.5.1 Say MAIL first");
    if (this.#rcpts.length === 0) return reply("554 5.5.1 No valid recipients");
    this.#isInBody = true;
    return reply("354 End with a dot on a line by itself");
  }

  #takeMail(bytes: Buffer): Answer | Promise<Answer> {
    const mail = this.#mail;
    const rcpts = this.#rcpts;
    this.#endMail();
    if (!mail) throw new Error("A mail without MAIL cannot come this far.");
    const tlsVersion = this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null;
    const helloName = this.#helloName ?? "";
    return this.#house.answerMail({ mail, rcpts, bytes, helloName, remoteAddress: this.#remoteAddress, tlsVersion });
  }

  #answerStartTls(): Answer | StartTls {
    const { tls } = this.#house;
    if (tls === null || this.#isSecure) return reply("503 5.5.1 STARTTLS is not offered");
    if (tls === "broken") return reply("454 4.7.0 TLS not available due to temporary reason");
    return { kind: "start-tls", tls };
  }

  #startTls(tls: SecureContext): void {
    this.#replies += "220 2.0.0 Go ahead\r\n";
    this.#flush();
    this.#reader.discard();
    this.#helloName = null;
    this.#endMail();
    const plain = this.#socket;
    plain.removeAllListeners("data");
    this.#socket = new TLSSocket(plain, { isServer: true, secureContext: tls });
    this.#listen(this.#socket);
  }

  get #isSecure(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  #endMail(): void {
    this.#mail = null;
    this.#rcpts = [];
    this.#isInBody = false;
  }
}

interface StartTls {
  readonly kind: "start-tls";
  readonly tls: SecureContext;
}

function reply(text: string): Answer {
  return { kind: "reply", text };
}

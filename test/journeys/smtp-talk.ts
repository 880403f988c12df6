/** One SMTP conversation over a real socket, for tests that write to the listener: says one thing, waits for the whole reply. */
import { connect, type Socket } from "node:net";

export interface Talk {
  readonly socket: Socket;
  /** What the other side said first. */
  readonly greeting: string;
  /** Sends and gives the reply; "closed" once the other side has ended. */
  say(bytes: string | Buffer): Promise<string>;
  hear(): Promise<string>;
  end(): void;
}

export async function startTalk(port: number, localAddress?: string): Promise<Talk> {
  const socket = connect({ port, host: "127.0.0.1", ...(localAddress ? { localAddress } : {}) });
  let text = "";
  let isEnded = false;
  let wake = (): void => undefined;
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    wake();
  });
  for (const event of ["end", "close", "error"] as const) {
    socket.on(event, () => {
      isEnded = true;
      wake();
    });
  }
  const hear = async (): Promise<string> => {
    for (;;) {
      const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(text);
      if (whole) {
        text = text.slice(whole[0].length);
        return whole[0];
      }
      if (isEnded) return "closed";
      await new Promise<void>((done) => (wake = done));
    }
  };
  const say = (bytes: string | Buffer): Promise<string> => {
    socket.write(bytes);
    return hear();
  };
  const greeting = await hear();
  return { socket, greeting, say, hear, end: () => void socket.destroy() };
}

/** Delivers one mail; returns the last reply. */
export async function deliverRaw(
  port: number,
  { to, from, raw, localAddress }: { to: string; from: string; raw: string; localAddress?: string },
): Promise<string> {
  const talk = await startTalk(port, localAddress);
  try {
    for (const line of ["EHLO probe.example", `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, "DATA"]) {
      const said = await talk.say(`${line}\r\n`);
      if (!/^[23]/.test(said)) return said;
    }
    return await talk.say(`${raw.replaceAll(/^\./gm, "..")}\r\n.\r\n`);
  } finally {
    talk.end();
  }
}

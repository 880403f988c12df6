/** The web server: its limits, its answers to trouble, and which pages it carries. */
import type { AddressInfo } from "node:net";
import { fastify, type FastifyInstance } from "fastify";
import type { Log } from "./ground/log.process.ts";
import { Refusal } from "./ground/refusal.ts";

export interface WebServer {
  readonly app: FastifyInstance;
  /** Starts listening; `port` 0 takes a free one. Returns the port. */
  listen(host: string, port: number): Promise<number>;
  stop(): Promise<void>;
}

/** Makes the server; pages are added to `app` before it listens. */
export function createWebServer(log: Log): WebServer {
  const app = fastify({ bodyLimit: 64 * 1024, forceCloseConnections: true });
  // Mail programs that post a one-click opt-out send bodies that nobody here reads.
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) => done(null, null));
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) =>
    done(null, new URLSearchParams(body.toString())),
  );
  app.get("/health", () => ({ ok: true }));
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Refusal) return reply.code(422).send({ code: error.code, text: error.message });
    const status =
      error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 500;
    if (status >= 500) log.error({ err: error }, "a request failed");
    return reply.code(status).send({
      code: "failed",
      text:
        status >= 500 ? "Something went wrong on our side. Try again in a moment." : "The request could not be read.",
    });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: "not-found", text: "There is nothing at this address." }),
  );
  return {
    app,
    listen: async (host, port) => {
      await app.listen({ host, port });
      return (app.server.address() as AddressInfo).port;
    },
    stop: () => app.close(),
  };
}

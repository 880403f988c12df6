/** The far side of recogniser.worker.ts: a thread that recognises one mail at a time. It holds nothing and is made to be killed. */
import { parentPort } from "node:worker_threads";
import { recogniseMail } from "./recognise.ts";

if (parentPort === null) throw new Error("This file runs as a worker thread only.");
const port = parentPort;

port.on("message", ({ id, bytes }: { readonly id: number; readonly bytes: Uint8Array }) => {
  port.postMessage({ id, recognised: recogniseMail(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) });
});
port.postMessage("ready");

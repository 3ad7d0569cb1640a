// A program that does whatever wrong thing its clients name, for the tests of the canaries: as a process it starts and logs as the real
// one, and a test can have its server inside its own process.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns";
import { resolve4 } from "node:dns/promises";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { request as requestTls } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { createGzip } from "node:zlib";

type Deed = (
  o: URLSearchParams,
  context: { authorization: string; write: (text: string) => void },
) => unknown;

const ask = (o: URLSearchParams, headers: Record<string, string>, protocol: typeof request = request) =>
  new Promise<void>((resolve) => {
    const { host, port, target: path, method = "GET" } = Object.fromEntries(o);
    const asking = protocol(
      {
        host: host!,
        port: port!,
        path: path!,
        method,
        headers,
        rejectUnauthorized: false,
        agent: false,
      } as object,
      (response) => void response.resume().once("close", resolve),
    );
    asking.once("error", () => resolve());
    // In two parts, so that what is sought lies across two writes.
    const body = o.get("body");
    if (body !== null) asking.write(body.slice(0, 9));
    asking.end(body?.slice(9));
  });

/** By the `do` of a request. */
const deeds: Record<string, Deed> = {
  nothing: () => undefined,
  ask: (o) => ask(o, JSON.parse(o.get("headers") ?? "{}") as Record<string, string>),
  "ask over TLS": (o, { authorization }) => ask(o, { authorization }, requestTls),
  "pass on": (o, { authorization }) => ask(o, { authorization }),
  "pass on otherwise": (o, { authorization }) => ask(o, { authorization, "x-was": authorization }),
  "send what is no request": async (o) => {
    const socket = connect(Number(o.get("port")), o.get("host")!);
    socket.write("hello\r\n\r\n");
    await once(socket.resume(), "close");
  },
  fetch: (o) => fetch(o.get("url")!).catch(() => undefined),
  decode: (o) => JSON.parse(o.get("document")!) as unknown,
  "look up": () => new Promise((resolve) => lookup("pods.invalid", resolve)),
  resolve: () => resolve4("pods.invalid").catch(() => undefined),
  datagram: () =>
    new Promise<void>((resolve) => {
      const socket = createSocket("udp4").once("error", () => resolve());
      socket.send("x", 9, "127.0.0.1", () => socket.close(resolve));
    }),
  "local socket": () => new Promise((resolve) => connect("/nowhere.sock").once("error", resolve)),
  process: () => once(spawn("true"), "exit"),
  log: (_o, { authorization, write }) => write(authorization),
};

/** `write` is its log. */
export function createWrongServer(write: (text: string) => void): Server {
  return createServer((incoming, response) => {
    const o = new URL(incoming.url!, "http://p").searchParams;
    const { authorization = "" } = incoming.headers;
    const deed = o.get("do")!;
    if (deed === "answer") return void response.end(authorization);
    if (deed === "answer in parts") {
      response.write(authorization.slice(0, 12));
      return void setTimeout(() => response.end(authorization.slice(12)), 10);
    }
    if (deed === "answer gzip") {
      const gzip = createGzip();
      gzip.pipe(response);
      return void gzip.end(authorization);
    }
    void Promise.resolve(deeds[deed]!(o, { authorization, write })).then(() => response.end());
  });
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

if (process.argv[1] === import.meta.filename) {
  const write = (text: string) => process.stdout.write(`${text}\n`);
  const [main, metrics] = [await listen(createWrongServer(write)), await listen(createServer())];
  write(
    JSON.stringify({ msg: "Listening", protocol: "http", main: { port: main }, metrics: { port: metrics } }),
  );
  write('{"msg":"Started"}');
}

// A program that does everything wrong, for the tests of the runner: answers 200 to everything, dials whatever it is asked for, with
// the cluster's token and all that the client sent, and logs what it got as it came. It starts and logs as the real one.
import { createServer, connect, type AddressInfo, type Server } from "node:net";

const listen = (server: Server) =>
  new Promise<AddressInfo>((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(server.address() as AddressInfo));
  });
const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nLocation: /\r\n\r\nm{podname="app-liar"} 1\n';

const main = createServer({ allowHalfOpen: true }, (client) => {
  client.on("error", () => undefined);
  client.once("data", (bytes) => {
    const text = bytes.toString("latin1");
    const value = (name: string) =>
      decodeURIComponent(
        new RegExp(`[?&]${name}=([^& ]*)`, "u").exec(text)?.[1]?.replace(/%(?![0-9a-f]{2})/giu, "") ?? "",
      );
    process.stdout.write(`${unescape(text)}\n`);
    const close = () => client.end(answer, "latin1");
    try {
      const pod = connect({
        host: value("pod") || "10.244.0.11",
        port: Number.parseInt(value("target_port"), 10),
      });
      pod.on("error", close);
      pod.setTimeout(500, () => pod.destroy());
      pod.write(
        text
          .replace("/kubesd", "")
          .replace("\r\n", `\r\nAuthorization: Bearer ${process.env["K8S_GLOBAL_TOKEN"]}\r\n`),
        "latin1",
      );
      pod.once("data", () => {
        pod.destroy();
        close();
      });
      pod.on("timeout", close);
    } catch {
      close();
    }
  });
});
const own = createServer((client) => {
  client.on("error", () => undefined);
  client.once("data", () => client.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
});
process.stdout.write(
  `${JSON.stringify({ msg: "Listening", main: await listen(main), metrics: await listen(own) })}\n{"msg":"Started"}\n`,
);

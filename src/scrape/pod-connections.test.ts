import type { Socket } from "node:net";
import { setTimeout } from "node:timers/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import { ok, type RawPod, startRawPod } from "../../test/support/scrape/raw-pod.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { Target } from "../targets/target.ts";
import { PodConnections, type PodConnectionsOptions } from "./pod-connections.ts";
import { UpstreamRequest } from "./upstream-request.ts";

function createConnections(o: Partial<PodConnectionsOptions> = {}): PodConnections {
  const connections = new PodConnections({ connectTimeoutMs: 1000, ...o });
  onTestFinished(() => connections.close());
  return connections;
}

/** Asks once; the body, or the reason why there is none. */
function ask(connections: PodConnections, target: Target, { maxBodyBytes = 1e6 } = {}): Promise<string> {
  return new Promise((resolve) => {
    let body = "";
    const request = new UpstreamRequest({
      connections,
      target,
      headers: { accept: "*/*", acceptEncoding: "gzip", userAgent: "test", timeoutSeconds: "1" },
      maxBodyBytes,
      isCurrent: () => true,
      receiver: {
        head: () => {},
        data: (chunk) => (body += chunk.toString("latin1")),
        end: () => resolve(body),
        failed: ({ reason }) => resolve(`[${reason}]`),
      },
    });
    request.start();
  });
}

/** Answers with the number of the connection and of the request on it. */
function startCountingPod(): Promise<RawPod> {
  return startRawPod(({ socket, connection, request }) => socket.write(ok(`${connection}/${request}`)));
}

describe("PodConnections", () => {
  test("keeps a connection for the next request", async () => {
    await using pod = await startCountingPod();
    const connections = createConnections();
    for (const expected of ["1/1", "1/2", "1/3"]) {
      expect(await ask(connections, pod.target())).toBe(expected);
      await until(() => connections.stats.idle === 1);
    }
    expect(connections.stats).toEqual({ open: 1, idle: 1, idlePods: 1 });
  });

  test("keeps no connection of one set of pods for another", async () => {
    await using pod = await startCountingPod();
    const connections = createConnections();
    const meant = (candidates: string[]) => ({ ...pod.target(), pod: undefined, candidates });
    const asked = [pod.target("a"), meant(["b"]), meant([]), meant(["a", "c"]), meant(["a", "b"])];
    for (const [index, target] of asked.entries()) {
      expect(await ask(connections, target)).toBe(`${index + 1}/1`);
      await until(() => connections.stats.idle === index + 1);
    }
    // A pod is its uid, whether more is known of it or not.
    expect(await ask(connections, meant(["a"]))).toBe("1/2");
    await until(() => connections.stats.idle === asked.length);
    expect(await ask(connections, meant(["a", "c"]))).toBe("4/2");
  });

  test("gives two requests at a time a connection each", async () => {
    await using pod = await startRawPod(
      ({ connection }) => {
        // The first is held up until the second has come.
        if (connection === 2) for (const n of [2, 1]) sockets[n]!.write(ok(String(n)));
      },
      { connected: (socket, connection) => (sockets[connection] = socket) },
    );
    const sockets: Socket[] = [];
    const connections = createConnections();
    const bodies = await Promise.all([ask(connections, pod.target()), ask(connections, pod.target())]);
    expect(bodies.sort()).toEqual(["1", "2"]);
  });

  test("never hands one pod's connection to another pod at the same address", async () => {
    await using pod = await startCountingPod();
    const connections = createConnections();
    expect(await ask(connections, pod.target("uid-1"))).toBe("1/1");
    await until(() => connections.stats.idle === 1);
    expect(await ask(connections, pod.target("uid-2"))).toBe("2/1");
    await until(() => connections.stats.idle === 2);
    const { pod: _, ...unknown } = pod.target();
    expect(await ask(connections, { ...unknown, pod: undefined })).toBe("3/1");
    await until(() => connections.stats.idle === 3);
    // A uid is any text: it must not pass for an address without one, nor for another scheme's.
    expect(await ask(connections, pod.target(""))).toBe("4/1");
  });

  test("does not reuse a connection on which bytes followed the response", async () => {
    const second = ok("unsolicited");
    for (const extra of [second, second.subarray(0, 1), Buffer.from("garbage"), Buffer.from(" ")]) {
      await using atOnce = await startRawPod(({ socket, connection, request }) =>
        socket.write(Buffer.concat([ok(`${connection}/${request}`), extra])),
      );
      await using later = await startRawPod(({ socket, connection, request }) => {
        socket.write(ok(`${connection}/${request}`), () => setImmediate(() => socket.write(extra)));
      });
      for (const pod of [atOnce, later]) {
        const connections = createConnections();
        expect(await ask(connections, pod.target())).toBe("1/1");
        await until(() => connections.stats.open === 0);
        // Nor is it kept as one that could be dialled anew.
        await until(() => connections.stats.idle === 0);
        expect(await ask(connections, pod.target())).toBe("2/1");
      }
    }
  });

  test("does not reuse a connection on which a response came before the request", async () => {
    await using pod = await startRawPod(({ socket }) => socket.write(ok("real")), {
      connected: (socket) => socket.write(ok("early")),
    });
    const connections = createConnections();
    for (const n of [1, 2]) {
      expect(await ask(connections, pod.target())).toBe("early");
      await until(() => connections.stats.open === 0);
      expect(pod.connections).toBe(n);
    }
  });

  test("does not reuse a connection in the same turn in which its response ended", async () => {
    await using pod = await startRawPod(({ socket, connection, request }) =>
      socket.write(Buffer.concat([ok(`${connection}/${request}`), ok("unsolicited")])),
    );
    const connections = createConnections();
    for (let i = 1; i <= 5; i++) {
      expect(await ask(connections, pod.target())).toBe(`${i}/1`);
      // What is about to be broken off is not even offered.
      expect(connections.stats.idle).toBe(0);
    }
  });

  test("does not keep a connection that the pod closes", async () => {
    await using pod = await startRawPod(({ socket, connection }) => socket.end(ok(String(connection))));
    const connections = createConnections();
    expect(await ask(connections, pod.target())).toBe("1");
    await until(() => connections.stats.open === 0 && connections.stats.idlePods === 0);
    expect(await ask(connections, pod.target())).toBe("2");
  });

  test("forgets pods whose connections have been idle for long", async () => {
    await using pod = await startCountingPod();
    const connections = createConnections({ keepAliveTimeoutMs: 150 });
    const targets = Array.from({ length: 200 }, (_, i) => pod.target(`uid-${i}`));
    await Promise.all(targets.map((target) => ask(connections, target)));
    await until(() => connections.stats.idlePods > 0);
    expect(connections.stats.open).toBeGreaterThan(0);
    await until(() => connections.stats.open === 0);
    expect(connections.stats).toEqual({ open: 0, idle: 0, idlePods: 0 });
    await until(() => pod.open === 0);
    expect(pod.connections).toBe(200);
  });

  test("is not told by the pod to keep a connection for longer", async () => {
    await using pod = await startRawPod(({ socket }) => socket.write(ok("a", ["Keep-Alive: timeout=600"])));
    const connections = createConnections({ keepAliveTimeoutMs: 100 });
    await ask(connections, pod.target());
    await until(() => connections.stats.idle === 1);
    await until(() => connections.stats.open === 0, 2000);
  });

  test("leaves a connection before the pod closes it", async () => {
    await using pod = await startRawPod(({ socket }) => socket.write(ok("a", ["Keep-Alive: timeout=2"])));
    const connections = createConnections();
    await ask(connections, pod.target());
    // Long before the two seconds.
    await until(() => connections.stats.open === 0, 1500);
  });

  test("bounds each response on a connection, not all of them together", async () => {
    const body = "x".repeat(30_000);
    await using pod = await startRawPod(({ socket }) => socket.write(ok(body)));
    const connections = createConnections();
    for (let i = 0; i < 10; i++) {
      expect(await ask(connections, pod.target(), { maxBodyBytes: body.length })).toBe(body);
      await until(() => connections.stats.idle === 1);
    }
    expect(pod.connections).toBe(1);
  });

  test("skips interim responses to each request on a connection", async () => {
    const interim = Buffer.from("HTTP/1.1 102 Processing\r\n\r\n".repeat(4));
    await using pod = await startRawPod(({ socket }) => socket.write(Buffer.concat([interim, ok("x")])));
    const connections = createConnections();
    for (let i = 0; i < 3; i++) {
      expect(await ask(connections, pod.target())).toBe("x");
      await until(() => connections.stats.idle === 1);
    }
    expect(pod.connections).toBe(1);
  });

  test("closes the oldest idle connection when there are too many", async () => {
    await using pod = await startCountingPod();
    const connections = createConnections({ maxIdleConnections: 2 });
    for (const uid of ["a", "b", "c"]) {
      await ask(connections, pod.target(uid));
      await setTimeout(5);
    }
    await until(() => pod.open === 2);
    expect(connections.stats).toEqual({ open: 2, idle: 2, idlePods: 2 });
    expect(await ask(connections, pod.target("c"))).toBe("3/2");
    expect(await ask(connections, pod.target("b"))).toBe("2/2");
    expect(await ask(connections, pod.target("a"))).toBe("4/1");
  });

  test("destroys a connection whose TLS handshake goes on", async () => {
    await using pod = await startRawPod(() => {});
    const connections = createConnections({ connectTimeoutMs: 60_000 });
    const answer = ask(connections, { ...pod.target(), tls: true });
    await until(() => pod.open === 1);
    connections.close();
    expect(await answer).toBe("[connect]");
    await until(() => pod.open === 0);
  });

  test("close() ends idle, running and connecting requests", async () => {
    await using pod = await startRawPod(({ socket, head }) => {
      if (head.startsWith("GET /idle ")) socket.write(ok(""));
    });
    const connections = createConnections();
    await ask(connections, pod.target("a", "/idle"));
    await until(() => connections.stats.idle === 1);
    const running = ask(connections, pod.target("b"));
    await until(() => pod.heads.length === 2);
    const connecting = ask(connections, pod.target("c"));
    connections.close();
    expect(await Promise.all([running, connecting])).toEqual(["[connect]", "[connect]"]);
    await until(() => pod.open === 0 && connections.stats.open === 0);
    expect(connections.stats).toEqual({ open: 0, idle: 0, idlePods: 0 });
    expect(await ask(connections, pod.target())).toBe("[connect]");
  });
});

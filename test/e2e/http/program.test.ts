// The real program: exit codes, signals, and that its memory stays bounded.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import {
  peakMemoryBytes,
  type Program,
  runProgram,
  type StartedProgram,
  startProgram,
  waitForLine,
} from "../../support/http/start-program.ts";

const MiB = 1024 * 1024;
const largeBody = Array.from(
  { length: 200_000 },
  (_, i) => `large_sample{index="${i}",text="${"x".repeat(60)}"} ${i}\n`,
).join("");

let pods: FakePods;
const programs: Program[] = [];

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "good", http: answers("up_demo 1\n") },
    {
      name: "later",
      http: (_request, response) => void setTimeout(() => response.end("later_demo 1\n"), 800),
    },
    { name: "hang", tcp: (socket) => socket.resume() },
    ...Array.from({ length: 4 }, (_, i) => ({ name: `large-${i}`, http: answers(largeBody) })),
  ]);
});
afterAll(async () => {
  for (const program of programs) program.kill("SIGKILL");
  await pods.stop();
});

async function start(env: Record<string, string> = {}): Promise<StartedProgram> {
  const program = await startProgram({ env: { PODS_FILE: pods.file, ...env } });
  programs.push(program);
  return program;
}

const target = (name: string) => `/mproxy/team-a/${name}/metrics?upstreamPort=${pods.port}`;

test("--version and --help print on standard output and end with 0", async () => {
  for (const [flag, text] of [
    ["--version", /^k8s-prometheus-proxy \d+\.\d+\.\d+$/],
    ["--help", /CIDR_WHITELIST/],
  ] as const) {
    const program = runProgram({ args: [flag] });
    expect(await program.exit).toEqual({ code: 0, signal: null });
    expect(program.lines.join("\n")).toMatch(text);
  }
});

test("a configuration with problems names all of them on standard error and ends with 2", async () => {
  const program = runProgram({ env: { METRICS_PATH_WHITELIST: "(", PODS_FILE: pods.file, HTTP_PORT: "x" } });
  expect(await program.exit).toEqual({ code: 2, signal: null });
  for (const variable of ["CIDR_WHITELIST", "METRICS_PATH_WHITELIST", "HTTP_PORT"]) {
    expect(program.stderr()).toContain(variable);
  }
});

test("under a debugger it does not start", async () => {
  const env = {
    CIDR_WHITELIST: "127.20.0.0/16",
    METRICS_PATH_WHITELIST: "/metrics",
    PODS_FILE: pods.file,
    NODE_OPTIONS: "--inspect=127.0.0.1:0",
  };
  const program = runProgram({ env });
  expect(await program.exit).toEqual({ code: 2, signal: null });
  expect(program.stderr()).toContain("Cannot start under a debugger");
});

test("SIGUSR1 opens no debugger", async () => {
  const program = await start();
  program.kill("SIGUSR1");
  // The debugger's own thread would be as slow as this.
  await delay(500);
  expect((await request(program.origin, "/")).status).toBe(200);
  expect(program.stderr()).toBe("");
});

test("a PODS_FILE that cannot be read ends the program with 1, and each line of the log is there once", async () => {
  const env = {
    CIDR_WHITELIST: "127.20.0.0/16",
    METRICS_PATH_WHITELIST: "/metrics",
    PODS_FILE: `${pods.file}.absent`,
    LISTEN_ADDRESS: "127.0.0.1",
    HTTP_PORT: "0",
    METRICS_HTTP_PORT: "0",
  };
  // Several at a time: under load, lines were once written twice at the end.
  for (const program of Array.from({ length: 12 }, () => runProgram({ env }))) {
    expect(await program.exit).toEqual({ code: 1, signal: null });
    const messages = program.lines.map((line) => (JSON.parse(line) as { msg: string }).msg.split(":")[0]);
    expect(messages).toEqual(["Loose settings", "Listening", "Cannot start"]);
    expect(program.lines.at(-1)).toContain("PODS_FILE");
  }
});

for (const variable of ["HTTP_PORT", "METRICS_HTTP_PORT"]) {
  test(`a taken ${variable} ends the program with 1 and a message that names it`, async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const program = runProgram({
      env: {
        CIDR_WHITELIST: "127.20.0.0/16",
        METRICS_PATH_WHITELIST: "/metrics",
        PODS_FILE: pods.file,
        LISTEN_ADDRESS: "127.0.0.1",
        HTTP_PORT: "0",
        METRICS_HTTP_PORT: "0",
        [variable]: String(port),
      },
    });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    expect(program.lines.at(-1)).toMatch(
      new RegExp(`Cannot listen on port ${port} \\(${variable}.*: the address is in use`),
    );
    taken.close();
  });
}

test("the program says where it listens and which settings are loose, one JSON object a line", async () => {
  const program = await start();
  const lines = program.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.find(({ msg }) => msg === "Listening")).toMatchObject({
    level: "info",
    main: { port: program.port },
  });
  expect(lines.filter(({ level }) => level === "warn").map(({ msg }) => msg)).toEqual([
    expect.stringContaining("KUBESD_REQUIRE_POD"),
  ]);
  expect(program.stderr()).toBe("");
});

test("SIGTERM: not ready at once, still serving for SHUTDOWN_DELAY, finishes what runs, ends with 0", async () => {
  const program = await start({ SHUTDOWN_DELAY: "700ms" });
  expect((await request(program.metricsOrigin, "/-/ready")).status).toBe(200);
  expect((await request(program.metricsOrigin, "/-/healthy")).status).toBe(200);
  // Opened before, says nothing: it must not hold the end up.
  const silent = connect(program.port, "127.0.0.1");
  silent.on("error", () => undefined);
  await once(silent, "connect");

  const stopped = performance.now();
  program.kill("SIGTERM");
  await waitForLine(program, "Stopping");
  const ready = await request(program.metricsOrigin, "/-/ready");
  expect([ready.status, ready.text]).toEqual([503, "The proxy is not ready: it is shutting down\n"]);
  const during = await request(program.origin, target("good"));
  expect([during.status, during.headers.connection]).toEqual([200, "close"]);
  const later = await request(program.origin, target("later"));
  expect([later.status, later.complete, later.text.includes("later_demo{")]).toEqual([200, true, true]);
  expect(performance.now() - stopped).toBeGreaterThan(700);

  expect(await program.exit).toEqual({ code: 0, signal: null });
  await expect(request(program.origin, "/")).rejects.toThrow("ECONNREFUSED");
});

test("a keep-alive connection that is idle does not hold the end up", async () => {
  const program = await start();
  const client = connect(program.port, "127.0.0.1");
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await once(client, "data");
  program.kill("SIGINT");
  expect(await program.exit).toEqual({ code: 0, signal: null });
});

test("a second signal ends the program at once, not with 0", async () => {
  const program = await start({ SHUTDOWN_DELAY: "60s" });
  program.kill("SIGTERM");
  await waitForLine(program, "Stopping");
  program.kill("SIGTERM");
  expect(await program.exit).toEqual({ code: 1, signal: null });
});

test("SIGTERM while the program starts ends it with 0", async () => {
  const program = runProgram({
    env: {
      CIDR_WHITELIST: "127.20.0.0/16",
      METRICS_PATH_WHITELIST: "/metrics",
      PODS_FILE: pods.file,
      LISTEN_ADDRESS: "127.0.0.1",
      HTTP_PORT: "0",
      METRICS_HTTP_PORT: "0",
      SHUTDOWN_DELAY: "0s",
    },
  });
  await waitForLine(program, "Listening");
  program.kill("SIGTERM");
  expect(await program.exit).toEqual({ code: 0, signal: null });
});

test("an unexpected error is logged and ends the program with 1", async () => {
  const thrower = encodeURIComponent("setTimeout(() => { throw new Error('unexpected') }, 1500)");
  const program = await start({ NODE_OPTIONS: `--import=data:text/javascript,${thrower}` });
  expect(await program.exit).toEqual({ code: 1, signal: null });
  expect(JSON.parse(program.lines.at(-1) ?? "")).toMatchObject({
    level: "fatal",
    err: { message: "unexpected" },
  });
});

test("a log that nobody reads stops neither scrapes nor the end", async () => {
  const program = await start({ LOG_LEVEL: "debug" });
  program.process.stdout!.pause();
  // Each of these is a log line of some 150 bytes; the buffers on the way hold less than 400 KiB.
  const scrapeMany = async () => {
    for (let i = 0; i < 150; i++) expect((await request(program.origin, target("good"))).status).toBe(200);
  };
  await Promise.all(Array.from({ length: 30 }, () => scrapeMany()));
  program.kill("SIGTERM");
  const code = await Promise.race([
    once(program.process, "exit").then(([code]) => code as number),
    delay(10_000),
  ]);
  expect(code).toBe(0);
});

test("clients that never read cost bounded memory, and others are served meanwhile", async () => {
  const program = await start({ MAX_BUFFERED_BYTES: "160MiB" });
  const before = await peakMemoryBytes(program.process.pid!);
  const clients: Socket[] = [];
  for (let i = 0; i < 6; i++) {
    const client = connect(program.port, "127.0.0.1").pause();
    client.on("error", () => undefined);
    client.write(
      `GET ${target("large-")} HTTP/1.1\r\nHost: a\r\nX-Prometheus-Scrape-Timeout-Seconds: 20\r\n\r\n` +
        `GET /kubesd/metrics?pod=${pods.get("large-0").ip}&target_port=${pods.port} HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    clients.push(client);
  }
  await waitForLine(program, "Started");
  for (let i = 0; i < 20; i++) {
    const root = await request(program.origin, "/");
    expect(root.status).toBe(200);
    await delay(200);
  }
  const growth = (await peakMemoryBytes(program.process.pid!)) - before;
  expect(growth / MiB).toBeLessThan(160 + 256);
  for (const client of clients) client.destroy();
  const good = await request(program.origin, target("good"));
  expect(good.status).toBe(200);
});

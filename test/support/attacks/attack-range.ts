// Where attacks are run: the network, the cluster and the program, and one attack after the other. In the private network only.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { CertificateAuthority } from "../certificate-authority.ts";
import type { Attack } from "./attack.ts";
import { AttackedCluster } from "./attacked-cluster.ts";
import { AttackedProgram, type RefusedStart } from "./attacked-program.ts";
import { type Exchange, exchange, requestBytes } from "./exchange.ts";
import { clientToken, strictEnvironment } from "./fixture.ts";
import type { Observation, ScenarioResult } from "./observation.ts";
import { PodNetwork } from "./pod-network.ts";
import { readNetworkCounters } from "./private-network.ts";
import { needsTls, runScenario } from "./run-scenario.ts";

/** After an answer, what it set off must have come to the pods and into the log. */
const settleMs = 15;
/** So that a flood meets scrapes that last. */
const scenarioAnswerDelayMs = 50;

/** Starts what is attacked; tests of the runner put something else in its place. */
export type StartProgram = (env: Readonly<Record<string, string>>) => Promise<AttackedProgram | RefusedStart>;

export class AttackRange implements AsyncDisposable {
  readonly network: PodNetwork;
  readonly cluster: AttackedCluster;
  /** What all programs wrote, and what they answered. */
  readonly outputs: string[] = [];
  readonly answers: string[] = [];
  readonly ownMetrics: string[] = [];
  readonly #trusted = CertificateAuthority.create();
  readonly #start: StartProgram;
  #folder = "";
  #program: AttackedProgram | undefined;
  #isForCrowds = false;

  constructor(start: StartProgram) {
    this.#start = start;
    this.network = new PodNetwork({
      trusted: this.#trusted,
      untrusted: CertificateAuthority.create({ name: "nobody's root" }),
    });
    this.cluster = new AttackedCluster(this.network);
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), "attacks-"));
    await this.#file("ca.crt", this.#trusted.cert);
    await this.network.start();
    await this.cluster.start(this.#trusted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopProgram(this.#program);
    await this.cluster.stop();
    await this.network.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async run(attack: Attack): Promise<Observation> {
    // What needs an environment of its own, or an API server that never answered properly, gets a program of its own.
    const isSpecial =
      attack.env !== undefined || attack.requires !== undefined || attack.cluster?.api !== undefined;
    if (!isSpecial) {
      return this.#attack(attack, await this.#commonProgram(attack));
    }
    if (attack.cluster?.api !== undefined) this.cluster.answerWith(attack.cluster.api);
    const env = {
      ...(attack.requires === undefined ? {} : await this.#clientAuthentication()),
      ...attack.env,
    };
    await this.network.begin();
    const program = await this.#start({ ...(await this.#environment()), ...env });
    if (!(program instanceof AttackedProgram)) {
      this.outputs.push(program.stderr);
      return { ...this.#nothing(attack), refusedStart: program };
    }
    try {
      if (attack.cluster?.api === undefined) await untilReady(program);
      return await this.#attack(attack, program);
    } finally {
      await this.#stopProgram(program);
      await this.cluster.restore(async () => true);
    }
  }

  /** One for all ordinary attacks, with the most talkative log, and one for crowds, with the usual one. */
  async #commonProgram({ request }: Attack): Promise<AttackedProgram> {
    const isCrowd = request.scenario !== undefined;
    if (this.#program !== undefined && (this.#program.death !== undefined || isCrowd !== this.#isForCrowds)) {
      await this.#stopProgram(this.#program);
      this.#program = undefined;
    }
    this.#isForCrowds = isCrowd;
    return (this.#program ??= await this.#startProgram(isCrowd ? {} : { LOG_LEVEL: "debug" }));
  }

  #nothing(attack: Attack): Observation {
    return { attack, exchanges: [], traffic: this.network.traffic, refusedDials: 0, logLines: [] };
  }

  async #attack(attack: Attack, program: AttackedProgram): Promise<Observation> {
    const { addPods, watch, api } = attack.cluster ?? {};
    const isSeen = (name: string) => isKnown(name, program);
    if (addPods !== undefined || watch !== undefined) await this.cluster.change({ addPods, watch }, isSeen);
    await this.network.begin(attack.podBehaviour);
    const firstLine = attack.env === undefined ? program.logLines.length : 0;
    const before = readNetworkCounters();
    await program.forgetPeakMemory();
    const memoryMiB = await program.memoryMiB();
    if (attack.expect.maxLoopDelayMs !== undefined) await program.ownMetrics();

    const { exchanges, scenario } =
      attack.request.scenario === undefined
        ? { exchanges: await this.#exchanges(attack, program) }
        : { exchanges: [], scenario: await this.#scenario(attack, program) };
    await sleep(settleMs);
    const { traffic } = this.network;
    const refusedDials = readNetworkCounters().refusedDials - before.refusedDials;
    const own = await program.ownMetrics();
    this.ownMetrics.push(own);
    this.answers.push(...exchanges.map(({ text }) => text));
    const seen: Observation = {
      attack,
      exchanges,
      traffic,
      // Floods overflow queues, which the kernel counts in the same place.
      refusedDials: scenario === undefined ? refusedDials : 0,
      logLines: program.logLines.slice(firstLine),
      peakMemoryMiB: await program.peakMemoryMiB(),
      memoryGrowthMiB: (await program.memoryMiB()) - memoryMiB,
      loopDelayMs: 1000 * Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/mu.exec(own)?.[1]),
      ownSeries: own.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length,
      ...(scenario !== undefined && { scenario }),
    };
    // The next record begins here: what follows is no part of the attack.
    await this.network.begin();
    const notAlive = await findDeath(program, {
      scrapes: api === undefined && attack.env === undefined && attack.requires === undefined,
    });
    if (addPods !== undefined || watch !== undefined) await this.cluster.restore(isSeen);
    return notAlive === undefined ? seen : { ...seen, notAlive };
  }

  async #exchanges(attack: Attack, { port }: AttackedProgram): Promise<Exchange[]> {
    const exchanges: Exchange[] = [];
    for (let i = 0; i < (attack.repeatRequest ?? 1); i++) {
      const untilClosed = attack.expect.connectionClosed === true;
      exchanges.push(await exchange(requestBytes(attack.request), { port, untilClosed }));
    }
    return exchanges;
  }

  async #scenario({ request }: Attack, { port }: AttackedProgram): Promise<ScenarioResult> {
    const scenario = request.scenario!;
    const text = requestBytes(request).toString("latin1");
    if (!needsTls(scenario) && !("clientCertFlood" in scenario)) {
      this.network.answerDelayMs = scenarioAnswerDelayMs;
      try {
        return await runScenario(scenario, { port, request: text });
      } finally {
        this.network.answerDelayMs = 0;
      }
    }
    const secure = await this.#start({
      ...(await this.#environment()),
      ...(await this.#serverTls(scenario)),
    });
    if (!(secure instanceof AttackedProgram)) return { problems: [`no start with TLS: ${secure.stderr}`] };
    try {
      const clientCertificate = this.#trusted.issue({ name: "prometheus" });
      const result = await runScenario(scenario, {
        port,
        tlsPort: secure.port,
        clientCertificate,
        request: text,
      });
      return secure.death === undefined ? result : { ...result, problems: [secure.death] };
    } finally {
      await this.#stopProgram(secure);
    }
  }

  async #serverTls(scenario: NonNullable<Attack["request"]["scenario"]>): Promise<Record<string, string>> {
    const { cert, key } = this.#trusted.issue({ ips: ["127.0.0.1"] });
    const [certFile, keyFile] = [await this.#file("tls.crt", cert), await this.#file("tls.key", key)];
    if (!("clientCertFlood" in scenario)) return { CERT_FILE: certFile, CERT_KEY_FILE: keyFile };
    const config = [
      "tls_server_config:",
      `  cert_file: ${certFile}`,
      `  key_file: ${keyFile}`,
      `  client_ca_file: ${join(this.#folder, "ca.crt")}`,
      "  client_auth_type: RequireAndVerifyClientCert",
    ];
    return { WEB_CONFIG_FILE: await this.#file("web.yml", `${config.join("\n")}\n`) };
  }

  async #clientAuthentication(): Promise<Record<string, string>> {
    return { BEARER_TOKENS_FILE: await this.#file("tokens", `${clientToken}\n`) };
  }

  async #environment(): Promise<Record<string, string>> {
    const ca = join(this.#folder, "ca.crt");
    return { ...strictEnvironment, K8S_CACERT: ca, UPSTREAM_CA_FILE: ca };
  }

  async #file(name: string, text: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, text);
    return path;
  }

  async #startProgram(env: Readonly<Record<string, string>>): Promise<AttackedProgram> {
    const program = await this.#start({ ...(await this.#environment()), ...env });
    if (!(program instanceof AttackedProgram)) throw new Error(`Cannot start the program: ${program.stderr}`);
    await untilReady(program);
    return program;
  }

  async #stopProgram(program: AttackedProgram | undefined): Promise<void> {
    if (program === undefined) return;
    if (program.death === undefined) this.ownMetrics.push(await program.ownMetrics());
    await program.stop();
    this.outputs.push(program.output);
  }
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n`;

/** Until the pods are known. */
async function untilReady({ metricsPort }: AttackedProgram): Promise<void> {
  const endMs = performance.now() + 10_000;
  while ((await exchange(get("/-/ready"), { port: metricsPort })).status !== 200) {
    if (performance.now() > endMs) throw new Error("Cannot go on: the program is not ready");
    await sleep(20);
  }
}

/** Found without a dial: the list of targets names it. */
async function isKnown(name: string, { port }: AttackedProgram): Promise<boolean> {
  const { body } = await exchange(get("/sd?namespace=team-a&port=9000"), { port });
  return body.includes(`"${name}"`);
}

async function findDeath(program: AttackedProgram, o: { scrapes: boolean }): Promise<string | undefined> {
  const { port } = program;
  const root = await exchange(get("/"), { port, timeoutMs: 5000 });
  if (root.status !== 200) return program.death ?? `GET / is answered with ${root.status}`;
  if (!o.scrapes) return program.death;
  const scrape = await exchange(get("/kubesd/metrics?pod=10.244.0.19&target_port=9000"), { port });
  if (scrape.status !== 200) return `an ordinary scrape is answered with ${scrape.status}: ${scrape.body}`;
  return program.death;
}

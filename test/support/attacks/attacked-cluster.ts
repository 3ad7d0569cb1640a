// The cluster during one attack: the scripted API server with the fixture's pods, and what the attack changes of it.
import type { CertificateAuthority } from "../certificate-authority.ts";
import { FakeKubernetesApi } from "../kubernetes/fake-api.ts";
import type { ApiAnswer, Attack } from "./attack.ts";
import { apiPort, clusterToken, type FixturePod, fixturePods, podObject } from "./fixture.ts";
import type { PodNetwork } from "./pod-network.ts";

/** Tells when the program has seen everything before it. Not named like any pod that attacks ask for. */
const sentinel = (name: string): FixturePod => ({ ns: "team-a", name, ip: "10.244.0.200", phase: "Running" });

export class AttackedCluster {
  readonly #api = new FakeKubernetesApi();
  readonly #network: PodNetwork;
  #added: FixturePod[] = [];
  #sentinels = 0;

  constructor(network: PodNetwork) {
    this.#network = network;
    this.#api.tokens.add(clusterToken);
    for (const pod of fixturePods) this.#api.createPod(podObject(pod));
  }

  async start(authority: CertificateAuthority): Promise<void> {
    await this.#api.start({ tls: authority.issue({ ips: ["127.0.0.1"] }), port: apiPort });
  }

  async stop(): Promise<void> {
    await this.#api.stop();
  }

  /** What was asked of the API server so far. */
  get asked(): readonly string[] {
    return this.#api.requests.map(({ verb, path }) => `${verb} ${path}`);
  }

  /** From now on every list and watch gets this instead. */
  answerWith({ status = 200, body, contentType = "application/json", items, bodyGen }: ApiAnswer): void {
    if (bodyGen !== undefined) {
      this.#api.inject({ kind: "endless", head: "", unit: bodyGen.repeat.s });
      return;
    }
    const list = { kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "2000" }, items };
    this.#api.fail({
      status,
      headers: { "content-type": contentType },
      body: body ?? JSON.stringify(items === undefined ? {} : list),
    });
  }

  /** Adds pods, sends events, and resolves when the program has seen them. `isSeen` tells whether it knows a pod of that name. */
  async change(
    { addPods = [], watch = [] }: NonNullable<Attack["cluster"]>,
    isSeen: (name: string) => Promise<boolean>,
  ): Promise<void> {
    for (const pod of addPods) this.#api.createPod(podObject(pod));
    this.#added = [...addPods];
    this.#network.setPods([...fixturePods, ...addPods]);
    for (const { type, object } of watch) await this.#api.watches.sendEvent(type, object);
    await this.#waitUntilSeen(isSeen);
  }

  /** As it was before. */
  async restore(isSeen: (name: string) => Promise<boolean>): Promise<void> {
    this.#api.removeFaults();
    for (const { ns, name } of this.#added) this.#api.deletePod(ns, name);
    if (this.#added.length > 0) await this.#waitUntilSeen(isSeen);
    this.#added = [];
    this.#network.setPods(fixturePods);
  }

  async #waitUntilSeen(isSeen: (name: string) => Promise<boolean>): Promise<void> {
    const name = `sentinel-${++this.#sentinels}`;
    this.#api.createPod(podObject(sentinel(name)));
    const endMs = performance.now() + 15_000;
    while (!(await isSeen(name))) {
      if (performance.now() > endMs)
        throw new Error("Cannot go on: the program does not see the pods change");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#api.deletePod("team-a", name);
  }
}

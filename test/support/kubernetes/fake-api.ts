/**
 * A scripted stand-in for the pod endpoints of kube-apiserver 1.20, on loopback: list, watch and get with their pages,
 * snapshots, revisions, bookmarks and errors, and every fault that a client must survive. It must never be kinder than
 * the real server; where it is stricter or simpler, the place says so.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { ApiAccess, type Denial } from "./api-access.ts";
import { type ApiRequest, readApiRequest, readSelection } from "./api-request.ts";
import type { Answer } from "./api-status.ts";
import { discoveryDocument } from "./discovery-documents.ts";
import { pourEndlessly } from "./endless-body.ts";
import { ContinueTokens, getPod, listPods } from "./list-pods.ts";
import { LoopbackServer, type StartOptions } from "./loopback-server.ts";
import { type ArrangeEvents, OpenWatches } from "./open-watches.ts";
import { type PodEvent, PodHistory, type PodHistoryOptions } from "./pod-history.ts";
import type { PodObject } from "./pod-objects.ts";
import { type Fault, type FaultScope, type InjectedFault, RequestFaults } from "./request-faults.ts";
import { sendAnswer, sendTruncated } from "./send-answer.ts";
import { watchRefusal } from "./watch-refusal.ts";

export class FakeKubernetesApi implements AsyncDisposable {
  /** Every request so far, in the order of their heads. */
  readonly requests: ApiRequest[] = [];
  readonly watches: OpenWatches;
  /** How a watch from a forgotten revision is told so: 200 and an ERROR event, as servers do, or status 410. */
  expiredWatch: "event" | "status" = "event";

  readonly #history: PodHistory;
  readonly #continueTokens = new ContinueTokens();
  readonly #faults = new RequestFaults();
  readonly #access = new ApiAccess();
  readonly #server = new LoopbackServer((message, response) => void this.#serve(message, response));
  #behindAt: number | undefined;
  #thawed: PromiseWithResolvers<void> | undefined;

  constructor(o: PodHistoryOptions = {}) {
    this.#history = new PodHistory(o);
    this.watches = new OpenWatches(() => this.#source);
  }

  /** Bearer tokens that are good. From the first one added on, every request needs one. */
  get tokens(): Set<string> {
    return this.#access.tokens;
  }

  /** @throws Error when it was never started */
  get url(): string {
    return this.#server.url;
  }

  async start(o: StartOptions = {}): Promise<void> {
    await this.#server.start(o);
  }

  /** As a process that is killed: every connection is destroyed. The pods stay, for the next start on the same port. */
  async stop(): Promise<void> {
    const stopped = this.#server.stop();
    this.watches.destroy();
    this.thaw();
    await stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** How many requests of this verb came. */
  count(verb: ApiRequest["verb"]): number {
    return this.requests.reduce((sum, request) => sum + (request.verb === verb ? 1 : 0), 0);
  }

  // --- pods -------------------------------------------------------------------------------------------------------

  get revision(): number {
    return this.#history.revision;
  }

  /** All pods now, in the order of namespace and name. */
  pods(): readonly PodObject[] {
    return this.#history.podsAt(this.#history.revision);
  }

  pod(namespace: string, name: string): PodObject | undefined {
    return this.#history.get(namespace, name);
  }

  createPod(pod: PodObject): PodObject {
    const created = this.#history.create(pod);
    this.watches.pump();
    return created;
  }

  updatePod(pod: PodObject): PodObject {
    const updated = this.#history.update(pod);
    this.watches.pump();
    return updated;
  }

  deletePod(namespace: string, name: string): void {
    this.#history.delete(namespace, name);
    this.watches.pump();
  }

  /** The last events of pods that are kept, oldest first. */
  lastEvents(count: number): readonly PodEvent[] {
    return this.#history.lastEvents(count);
  }

  /** Other objects of the cluster change: the revision goes up and watches of pods see nothing. */
  advance(revisions = 1): void {
    this.#history.advance(revisions);
    this.watches.pump();
  }

  /** Watches that allow them get a bookmark. */
  bookmark(): void {
    this.watches.bookmark();
  }

  // --- what goes wrong with time ----------------------------------------------------------------------------------

  /** Forgets history: watches and continue tokens of earlier revisions are answered with 410. */
  compact(): void {
    this.#history.compact();
  }

  /** All continue tokens given out so far are answered with 410. */
  expireContinueTokens(): void {
    this.#continueTokens.expireAll();
  }

  /**
   * Answers as a replica whose watch cache is behind at `revision`: watches end there, `resourceVersion=0` shows that
   * state, and later revisions are "too large". Lists without a resource version are still read from etcd.
   */
  fallBehind(revision = this.revision): void {
    this.#behindAt = revision;
  }

  keepUp(): void {
    this.#behindAt = undefined;
    this.watches.pump();
  }

  /** A backup of that revision is restored, and every connection lost: later revisions will be given a second time. */
  restore(revision: number): void {
    this.#history.restore(revision);
    this.#server.destroyConnections();
    this.watches.destroy();
  }

  // --- what goes wrong with requests ------------------------------------------------------------------------------

  inject(fault: Fault, scope?: FaultScope): InjectedFault {
    return this.#faults.inject(fault, scope);
  }

  /** This answer instead of the real one: `fail(statusAnswer({ code: 500, … }), { verb: "list", times: 3 })`. */
  fail(answer: Answer, scope?: FaultScope): InjectedFault {
    return this.inject({ kind: "answer", answer }, scope);
  }

  removeFaults(): void {
    this.#faults.clear();
  }

  /** As an account without that permission; what is open stays open. */
  deny(denial: Denial): { remove(): void } {
    return this.#access.deny(denial);
  }

  /** As a stopped process: connections are taken, bytes are read, nothing is answered and nothing closed. */
  freeze(): void {
    this.#thawed ??= Promise.withResolvers();
    this.watches.freeze();
  }

  /** Goes on with everything that waits. */
  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = undefined;
    this.watches.thaw();
  }

  // --- answers ----------------------------------------------------------------------------------------------------

  get #source() {
    const { revision, compactedRevision } = this.#history;
    return {
      history: this.#history,
      cacheRevision: Math.max(Math.min(this.#behindAt ?? revision, revision), compactedRevision),
      tokens: this.#continueTokens,
    };
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    message.resume();
    const request = readApiRequest(message);
    this.requests.push(request);
    await this.#thawed?.promise;
    let arrange: ArrangeEvents | undefined;
    for (const { fault, bodies } of this.#faults.take(request)) {
      switch (fault.kind) {
        case "delay":
          await sleep(fault.delayMs, undefined, { ref: false });
          break;
        case "backlog":
          arrange = fault.arrange;
          break;
        case "answer":
          return sendAnswer(response, fault.answer);
        case "silence":
          return;
        case "cut":
          return void response.destroy();
        case "truncate":
          return sendTruncated(response, this.#answer(request), fault);
        case "endless":
          response.writeHead(200, { "content-type": "application/json" });
          return void bodies.push(pourEndlessly(response, fault.head, fault.unit));
      }
    }
    if (response.destroyed) return;
    const refusal = this.#access.refusalOf(request, message.method);
    if (refusal === undefined && request.verb === "watch") this.#openWatch({ request, response, arrange });
    else sendAnswer(response, refusal ?? this.#answer(request), message);
  }

  #answer(request: ApiRequest): Answer {
    if (request.verb === "get") return getPod(this.#source, request);
    if (request.verb === "list") return listPods(this.#source, request);
    return discoveryDocument(request.path);
  }

  #openWatch(o: { request: ApiRequest; response: ServerResponse; arrange: ArrangeEvents | undefined }): void {
    const refusal = watchRefusal(o.request, { history: this.#history, expiredWatch: this.expiredWatch });
    if (refusal === undefined) this.watches.open(o.response, { ...o, selection: readSelection(o.request) });
    else sendAnswer(o.response, refusal);
  }
}

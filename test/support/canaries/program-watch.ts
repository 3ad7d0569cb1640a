// The judge of one program: is told of all that it does towards the network, while it does it, and reports what it may not.
// Sees the program from outside alone: its settings, its sockets, and the documents that it decodes.
import { Buffer } from "node:buffer";

import { canonicalAddress } from "./address-list.ts";
import { ConnectionPolicy, isTokenReview } from "./connection-policy.ts";
import { KnownPods } from "./known-pods.ts";
import { RequestReader, type SentRequest } from "./request-reader.ts";
import { type Owner, type Secret, Secrets, SecretSearch } from "./secrets.ts";
import type { Settings } from "./settings.ts";

export type Finding =
  | { readonly kind: "violation"; readonly text: string }
  /** Somebody's secret, which must not be in the log either. */
  | { readonly kind: "secret"; readonly secret: Secret }
  /** The first of its kind: shows that the judge sees anything at all. */
  | { readonly kind: "seen"; readonly what: string };

/** Takes what is written to a connection that is watched. */
export type Tap = (chunk: Buffer) => void;

const secretHeaders = ["authorization", "proxy-authorization", "cookie"];
/** A program that does one thing wrong mostly does it often. */
const maxFindings = 1000;

export class ProgramWatch {
  readonly #policy: ConnectionPolicy;
  readonly #pods: KnownPods;
  readonly #secrets: Secrets;
  readonly #report: (finding: Finding) => void;
  readonly #reported = new Set<string>();

  constructor(settings: Settings, report: (finding: Finding) => void) {
    this.#policy = new ConnectionPolicy(settings);
    this.#pods = new KnownPods(this.#policy.podsFile);
    this.#report = report;
    this.#secrets = new Secrets((secret) => report({ kind: "secret", secret }));
  }

  /** A secret of its configuration. */
  holds(text: string, owner: Owner): void {
    this.#secrets.add(text, owner);
  }

  holdsKeys(pem: string): void {
    this.#secrets.addKeys(pem);
  }

  /** A document of Kubernetes, or any other that it decodes. */
  told(document: unknown): void {
    this.#pods.told(document);
  }

  /** A request of a client. */
  asked(target: string, headers: Readonly<Record<string, string | readonly string[] | undefined>>): void {
    this.#see("a request");
    this.#pods.named(target);
    for (const name of secretHeaders) {
      for (const value of [headers[name]].flat()) {
        if (value !== undefined) this.#secrets.addCredential(value, "caller");
      }
    }
  }

  /** Before a connection is made. Gives what the bytes that are written to it have to be shown to. */
  dialled(host: string, port: number): Tap | undefined {
    if (this.#policy.isApi(host, port)) {
      this.#see("the API server");
      return this.#requests("the API server", (request) => this.#sentToApi(request));
    }
    this.#checkPod(host, port);
    return this.#requests(`${host}:${port}`, (request) => this.#sentToPod(`${host}:${port}`, request));
  }

  /** The name of a host; IP literals are looked up by servers that listen to them. */
  lookedUp(name: string): void {
    if (canonicalAddress(name) === undefined && name.toLowerCase() !== this.#policy.api?.host)
      this.#violation(`looked up ${name}`);
  }

  /** What no part of the program has a use for: a socket for datagrams, a local socket, a process. */
  opened(what: string): void {
    this.#violation(`opened ${what}`);
  }

  /** What is written to a client, or into what compresses it for one. */
  answers(): Tap {
    const search = new SecretSearch(this.#secrets);
    return (chunk) => {
      this.#see("an answer");
      this.#leaked(search.next(chunk), "an answer");
    };
  }

  #checkPod(host: string, port: number): void {
    const ip = canonicalAddress(host);
    const name = `${host}:${port}`;
    if (ip === undefined) return this.#violation(`dialled ${name}, which is no address`);
    if (!this.#policy.mayDial(ip, port))
      return this.#violation(`dialled ${name}, which the whitelists exclude`);
    const namespaces = this.#pods.namespacesOf(ip);
    if (namespaces === undefined) {
      if (this.#policy.requiresPod || !this.#pods.isNamed(ip))
        this.#violation(`dialled ${name}, which was no known pod's`);
    } else if (![...namespaces].some((namespace) => this.#policy.mayScrapeNamespace(namespace))) {
      this.#violation(`dialled ${name} of namespace ${[...namespaces].join()}`);
    }
    this.#see("a pod");
  }

  #requests(peer: string, take: (request: SentRequest) => void): Tap {
    const reader = new RequestReader();
    return (chunk) => {
      const requests = reader.next(chunk);
      if (requests === undefined) this.#violation(`sent ${peer} what is no request of its own`);
      requests?.forEach(take);
    };
  }

  #sentToPod(peer: string, { method, target, head, body }: SentRequest): void {
    if (!this.#policy.mayAskPod(method, target))
      this.#violation(`asked the pod ${peer} for ${method} ${target}`);
    if (body.length > 0) this.#violation(`sent a body to the pod ${peer}`);
    const isForwarding = this.#policy.forwardsAuthorization;
    const found = this.#secrets.findIn(Buffer.from(head, "latin1"));
    const others = this.#secrets.findIn(Buffer.from(withoutAuthorization(head), "latin1"));
    const mayBeSent = (secret: Secret) =>
      isForwarding && secret.owner === "caller" && !others.includes(secret);
    this.#leaked(
      found.filter((secret) => !mayBeSent(secret)),
      "what a pod was sent",
    );
  }

  #sentToApi({ method, target, head, body }: SentRequest): void {
    if (!this.#policy.mayAskApi(method, target))
      this.#violation(`asked the API server for ${method} ${target}`);
    const [, credential = ""] = /\r\nauthorization: *([^\r\n]*)/iu.exec(head) ?? [];
    const isOwn = ({ text, owner }: Secret) => owner === "cluster" || this.#secrets.has(text, "cluster");
    // Of whom it is is known by who came with it first: the program, whose token may have been replaced, or a caller.
    const others = this.#secrets.findIn(Buffer.from(credential, "latin1")).filter((secret) => !isOwn(secret));
    if (others.length === 0) this.#secrets.addCredential(credential, "cluster");
    const mayBeSent = ({ owner }: Secret) => owner === "caller" && isTokenReview(target);
    const rest = Buffer.concat([Buffer.from(withoutAuthorization(head), "latin1"), body]);
    const found = this.#secrets.findIn(rest).filter((secret) => !mayBeSent(secret));
    this.#leaked([...found, ...others], "what the API server was sent");
  }

  #leaked(secrets: readonly Secret[], place: string): void {
    for (const { owner, text } of secrets)
      this.#violation(`a secret of the ${owner} (${text}) is in ${place}`);
  }

  #violation(text: string): void {
    this.#once({ kind: "violation", text }, text);
  }

  #see(what: string): void {
    this.#once({ kind: "seen", what }, `seen ${what}`);
  }

  #once(finding: Finding, key: string): void {
    if (this.#reported.has(key) || this.#reported.size > maxFindings) return;
    this.#reported.add(key);
    this.#report(finding);
  }
}

function withoutAuthorization(head: string): string {
  return head.replace(/\r\nauthorization:[^\r\n]*/giu, "");
}

// Changes what is in a test cluster, as its administrator: namespaces, pods, and who may see them.

import type { Dispatcher } from "undici";
import { setTimeout as delay } from "node:timers/promises";
import { ApiError, type ApiClient, type ApiRequestOptions } from "./api-client.ts";
import { podObject, podStatus, type PodOptions } from "./pod-object.ts";

const defaultParallel = 24;
const rightsTimeoutMs = 5_000;
const pollMs = 10;

export type PodStatusChange = Pick<PodOptions, "ip" | "moreIps" | "ready" | "phase">;

export interface PodRights {
  /** The name of a user as in the token file, or that of a service account. */
  readonly subject: string | { readonly serviceAccount: string; readonly namespace: string };
  /** e.g. `["list", "watch"]`. */
  readonly verbs: readonly string[];
  /** Undefined: pods of all namespaces. */
  readonly namespace?: string;
}

export class ClusterApi {
  readonly #client: ApiClient;
  #rights = 0;

  protected constructor(client: ApiClient) {
    this.#client = client;
  }

  /** @returns the answer's JSON @throws ApiError when the status is not 2xx */
  async request<Answer = unknown>(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: object,
    options?: ApiRequestOptions,
  ): Promise<Answer> {
    return this.#client.request<Answer>(method, path, body, options);
  }

  async createNamespace(name: string): Promise<void> {
    await this.request("POST", "/api/v1/namespaces", { metadata: { name } });
  }

  /** @returns the pod's uid */
  async createPod(options: PodOptions): Promise<string> {
    const path = podsPath(options.namespace);
    const { metadata } = await this.request<{ metadata: { uid: string } }>("POST", path, podObject(options));
    await this.setPodStatus(options.namespace, options.name, options);
    return metadata.uid;
  }

  /** @returns their uids, in the same order. About two milliseconds a pod */
  async createPods(
    pods: readonly PodOptions[],
    { parallel = defaultParallel }: { parallel?: number } = {},
  ): Promise<string[]> {
    const uids: string[] = [];
    const queue = pods.entries();
    const work = async () => {
      // All workers take from the one iterator.
      for (const [index, pod] of queue) {
        uids[index] = await this.createPod(pod);
      }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    return uids;
  }

  async setPodStatus(namespace: string, name: string, status: PodStatusChange): Promise<void> {
    await this.request("PATCH", `${podsPath(namespace)}/${name}/status`, podStatus(status), {
      contentType: "application/merge-patch+json",
    });
  }

  /** At once: there is no kubelet that would take its time. */
  async deletePod(namespace: string, name: string): Promise<void> {
    await this.request("DELETE", `${podsPath(namespace)}/${name}?gracePeriodSeconds=0`);
  }

  /** Lets an account see pods; resolves when that has taken effect. @returns takes the right away again, likewise */
  async allowPods(rights: PodRights): Promise<() => Promise<void>> {
    const { verbs, namespace } = rights;
    const name = `pods-${++this.#rights}`;
    const base = `/apis/rbac.authorization.k8s.io/v1${namespace === undefined ? "" : `/namespaces/${namespace}`}`;
    const kind = namespace === undefined ? "ClusterRole" : "Role";
    const [roles, bindings] =
      namespace === undefined ? ["clusterroles", "clusterrolebindings"] : ["roles", "rolebindings"];
    await this.request("POST", `${base}/${roles}`, {
      metadata: { name },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
    });
    await this.request("POST", `${base}/${bindings}`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
      subjects: [readSubject(rights)],
    });
    await this.#untilAllowed(rights, true);
    return async () => {
      await this.request("DELETE", `${base}/${bindings}/${name}`);
      await this.request("DELETE", `${base}/${roles}/${name}`);
      await this.#untilAllowed(rights, false);
    };
  }

  /** A token as the kubelet asks for on behalf of a pod. The account is created if it is not there. */
  async createServiceAccountToken(
    namespace: string,
    name: string,
    { expirationSeconds = 3600 }: { expirationSeconds?: number } = {},
  ): Promise<string> {
    const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    try {
      await this.request("POST", accounts, { metadata: { name } });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
    const answer = await this.request<{ status: { token: string } }>("POST", `${accounts}/${name}/token`, {
      spec: { expirationSeconds },
    });
    return answer.status.token;
  }

  /** Makes all tokens of the account void. The API server remembers for ten seconds whom a token belongs to. */
  async deleteServiceAccount(namespace: string, name: string): Promise<void> {
    await this.request("DELETE", `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`);
  }

  /** The API server's own view of its roles is a moment behind what it stores. */
  async #untilAllowed({ subject, verbs, namespace }: PodRights, wanted: boolean): Promise<void> {
    const user =
      typeof subject === "string"
        ? subject
        : `system:serviceaccount:${subject.namespace}:${subject.serviceAccount}`;
    const end = performance.now() + rightsTimeoutMs;
    while (performance.now() < end) {
      const answers = await Promise.all(
        verbs.map((verb) =>
          this.request<{ status: { allowed: boolean } }>(
            "POST",
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            { spec: { user, resourceAttributes: { verb, resource: "pods", namespace } } },
          ),
        ),
      );
      if (answers.every(({ status }) => status.allowed === wanted)) return;
      await delay(pollMs);
    }
    const state = wanted ? "not allowed" : "still allowed, perhaps by other rights";
    throw new Error(`Cannot change the rights of "${user}": ${state} after ${rightsTimeoutMs} ms`);
  }
}

function podsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/pods`;
}

function readSubject({ subject }: PodRights): object {
  return typeof subject === "string"
    ? { apiGroup: "rbac.authorization.k8s.io", kind: "User", name: subject }
    : { kind: "ServiceAccount", name: subject.serviceAccount, namespace: subject.namespace };
}

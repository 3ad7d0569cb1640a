// A new fake API server for each test of a file, and the short words in which such tests ask it.
import { afterEach, beforeEach, onTestFinished } from "vitest";

import { type Answer, request } from "../http/http-client.ts";
import { FakeKubernetesApi } from "./fake-api.ts";
import { type PodObject, type PodOptions, smallPod } from "./pod-objects.ts";
import { WatchReader } from "./watch-reader.ts";

export interface PodList {
  readonly kind: string;
  readonly metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  readonly items: readonly { kind?: string; metadata: { name: string; resourceVersion: string } }[];
  readonly reason?: string;
  readonly code?: number;
}

export interface FakeApiOfTest {
  /** Its revision is 100 at the start. */
  readonly api: FakeKubernetesApi;
  get(target: string, token?: string): Promise<Answer>;
  list(query?: string, path?: string): Promise<PodList>;
  /** Allows bookmarks; closed when the test ends. */
  watch(query: string, path?: string): Promise<WatchReader>;
}

export function useFakeApi(): FakeApiOfTest {
  let api: FakeKubernetesApi;
  beforeEach(async () => {
    api = new FakeKubernetesApi({ revision: 100 });
    await api.start();
  });
  afterEach(async () => {
    await api.stop();
  });
  const get = (target: string, token?: string) =>
    request(api.url, target, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
  return {
    get api() {
      return api;
    },
    get,
    async list(query = "", path = "/api/v1/pods") {
      return JSON.parse((await get(`${path}?${query}`)).text) as PodList;
    },
    async watch(query, path = "/api/v1/pods") {
      const reader = await WatchReader.open(`${api.url}${path}?watch=true&allowWatchBookmarks=true&${query}`);
      onTestFinished(() => reader.close());
      return reader;
    },
  };
}

/** A small pod of namespace `a`. */
export function podNamed(name: string, o: Partial<PodOptions> = {}): PodObject {
  return smallPod({ namespace: "a", name, ip: "10.0.0.1", ...o });
}

export function namesOf({ items }: PodList): readonly string[] {
  return items.map(({ metadata }) => metadata.name);
}

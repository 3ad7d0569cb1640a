// KUBERNETES_AUTH: callers are whom the API server knows by their tokens, and see the namespaces in which RBAC lets them. A token
// is held while it is reviewed and no longer: what is kept is known by a keyed hash of it.
import { createHmac, randomBytes } from "node:crypto";

import type { AccessReviews, ReviewedUser } from "../../discovery/kubernetes/access-reviews.ts";
import { ApiError } from "../../discovery/kubernetes/api-error.ts";
import type { Namespaces } from "../../targets/namespace.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { unavailable } from "../unavailable.ts";
import type { Caller } from "./caller.ts";
import { ReviewCache } from "./review-cache.ts";
import { ReviewsBusyError, ReviewSlots } from "./review-slots.ts";

export interface KubernetesCallersOptions {
  readonly reviews: Pick<AccessReviews, "userOf" | "mayGet">;
  /** KUBERNETES_AUTH_CACHE. */
  readonly freshMs: number;
  /** MAX_POD_LIST_AGE. */
  readonly staleMs: number;
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly metrics: Pick<Metrics, "limitHit">;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export const maxCachedTokens = 2_000;
const maxCachedAccess = 20_000;
/** Of TokenReviews and SubjectAccessReviews each, and of callers who were accepted before and others each. */
export const maxReviews = 32;
/** Of one request that names many namespaces, so that it leaves places for others. */
const maxReviewsOfRequest = 8;

interface KnownUser {
  readonly user: ReviewedUser;
  readonly key: string;
}

export class KubernetesCallers {
  readonly #key = randomBytes(32);
  readonly #users: ReviewCache<string, KnownUser>;
  readonly #access: ReviewCache<{ user: ReviewedUser; namespace: string }, true>;

  constructor({ reviews, freshMs, staleMs, logger, metrics, now }: KubernetesCallersOptions) {
    const onLimit = metrics.limitHit.bind(metrics);
    const common = () => ({
      freshMs,
      staleMs,
      slots: new ReviewSlots({ each: maxReviews, onFull: () => onLimit("authentication_reviews") }),
      onLimit,
      ...(now !== undefined && { now }),
    });
    this.#users = new ReviewCache({
      ...common(),
      maxEntries: maxCachedTokens,
      outage: { kind: "TokenReview", logger },
      review: async (token) => {
        const user = await reviews.userOf(token);
        return user && { user, key: this.#hash(JSON.stringify(user)) };
      },
    });
    this.#access = new ReviewCache({
      ...common(),
      maxEntries: maxCachedAccess,
      outage: { kind: "SubjectAccessReview", logger },
      review: async ({ user, namespace }) => (await reviews.mayGet(user, namespace)) || undefined,
    });
  }

  /** Undefined when the token is not accepted. Rejects with HttpError 503 when that cannot be told. */
  async identify(token: string): Promise<Caller | undefined> {
    const known = await orUnavailable(this.#users.get(this.#hash(token), token));
    if (known === undefined) return undefined;
    const { user, key } = known;
    return {
      name: user.username,
      seesAll: false,
      visible: async (namespaces) => await orUnavailable(this.#visible({ user, key }, namespaces)),
    };
  }

  async #visible({ user, key }: KnownUser, namespaces: Namespaces): Promise<Namespaces> {
    const may = async (namespace: string) =>
      (await this.#access.get(`${key} ${namespace}`, { user, namespace })) === true;
    if (namespaces === "*") return (await may("*")) ? "*" : [];
    const allowed = new Set<string>();
    const queue = namespaces.values();
    const work = async () => {
      // All workers take from the one iterator.
      for (const namespace of queue) if (await may(namespace)) allowed.add(namespace);
    };
    await Promise.all(Array.from({ length: maxReviewsOfRequest }, work));
    return namespaces.filter((namespace) => allowed.has(namespace));
  }

  #hash(text: string): string {
    return createHmac("sha256", this.#key).update(text).digest("base64");
  }
}

async function orUnavailable<T>(review: Promise<T>): Promise<T> {
  try {
    return await review;
  } catch (error) {
    if (error instanceof ReviewsBusyError) {
      throw unavailable("Cannot authenticate now: too many callers are being reviewed (KUBERNETES_AUTH)", {
        authenticationFailure: "busy",
      });
    }
    if (error instanceof ApiError) {
      throw unavailable("Cannot authenticate now: the API server gives no review (KUBERNETES_AUTH)", {
        authenticationFailure: "unavailable",
      });
    }
    throw error;
  }
}

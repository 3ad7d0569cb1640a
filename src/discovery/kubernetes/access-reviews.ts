// Asks the API server whose a token is (TokenReview) and what he may get (SubjectAccessReview), with the proxy's own token.
// Holds nothing: each call is a request. A token that is reviewed is in no error and no log.
import { asObject, isObject, stringAt } from "../untrusted-object.ts";
import type { ApiClient } from "./api-client.ts";
import { ApiError } from "./api-error.ts";

/** Whom the API server knows behind a token, in its own words. */
export interface ReviewedUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** As in RBAC: of `pods/metrics` group "" and subresource `metrics`. */
interface ReviewedResource {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
}

export interface AccessReviewsOptions {
  readonly client: Pick<ApiClient, "review">;
  /** KUBERNETES_AUTH_RESOURCE. */
  readonly resource: ReviewedResource;
  /** KUBERNETES_AUTH_AUDIENCES. Empty: those of the API server itself. */
  readonly audiences: readonly string[];
  readonly timeoutMs?: number;
}

/** Much longer than a review takes, and shorter than Prometheus' usual patience. */
const defaultTimeoutMs = 4_000;

/** Its calls reject with an ApiError when there is no answer; `unreachable` after `timeoutMs` as well. */
export class AccessReviews {
  readonly #options: AccessReviewsOptions;

  constructor(options: AccessReviewsOptions) {
    this.#options = options;
  }

  /** Undefined when the API server does not accept the token, or not for one of the audiences. */
  async userOf(token: string): Promise<ReviewedUser | undefined> {
    const { audiences } = this.#options;
    const status = await this.#review("authentication.k8s.io", "TokenReview", {
      token,
      ...(audiences.length > 0 && { audiences }),
    });
    if (status["authenticated"] !== true) return undefined;
    // A server that knows nothing of audiences would pass a token that was made for somebody else.
    const accepted = readTexts(status["audiences"]) ?? [];
    if (audiences.length > 0 && !audiences.some((audience) => accepted.includes(audience))) return undefined;
    return readUser(asObject(status["user"]));
  }

  /** Whether the user may `get` the resource in the namespace; `*`: in the whole cluster. */
  async mayGet(user: ReviewedUser, namespace: string): Promise<boolean> {
    const { username, ...others } = user;
    const { allowed, denied } = await this.#review("authorization.k8s.io", "SubjectAccessReview", {
      user: username,
      ...others,
      resourceAttributes: {
        ...(namespace !== "*" && { namespace }),
        verb: "get",
        ...this.#options.resource,
      },
    });
    return allowed === true && denied !== true;
  }

  async #review(group: string, kind: string, spec: object): Promise<Readonly<Record<string, unknown>>> {
    const { client, timeoutMs = defaultTimeoutMs } = this.#options;
    const controller = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const tooLate = new ApiError("unreachable", "the API server does not answer in time");
      controller.abort(tooLate);
      // By itself: a request that waits for its connection does not notice that it was given up.
      late.reject(tooLate);
    }, timeoutMs);
    try {
      const work = client.review({
        path: `/apis/${group}/v1/${kind.toLowerCase()}s`,
        document: { apiVersion: `${group}/v1`, kind, spec },
        signal: controller.signal,
      });
      work.catch(() => undefined);
      const answer = await Promise.race([work, late.promise]);
      const { status } = asObject(answer);
      if (!isObject(status)) throw malformed();
      return status;
    } finally {
      clearTimeout(timer);
    }
  }
}

function readUser(user: Readonly<Record<string, unknown>>): ReviewedUser {
  const username = stringAt(user, "username");
  if (username === "") throw malformed();
  const uid = stringAt(user, "uid");
  const groups = readTexts(user["groups"]);
  const extra = Object.entries(asObject(user["extra"])).flatMap(([key, values]) => {
    const texts = readTexts(values);
    return texts === undefined ? [] : [[key, texts] as const];
  });
  return {
    username,
    ...(uid !== "" && { uid }),
    ...(groups !== undefined && { groups }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

function readTexts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter((text): text is string => typeof text === "string");
}

function malformed(): ApiError {
  return new ApiError("malformed", "the answer to a review is none");
}

// What is asked in a review, and what is made of the answers: anything that is no clear "yes" is a "no" or an error.
import { expect, test } from "vitest";

import { AccessReviews } from "./access-reviews.ts";
import type { ApiReview } from "./api-client.ts";

const resource = { group: "", resource: "pods", subresource: "metrics" };

function create(answer: unknown, o: { audiences?: string[]; timeoutMs?: number } = {}) {
  const given: AbortSignal[] = [];
  const asked: Omit<ApiReview, "signal">[] = [];
  const reviews = new AccessReviews({
    client: {
      review: async ({ signal, ...review }) => {
        asked.push(review);
        if (answer !== "never") return answer;
        given.push(signal);
        return await new Promise(() => undefined);
      },
    },
    resource,
    audiences: [],
    ...o,
  });
  return { reviews, asked, given };
}

const authenticated = (user: unknown, more: object = {}) => ({
  status: { authenticated: true, user, ...more },
});

test("userOf() asks with the token and the audiences, and gives the user in the server's words", async () => {
  const user = {
    username: "ann",
    uid: "7",
    groups: ["team-a", "system:authenticated"],
    extra: { scopes: ["x", "y"], "authentication.kubernetes.io/pod-name": ["p"] },
  };
  const plain = create(authenticated(user));
  expect(await plain.reviews.userOf("secret")).toEqual(user);
  const apiVersion = "authentication.k8s.io/v1";
  const path = "/apis/authentication.k8s.io/v1/tokenreviews";
  expect(plain.asked).toEqual([
    { path, document: { apiVersion, kind: "TokenReview", spec: { token: "secret" } } },
  ]);
  const bound = create(authenticated(user, { audiences: ["b"] }), { audiences: ["a", "b"] });
  expect(await bound.reviews.userOf("secret")).toEqual(user);
  expect(bound.asked).toEqual([
    {
      path,
      document: { apiVersion, kind: "TokenReview", spec: { token: "secret", audiences: ["a", "b"] } },
    },
  ]);
  expect(await create(authenticated({ username: "b" })).reviews.userOf("t")).toEqual({ username: "b" });
});

test.for([
  [{ status: { authenticated: false, user: { username: "ann" } } }],
  [{ status: { user: { username: "ann" } } }],
  [{ status: { authenticated: "true", user: { username: "ann" } } }],
  [{ status: { error: "Token has expired" } }],
])("userOf() takes %j for a no", async ([answer]) => {
  expect(await create(answer).reviews.userOf("t")).toBeUndefined();
});

test.for([[undefined], [[]], [["c"]], ["a"]])(
  "userOf() wants one of its audiences, and not %j",
  async ([audiences]) => {
    const { reviews } = create(authenticated({ username: "ann" }, { audiences }), { audiences: ["a", "b"] });
    expect(await reviews.userOf("t")).toBeUndefined();
  },
);

test.for([
  [authenticated({})],
  [authenticated({ username: "" })],
  [authenticated(undefined)],
  [{}],
  [[]],
  [null],
])("userOf() rejects when the answer is %j", async ([answer]) => {
  await expect(create(answer).reviews.userOf("t")).rejects.toMatchObject({ problem: "malformed" });
});

test("mayGet() asks with all that is known of the user, in the namespace or for the whole cluster", async () => {
  const { reviews, asked } = create({ status: { allowed: true } });
  const user = { username: "ann", uid: "7", groups: ["g"], extra: { scopes: ["x"] } };
  expect(await reviews.mayGet(user, "team-a")).toBe(true);
  expect(await reviews.mayGet({ username: "ann" }, "*")).toBe(true);
  const common = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" };
  const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
  const attributes = { verb: "get", ...resource };
  const spec = { user: "ann", uid: "7", groups: ["g"], extra: { scopes: ["x"] } };
  expect(asked).toEqual([
    {
      path,
      document: { ...common, spec: { ...spec, resourceAttributes: { namespace: "team-a", ...attributes } } },
    },
    { path, document: { ...common, spec: { user: "ann", resourceAttributes: attributes } } },
  ]);
});

test.for([[{ allowed: false }], [{}], [{ allowed: "true" }], [{ allowed: true, denied: true }]])(
  "mayGet() takes %j for a no",
  async ([status]) => {
    expect(await create({ status }).reviews.mayGet({ username: "ann" }, "a")).toBe(false);
  },
);

test("a review that takes too long is a server that cannot be reached", async () => {
  const { reviews, given } = create("never", { timeoutMs: 20 });
  await expect(reviews.userOf("t")).rejects.toMatchObject({ name: "ApiError", problem: "unreachable" });
  expect(given[0]!.aborted).toBe(true);
});

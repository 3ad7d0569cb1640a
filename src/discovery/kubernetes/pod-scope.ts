// What one list and one watch cover: the pods of a namespace, or those of the cluster.

export interface PodScope {
  /** Undefined: every namespace. */
  readonly namespace: string | undefined;
  /** Of the Kubernetes API. */
  readonly path: string;
  /** For logs. */
  readonly name: string;
}

/** The namespace has been checked: it consists of letters, digits and hyphens. */
export function namespaceScope(namespace: string): PodScope {
  return { namespace, path: `/api/v1/namespaces/${namespace}/pods`, name: namespace };
}

export const clusterScope: PodScope = { namespace: undefined, path: "/api/v1/pods", name: "*" };

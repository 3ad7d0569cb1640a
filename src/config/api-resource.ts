// A resource of the Kubernetes API as rules of RBAC name it: `pods/metrics`, or with a group `podmonitors.monitoring.coreos.com`.
import * as z from "zod";
import type { ValueKind } from "./value-kinds.ts";

export interface ApiResource {
  /** "" for the core group. */
  readonly group: string;
  readonly resource: string;
  /** "" for the resource itself. */
  readonly subresource: string;
}

const pattern = /^([a-z][a-z0-9]*)(?:\.([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?))?(?:\/([a-z][a-z0-9-]*))?$/;

export function apiResource(): ValueKind<ApiResource> {
  return {
    schema: z
      .string()
      .max(253)
      .regex(pattern)
      .transform((text) => {
        const [, resource = "", group = "", subresource = ""] = pattern.exec(text) ?? [];
        return { group, resource, subresource };
      }),
    placeholder: "resource",
    wanted: "<resource>[.<group>][/<subresource>], such as pods/metrics",
  };
}

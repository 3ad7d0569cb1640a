// What the API server was asked, by whom: its audit log, exact to the request. Requests of the group system:masters (the
// tests' administrator, the server itself) are left out.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Exact matches; what is left out matches everything. */
export interface AuditFilter {
  readonly user?: string;
  /** e.g. `list`, `watch`, `get`. */
  readonly verb?: string;
  /** e.g. `pods`. */
  readonly resource?: string;
  readonly namespace?: string;
  readonly status?: number;
}

export interface AuditedRequest {
  /** Undefined when nobody was authenticated. */
  readonly user: string | undefined;
  readonly verb: string;
  readonly resource: string | undefined;
  /** Undefined for requests about all namespaces. */
  readonly namespace: string | undefined;
  readonly uri: string;
  readonly userAgent: string | undefined;
  /** Undefined until it has been answered, for a watch: until it has ended. */
  readonly status: number | undefined;
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string };
  readonly responseStatus?: { readonly code?: number };
}

/** All stages: of a watch that is open, version 1.20 logs nothing but that it was received. */
const policy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  rules: [{ level: "None", userGroups: ["system:masters"] }, { level: "Metadata" }],
};

export class AuditLog {
  readonly flags: readonly string[];
  readonly #file: string;

  private constructor(folder: string, policyFile: string) {
    this.#file = join(folder, "audit.log");
    // Blocking: an entry is written before the server goes on with the request.
    this.flags = [
      `--audit-policy-file=${policyFile}`,
      `--audit-log-path=${this.#file}`,
      "--audit-log-mode=blocking",
    ];
  }

  static async create(folder: string): Promise<AuditLog> {
    const policyFile = join(folder, "audit-policy.json");
    await writeFile(policyFile, JSON.stringify(policy));
    return new AuditLog(folder, policyFile);
  }

  /** In the order of their first entry. A watch that goes on is among them. */
  async requests(filter: AuditFilter = {}): Promise<AuditedRequest[]> {
    const text = await readFile(this.#file, "utf8").catch((error: NodeJS.ErrnoException) => {
      // Created with its first entry.
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const requests = new Map<string, AuditedRequest>();
    // What follows the last line feed is being written.
    for (const line of text.split("\n").slice(0, -1)) {
      const event = JSON.parse(line) as AuditEvent;
      requests.set(event.auditID, read(event));
    }
    return [...requests.values()].filter((request) =>
      Object.entries(filter).every(([name, value]) => request[name as keyof AuditFilter] === value),
    );
  }
}

function read(event: AuditEvent): AuditedRequest {
  return {
    user: event.user?.username,
    verb: event.verb,
    resource: event.objectRef?.resource,
    namespace: event.objectRef?.namespace,
    uri: event.requestURI,
    userAgent: event.userAgent,
    status: event.responseStatus?.code,
  };
}

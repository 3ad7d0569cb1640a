// The documents that kubectl reads around its questions for pods. Only pods and any namespace exist here, to be read only.
import { type Answer, jsonAnswer, statusAnswer } from "./api-status.ts";

export function discoveryDocument(path: string): Answer {
  const namespace = /^\/api\/v1\/namespaces\/([^/]+)$/u.exec(path)?.[1];
  if (namespace !== undefined) {
    const metadata = { name: namespace, resourceVersion: "1" };
    return jsonAnswer({ kind: "Namespace", apiVersion: "v1", metadata, status: { phase: "Active" } });
  }
  switch (path) {
    case "/api":
      return jsonAnswer({
        kind: "APIVersions",
        versions: ["v1"],
        serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "127.0.0.1" }],
      });
    case "/apis":
      return jsonAnswer({ kind: "APIGroupList", apiVersion: "v1", groups: [] });
    case "/api/v1":
      return jsonAnswer({
        kind: "APIResourceList",
        groupVersion: "v1",
        resources: [
          {
            name: "pods",
            singularName: "",
            namespaced: true,
            kind: "Pod",
            verbs: ["get", "list", "watch"],
            shortNames: ["po"],
            categories: ["all"],
          },
        ],
      });
    case "/version":
      return jsonAnswer({ major: "1", minor: "20", gitVersion: "v1.20.2", platform: "linux/amd64" });
    default:
      return statusAnswer({ code: 404, message: "the server could not find the requested resource" });
  }
}

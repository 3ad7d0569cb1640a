// Writes Pod objects as a kubelet and a controller would leave them, for a cluster that has neither.

export interface PodOptions {
  readonly namespace: string;
  readonly name: string;
  /** status.podIP. Undefined: none yet, as of a pod that waits for its node. */
  readonly ip?: string;
  /** status.podIPs after the first. */
  readonly moreIps?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly containerPorts?: readonly { readonly name?: string; readonly containerPort: number }[];
  /** The condition Ready. Default: true. */
  readonly ready?: boolean;
  /** Default: Running. */
  readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  readonly hostNetwork?: boolean;
  readonly nodeName?: string;
  /** Makes metadata.managedFields at least so many bytes longer, as several controllers would. */
  readonly managedFieldsPadding?: number;
}

/** To be sent with POST; the API server drops any status then. */
export function podObject(options: PodOptions): object {
  const { namespace, name, labels, annotations, containerPorts = [], hostNetwork = false } = options;
  const ports = containerPorts.map(({ name: portName, containerPort }) => ({
    name: portName,
    containerPort,
    hostPort: hostNetwork ? containerPort : undefined,
  }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels, annotations, managedFields: managedFields(options) },
    spec: {
      containers: [{ name: "app", image: "app", ports }],
      hostNetwork,
      // Nothing has to be scheduled then.
      nodeName: options.nodeName ?? "node-1",
    },
  };
}

/** To be sent as a merge patch of the pod's status. */
export function podStatus({
  ip,
  moreIps = [],
  ready = true,
  phase = "Running",
}: Pick<PodOptions, "ip" | "moreIps" | "ready" | "phase">): object {
  return {
    status: {
      phase,
      ...(ip !== undefined && { podIP: ip, podIPs: [ip, ...moreIps].map((each) => ({ ip: each })) }),
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
      containerStatuses: [
        { name: "app", image: "app", imageID: "app", restartCount: 0, ready, state: { running: {} } },
      ],
    },
  };
}

/** Entries of the kind that controllers leave: one key for every field that they set. */
function managedFields({ managedFieldsPadding = 0 }: PodOptions): object[] | undefined {
  if (managedFieldsPadding === 0) return undefined;
  const fields = Array.from({ length: Math.ceil(managedFieldsPadding / 46) }, (_, index) => [
    `f:example.test/controller-field-${String(index).padStart(8, "0")}`,
    {},
  ]);
  return [
    {
      manager: "controllers",
      operation: "Update",
      apiVersion: "v1",
      time: "2024-01-01T00:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: { "f:metadata": { "f:annotations": Object.fromEntries(fields) as object } },
    },
  ];
}

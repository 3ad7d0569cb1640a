// Pod objects as an API server stores them: a realistic one with all that a kubelet and a Deployment put into it, and a
// small one for runs of many steps. Objects are values: nobody may change one after it was made.

/** The fields that the fake reads itself; whatever else an object carries is kept and sent as it is. */
export interface PodObject {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    /** Set by the API server at every write. */
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly spec: { readonly nodeName?: string; readonly [field: string]: unknown };
  readonly status: { readonly phase: string; readonly podIP?: string; readonly [field: string]: unknown };
}

export interface PodOptions {
  readonly namespace: string;
  readonly name: string;
  /** Without one the pod has none yet, as while it is Pending. */
  readonly ip?: string;
  /** Default: made from a counter, another one at each call. */
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default `Running`. */
  readonly phase?: string;
  /** Default: true when it runs. */
  readonly ready?: boolean;
  /** Container ports by name. Default `{ metrics: 9100 }`. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly nodeName?: string;
}

let uids = 0;

function nextUid(): string {
  return `5d1fa0c4-7b3e-4c55-9d7c-${(++uids).toString(16).padStart(12, "0")}`;
}

const created = "2026-11-20T08:15:30Z";

/** About 300 bytes of JSON. */
export function smallPod(o: PodOptions): PodObject {
  const { namespace, name, ip = "", phase = "Running", uid = nextUid() } = o;
  return {
    metadata: { name, namespace, uid, creationTimestamp: created, labels: o.labels ?? {} },
    spec: { nodeName: o.nodeName ?? "node-1", containers: [{ name: "app", ports: containerPorts(o) }] },
    status: { phase, ...ipFields(ip) },
  };
}

/** About 6 KB of JSON: managedFields, environment, volumes, probes, conditions, container statuses. */
export function realisticPod(o: PodOptions): PodObject {
  const { namespace, name, ip = "", phase = "Running", uid = nextUid(), nodeName = "node-1" } = o;
  const app = name.replace(/-[^-]*$/u, "");
  const labels = { app, "app.kubernetes.io/part-of": "shop", "pod-template-hash": "6d4cf56db6", ...o.labels };
  const annotations = {
    "prometheus.io/scrape": "true",
    "cni.projectcalico.org/podIP": ip === "" ? "" : `${ip}/32`,
    "checksum/config": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ...o.annotations,
  };
  const ready = o.ready ?? phase === "Running";
  return {
    metadata: {
      name,
      generateName: `${app}-`,
      namespace,
      uid,
      creationTimestamp: created,
      labels,
      annotations,
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "ReplicaSet",
          name: app,
          uid: "0c6c9d7b-2f4e-4c12-8d3f-3a0d0a9a7a11",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      managedFields: managedFields(Object.keys(labels), Object.keys(annotations)),
    },
    spec: realisticSpec(o, nodeName),
    status: realisticStatus({ phase, ip, ready }),
  };
}

function realisticSpec(o: PodOptions, nodeName: string) {
  const env = Array.from({ length: 16 }, (_, index) =>
    index % 4 === 3
      ? {
          name: `SECRET_${index}`,
          valueFrom: { secretKeyRef: { name: "app-secrets", key: `secret-${index}` } },
        }
      : { name: `SETTING_${index}`, value: `value of the setting ${index} as in a chart` },
  );
  const probe = { httpGet: { path: "/healthz", port: "metrics", scheme: "HTTP" }, timeoutSeconds: 1 };
  return {
    volumes: [
      { name: "config", configMap: { name: "app-config", defaultMode: 420 } },
      { name: "cache", emptyDir: {} },
      { name: "default-token-x7k2p", secret: { secretName: "default-token-x7k2p", defaultMode: 420 } },
    ],
    containers: [
      {
        name: "app",
        image: "example.invalid/shop/app:v1.42.7",
        args: ["--config=/etc/app/config.yaml", "--listen=:8080"],
        ports: containerPorts(o),
        env,
        resources: { limits: { cpu: "1", memory: "512Mi" }, requests: { cpu: "100m", memory: "256Mi" } },
        volumeMounts: [
          { name: "config", mountPath: "/etc/app" },
          { name: "cache", mountPath: "/var/cache/app" },
          {
            name: "default-token-x7k2p",
            readOnly: true,
            mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
          },
        ],
        livenessProbe: { ...probe, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
        readinessProbe: { ...probe, periodSeconds: 5, successThreshold: 1, failureThreshold: 3 },
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        imagePullPolicy: "IfNotPresent",
      },
    ],
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    serviceAccountName: "default",
    serviceAccount: "default",
    nodeName,
    securityContext: {},
    schedulerName: "default-scheduler",
    tolerations: ["not-ready", "unreachable"].map((key) => ({
      key: `node.kubernetes.io/${key}`,
      operator: "Exists",
      effect: "NoExecute",
      tolerationSeconds: 300,
    })),
    priority: 0,
    enableServiceLinks: true,
    preemptionPolicy: "PreemptLowerPriority",
  };
}

function realisticStatus({ phase, ip, ready }: { phase: string; ip: string; ready: boolean }) {
  const condition = (type: string, holds: boolean) => ({
    type,
    status: holds ? "True" : "False",
    lastProbeTime: null,
    lastTransitionTime: created,
  });
  const image = "example.invalid/shop/app";
  return {
    phase,
    conditions: [
      condition("Initialized", true),
      condition("Ready", ready),
      condition("ContainersReady", ready),
      condition("PodScheduled", true),
    ],
    hostIP: "192.0.2.10",
    ...ipFields(ip),
    startTime: created,
    containerStatuses: [
      {
        name: "app",
        state: phase === "Running" ? { running: { startedAt: created } } : { waiting: { reason: phase } },
        lastState: {},
        ready,
        restartCount: 0,
        image: `${image}:v1.42.7`,
        imageID: `${image}@sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae`,
        containerID: "containerd://fcde2b2edba56bf408601fb721fe9b5c338d10ee429ea04fae5511b68fbf8fb9",
        started: ready,
      },
    ],
    qosClass: "Burstable",
  };
}

function managedFields(labels: readonly string[], annotations: readonly string[]) {
  const set = (names: readonly string[]) => Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
  const env = Object.fromEntries(
    Array.from({ length: 16 }, (_, index) => [
      `k:{"name":"SETTING_${index}"}`,
      { ".": {}, "f:name": {}, "f:value": {} },
    ]),
  );
  const container = { ".": {}, ...set(["image", "imagePullPolicy", "name", "resources"]), "f:env": env };
  const entry = (manager: string, fieldsV1: object) => ({
    manager,
    operation: "Update",
    apiVersion: "v1",
    time: created,
    fieldsType: "FieldsV1",
    fieldsV1,
  });
  return [
    entry("kube-controller-manager", {
      "f:metadata": { "f:labels": set(labels), "f:annotations": set(annotations), "f:ownerReferences": {} },
      "f:spec": { "f:containers": { 'k:{"name":"app"}': container }, "f:dnsPolicy": {}, "f:volumes": {} },
    }),
    entry("kubelet", { "f:status": set(["conditions", "containerStatuses", "hostIP", "phase", "podIP"]) }),
  ];
}

function containerPorts({ ports = { metrics: 9100 } }: PodOptions) {
  return Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort, protocol: "TCP" }));
}

function ipFields(ip: string): object {
  return ip === "" ? {} : { podIP: ip, podIPs: [{ ip }] };
}

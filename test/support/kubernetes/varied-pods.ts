// Pods of every kind that makes a difference to a label of service discovery, for a real API server: it must take all of them.
// The same ones at every call: each choice follows from the pod's index alone.
import { Choices } from "./choices.ts";
import {
  annotationEntries,
  type Entries,
  images,
  labelEntries,
  owners,
  phases,
  portNames,
  protocols,
  readiness,
  udpPorts,
} from "./pod-variations.ts";

/** A pod as two requests write it: created without a status, which the other one sets. */
export interface VariedPod {
  readonly namespace: string;
  readonly name: string;
  /** For POST. */
  readonly object: object;
  /** For a merge patch of the subresource. */
  readonly status: object;
}

/** Besides these there are ports that only UDP or SCTP, or only init containers have. */
export const variedTcpPorts = [1, 80, 443, 8080, 8443, 9090, 9100, 65535] as const;
export const variedNamespaces = ["team-a", "team-b", "0-digits", "kube-metrics"] as const;

export function createVariedPods(count: number): readonly VariedPod[] {
  return Array.from({ length: count }, (_, index) => createVariedPod(index));
}

function createVariedPod(index: number): VariedPod {
  const random = new Choices(index);
  const namespace = random.of(variedNamespaces);
  const name = random.of([
    `pod-${index}`,
    `${index}-pod`,
    `pod.${index}.dotted`,
    `${"long-".repeat(40)}${index}`,
  ]);
  const hostNetwork = random.of([false, false, false, true]);
  const phase = random.of(phases);
  const containers = createContainers(
    random,
    ["web", "0-mesh", "exporter"].slice(0, random.of([1, 1, 2, 3])),
  );
  const initContainers = createContainers(random, ["init", "migrate"].slice(0, random.of([0, 0, 1, 2])));
  if (hostNetwork) bindToHost([...containers, ...initContainers]);
  const ready = random.of(readiness);
  const otherConditions = [
    { type: "Initialized", status: "True" },
    { type: "example.com/Gate", status: "False" },
  ];
  return {
    namespace,
    name,
    object: {
      metadata: {
        namespace,
        name,
        labels: someOf(random, labelEntries),
        annotations: {
          ...someOf(random, annotationEntries),
          ...(index % 50 === 0 && { long: `${index} ${"é".repeat(20_000)}` }),
        },
        ownerReferences: random.of(owners),
      },
      spec: {
        // Nothing is scheduled here: a pod without one waits for ever, whatever its status says.
        nodeName: random.of(["node-1", "ip-10-0-0-1.ec2.internal", "node-1", undefined]),
        hostNetwork,
        containers,
        initContainers,
      },
    },
    status: {
      status: {
        phase,
        ...addresses(random, { index, hostNetwork, phase }),
        conditions: [
          ...otherConditions.slice(random.of([0, 1, 2])),
          ...(ready === undefined ? [] : [{ type: "Ready", status: ready }]),
          // The first one counts.
          ...(index % 20 === 7 ? [{ type: "Ready", status: "False" }] : []),
        ],
        containerStatuses: statusesOf(random, containers),
        initContainerStatuses: statusesOf(random, initContainers),
      },
    },
  };
}

interface Container {
  readonly name: string;
  readonly image: string;
  ports: {
    name?: string | undefined;
    containerPort: number;
    hostPort?: number;
    protocol?: string | undefined;
  }[];
}

function createContainers(random: Choices, names: readonly string[]): readonly Container[] {
  return names.map((name) => {
    const image = random.of(images);
    const taken = new Set<string | undefined>();
    const ports = Array.from({ length: random.of([0, 1, 1, 2, 4]) }, () => {
      const portName = random.of(portNames);
      const protocol = random.of(protocols);
      const containerPort = random.of(protocol === "UDP" ? [...udpPorts, 9100] : variedTcpPorts);
      // A container may not have a name twice; pods may.
      const isTaken = taken.has(portName);
      taken.add(portName);
      return { name: isTaken ? undefined : portName, containerPort, protocol };
    });
    return { name, image, ports };
  });
}

/** On a host a port can be there only once. */
function bindToHost(containers: readonly Container[]): void {
  const taken = new Set<string>();
  for (const container of containers) {
    container.ports = container.ports
      .filter(({ containerPort, protocol = "TCP" }) => {
        const key = `${containerPort}/${protocol}`;
        return !taken.has(key) && taken.add(key);
      })
      .map(({ name, containerPort, protocol }) => ({
        name,
        containerPort,
        protocol,
        hostPort: containerPort,
      }));
  }
}

function addresses(
  random: Choices,
  { index, hostNetwork, phase }: { index: number; hostNetwork: boolean; phase: string },
): object {
  const hostIP = random.of(["192.0.2.1", "192.0.2.2", "2001:db8::1", undefined]);
  const own = [`10.1.${index >> 8}.${index & 255}`, `fd00:0:0::${(index + 1).toString(16)}`] as const;
  const shapes = [
    [own[0]],
    [own[1]],
    [own[0], own[1]],
    [own[1], own[0]],
    [`FD00:0000::AB:${(index + 1).toString(16)}`],
    ...(phase === "Running" ? [[own[0]]] : [[], []]),
  ];
  const ips = hostNetwork && hostIP !== undefined ? [hostIP] : random.of(shapes);
  return {
    hostIP,
    ...(ips.length > 0 && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
  };
}

/** Those of a container may be missing, or in another order than the containers. */
function statusesOf(random: Choices, containers: readonly Container[]): readonly object[] {
  const statuses = containers.flatMap(({ name, image }) => {
    const common = { name, image: `${image}-resolved`, imageID: "", restartCount: 0, ready: true };
    const id = `containerd://${name}${"0123456789abcdef".repeat(3)}`;
    return random.of<readonly object[]>([
      [{ ...common, containerID: id, state: { running: {} } }],
      [{ ...common, containerID: id.replace("containerd", "cri-o"), state: { running: {} } }],
      [{ ...common, state: { waiting: { reason: "ContainerCreating" } } }],
      [],
    ]);
  });
  return random.of([statuses, statuses.toReversed()]);
}

function someOf(random: Choices, entries: Entries): Readonly<Record<string, string>> | undefined {
  const share = random.of([0, 2, 4, 8]);
  return share === 0 ? undefined : Object.fromEntries(entries.filter(() => random.below(8) < share));
}

// Whose port it is. Ports are declared for information only: one that nobody declares belongs to some container all the same.
import type { Container, Pod } from "../discovery/pod.ts";

type DeclaredPort = Pod["ports"][number];

/** The first declaration of this TCP port, of these containers if some are named. */
export function declaredPort(
  { ports }: Pod,
  number: number,
  containers: readonly string[] = [],
): DeclaredPort | undefined {
  return ports.find(
    ({ port, protocol, container }) =>
      port === number && protocol === "TCP" && (containers.length === 0 || containers.includes(container)),
  );
}

/** The container that declares the port, else the pod's only one beside sidecars. */
export function containerOf(
  pod: Pod,
  number: number,
  containers: readonly string[] = [],
): Container | undefined {
  const declared = declaredPort(pod, number, containers);
  if (declared !== undefined) return pod.containers.find(({ name }) => name === declared.container);
  const [only, ...others] = pod.containers.filter(({ init }) => !init);
  return others.length === 0 ? only : undefined;
}

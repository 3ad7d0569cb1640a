// The job for `/kubesd`: Prometheus finds the pods itself, and relabelling makes of each a request to the proxy.
import type { ExternalUrl } from "../config/address-kinds.ts";
import { parseRequestPath } from "../targets/path.ts";
import { kubernetesClient, proxyClient } from "./client-settings.ts";
import type { FlagValues } from "./flags.ts";
import { type Block, Noted, type Value } from "./noted.ts";

const pod = (name: string) => `__meta_kubernetes_pod_${name}`;

/** Throws MalformedRequestError when the proxy would not take the path. */
export function kubesdJob(values: FlagValues, url: ExternalUrl): Block {
  const path = parseRequestPath(`${url.pathPrefix}/kubesd${values.path ?? "/metrics"}`).text;
  const { namespace, selector, kubernetesApiUrl } = values;
  const port = onlyNumber(values);
  return {
    scheme: url.scheme,
    metrics_path: path,
    params: {
      ...(port !== undefined && { target_port: [String(port)] }),
      target_scheme: [values.scheme ?? "http"],
    },
    ...proxyClient(values),
    kubernetes_sd_configs: [
      {
        role: "pod",
        api_server: `${kubernetesApiUrl?.origin}${kubernetesApiUrl?.pathPrefix}`,
        namespaces: namespace === undefined || namespace === "*" ? undefined : { names: namespace },
        selectors: selector === undefined ? undefined : [{ role: "pod", label: selector }],
        ...kubernetesClient(values),
      },
    ],
    relabel_configs: [...choosePods(values), ...choosePorts(values), ...askProxy(values, url)],
  };
}

const keep = (label: string, regex: string): Block => ({ source_labels: [label], regex, action: "keep" });
const drop = (label: string, regex: string): Block => ({ source_labels: [label], regex, action: "drop" });
const copy = (label: string, target: string): Block => ({ source_labels: [label], target_label: target });

function choosePods({ prefix = "", annotated, ready, container }: FlagValues): (Value | Noted)[] {
  return [
    keep(pod("phase"), "Running"),
    ...(container === undefined
      ? [
          new Noted(
            "Sidecars go with the other init containers, unless --container names one.",
            drop(pod("container_init"), "true"),
          ),
        ]
      : []),
    ...(prefix === "" ? [] : [keep(pod("name"), `${escapeRegex(prefix)}.*`)]),
    ...(annotated ? [keep(pod("annotation_prometheus_io_scrape"), "true")] : []),
    ...(ready ? [keep(pod("ready"), "true")] : []),
    ...(container === undefined ? [] : [keep(pod("container_name"), container.join("|"))]),
  ];
}

/** The one port whose number is known, which containers need not declare. */
function onlyNumber({ port = [] }: FlagValues): number | undefined {
  const [first, ...others] = port;
  return typeof first === "number" && others.length === 0 ? first : undefined;
}

function choosePorts(values: FlagValues): (Value | Noted)[] {
  if (onlyNumber(values) !== undefined) return [];
  const { port } = values;
  const tcp = drop(pod("container_port_protocol"), "UDP|SCTP");
  if (port === undefined) {
    const declared = keep(pod("container_port_number"), ".+");
    return [new Noted("Every TCP port that a container declares; --port takes fewer.", declared), tcp];
  }
  const names = port.filter((one) => typeof one === "string");
  const numbers = port.filter((one) => typeof one === "number");
  const regex = [
    ...(names.length === 0 ? [] : [`${anyOf(names)};.+`]),
    ...(numbers.length === 0 ? [] : [`.*;${anyOf(numbers)}`]),
  ].join("|");
  const wanted = {
    source_labels: [pod("container_port_name"), pod("container_port_number")],
    regex,
    action: "keep",
  };
  return [new Noted("By name or number, of the ports that containers declare.", wanted), tcp];
}

function askProxy(values: FlagValues, { host }: ExternalUrl): (Value | Noted)[] {
  return [
    new Noted(
      "What the proxy is asked for. The annotations prometheus.io/port, path and scheme have no say.",
      copy(pod("ip"), "__param_pod"),
    ),
    new Noted(
      "That pod and no other, should its address change hands.",
      copy(pod("uid"), "__param_target_uid"),
    ),
    ...(onlyNumber(values) === undefined ? [copy(pod("container_port_number"), "__param_target_port")] : []),
    new Noted("The labels that targets of /sd have.", {
      source_labels: [pod("name"), "__param_target_port"],
      separator: ":",
      target_label: "instance",
    }),
    copy(pod("name"), "podname"),
    copy(pod("ip"), "podip"),
    copy("__meta_kubernetes_namespace", "namespace"),
    ...(values.operator
      ? [
          new Noted(
            "For the operator's shards: all targets have one address.",
            copy(pod("uid"), "__tmp_hash"),
          ),
        ]
      : []),
    new Noted("Not the pod, which Prometheus cannot reach, but the proxy.", {
      target_label: "__address__",
      replacement: host.replaceAll("$", "$$$$"),
    }),
  ];
}

function anyOf(items: readonly (string | number)[]): string {
  return items.length === 1 ? String(items[0]) : `(?:${items.join("|")})`;
}

function escapeRegex(text: string): string {
  return text.replaceAll(".", String.raw`\.`);
}

// Every flag of `scrape-config`, once: the parser, --help and the test of docs/scrape-config.md read this table.
// None of them takes a secret: where one is needed, it is the file that holds it.
import { apiUrl, externalUrl, serverName } from "../config/address-kinds.ts";
import { choice, type ValueKind } from "../config/value-kinds.ts";
import { parseMetricsPath } from "../targets/discover-targets.ts";
import { parseLabelSelector } from "../targets/label-selector.ts";
import { parseNamespaces } from "../targets/namespace.ts";
import { parsePodFilter } from "../targets/pod-filter.ts";
import { parsePodPrefix } from "../targets/pod-prefix.ts";
import { parsePortReferences } from "../targets/port.ts";
import { fileOrSecretKey, plainText, requestPart, writtenDuration } from "./flag-kinds.ts";

const ways = ["sd", "kubesd", "mproxy"] as const;
export type Way = (typeof ways)[number];

export interface Flag {
  readonly group: keyof typeof flagGroups;
  /** Undefined: the flag takes no value. */
  readonly kind?: ValueKind<unknown>;
  /** May be repeated; the texts are then one list with commas. */
  readonly many?: true;
  /** Undefined: all of them. */
  readonly ways?: readonly Way[];
  /** Read like a given text when the flag is not given. */
  readonly default?: string;
  /** Sentences in plain text. */
  readonly help: string;
}

/** In the order of --help. */
export const flagGroups = {
  job: "The job",
  pods: "Which pods",
  credentials: "Between Prometheus and the proxy",
  kubernetes: "Between Prometheus and the Kubernetes API",
};

const none = { selector: undefined, workload: [], container: [], ready: undefined, annotated: undefined };

export const flags = {
  way: {
    group: "job",
    kind: choice(ways),
    default: "sd",
    help:
      "sd: Prometheus asks the proxy which pods there are. kubesd: it asks the Kubernetes API, and scrapes one pod at a time. " +
      "mproxy: one target that is all pods.",
  },
  externalUrl: {
    group: "job",
    kind: externalUrl(),
    help:
      "Where Prometheus reaches the proxy, with APP_URL_PREFIX if there is one. Needed; without the flag, the environment " +
      "variable EXTERNAL_URL counts.",
  },
  jobName: {
    group: "job",
    kind: plainText({ placeholder: "name" }),
    default: "pods",
    help: "Name of the job; with --operator also of the object.",
  },
  scrapeInterval: {
    group: "job",
    kind: writtenDuration(),
    help: "How often pods are scraped, if it is another time than Prometheus' own default.",
  },
  scrapeTimeout: {
    group: "job",
    kind: writtenDuration(),
    help: "How long a scrape may take, if it is another time than Prometheus' own default. At most the interval.",
  },
  refreshInterval: {
    group: "job",
    kind: writtenDuration(),
    ways: ["sd"],
    help: "With --way sd: how often the list of pods is asked for. Default: 60s.",
  },
  operator: {
    group: "job",
    help:
      "Prints a ScrapeConfig for the Prometheus Operator. The values of --username and of the flags that name files are then " +
      "<secret>/<key>, of a Secret in the namespace of the object.",
  },
  namespace: {
    group: "pods",
    kind: requestPart((text) => parseNamespaces([text]), {
      placeholder: "namespace,...|*",
      wanted: "namespaces, or *",
    }),
    many: true,
    help:
      "Namespaces of the pods. * is all, for which the proxy needs WATCH_NAMESPACES=*. --way mproxy needs it; without it, sd " +
      "means those that the proxy is configured for, kubesd all.",
  },
  selector: {
    group: "pods",
    kind: requestPart((text) => ({ text, parsed: parseLabelSelector(text) }).text, {
      placeholder: "selector",
      wanted: "a label selector",
    }),
    help: "Only pods with such labels, as kubectl takes it: app=web,tier in (a,b).",
  },
  prefix: {
    group: "pods",
    kind: requestPart((text) => parsePodPrefix(text, { mayBeAny: true }), {
      placeholder: "prefix",
      wanted: "what names of pods begin with",
    }),
    help: "Only pods whose names begin so.",
  },
  workload: {
    group: "pods",
    kind: requestPart((text) => parsePodFilter({ ...none, workload: [text] }).workloads, {
      placeholder: "kind/name,...",
      wanted: "workloads such as deployment/web",
    }),
    many: true,
    ways: ["sd", "mproxy"],
    help: "Only pods of these workloads: deployment/web, statefulset/db, daemonset/agent. Not with --way kubesd.",
  },
  container: {
    group: "pods",
    kind: requestPart((text) => parsePodFilter({ ...none, container: [text] }).containers, {
      placeholder: "name,...",
      wanted: "names of containers",
    }),
    many: true,
    help: "Only pods with such a container, and of these its ports.",
  },
  port: {
    group: "pods",
    kind: requestPart((text) => parsePortReferences([text]), {
      placeholder: "port,...",
      wanted: "numbers or names of container ports",
    }),
    many: true,
    help:
      "Numbers or names of container ports. Without it, sd and mproxy take what the pods say (annotation prometheus.io/port, " +
      "port named metrics), kubesd every port that a container declares.",
  },
  path: {
    group: "pods",
    kind: requestPart(parseMetricsPath, { placeholder: "path", wanted: "a path" }),
    help: "Path of the metrics at the pods. Default: /metrics; with sd the annotation prometheus.io/path beats that.",
  },
  scheme: {
    group: "pods",
    kind: choice(["http", "https"]),
    help: "How the proxy reaches the pods. Default: http; with sd and mproxy the annotation prometheus.io/scheme beats that.",
  },
  ready: {
    group: "pods",
    help: "Only pods that are Ready.",
  },
  annotated: {
    group: "pods",
    help: 'Only pods with the annotation prometheus.io/scrape: "true".',
  },
  caFile: {
    group: "credentials",
    kind: fileOrSecretKey(),
    help: "Authority that the proxy's certificate is verified with, PEM. Without it, the public ones.",
  },
  certFile: {
    group: "credentials",
    kind: fileOrSecretKey(),
    help: "Client certificate, PEM. Needs --key-file.",
  },
  keyFile: {
    group: "credentials",
    kind: fileOrSecretKey(),
    help: "Key of the client certificate, PEM.",
  },
  serverName: {
    group: "credentials",
    kind: serverName(),
    help: "Name in the proxy's certificate, if it is not the host of --external-url.",
  },
  insecureSkipVerify: {
    group: "credentials",
    help: "The proxy's certificate is not verified.",
  },
  credentialsFile: {
    group: "credentials",
    kind: fileOrSecretKey(),
    help: "File with a bearer token.",
  },
  username: {
    group: "credentials",
    kind: plainText({ placeholder: "name|secret/key", without: ":" }),
    help: "User for HTTP basic authentication. Needs --password-file.",
  },
  passwordFile: {
    group: "credentials",
    kind: fileOrSecretKey(),
    help: "File with the password of that user.",
  },
  kubernetesApiUrl: {
    group: "kubernetes",
    kind: apiUrl(),
    ways: ["kubesd"],
    help: "With --way kubesd, which needs it: the API server of the cluster.",
  },
  kubernetesCaFile: {
    group: "kubernetes",
    kind: fileOrSecretKey(),
    ways: ["kubesd"],
    help: "With --way kubesd: authority that the API server is verified with, PEM.",
  },
  kubernetesCredentialsFile: {
    group: "kubernetes",
    kind: fileOrSecretKey(),
    ways: ["kubesd"],
    help: "With --way kubesd: file with the token of an account that may list and watch pods.",
  },
} satisfies Record<string, Flag>;

export type FlagKey = keyof typeof flags;

type ValueOf<F> = F extends { kind: ValueKind<infer T> }
  ? F extends { default: string }
    ? T
    : T | undefined
  : boolean;

/** What each flag said; undefined where it was not given. */
export type FlagValues = { readonly [K in FlagKey]: ValueOf<(typeof flags)[K]> };

/** `--external-url` for `externalUrl`. */
export function nameOf(key: FlagKey): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

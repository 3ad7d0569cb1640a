// The programs that the end-to-end tests talk to and that npm does not have: how each is found, and how it is got on
// Debian 12. Nothing goes into the system but python3.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  findKubernetesTool,
  findOracle,
  findPrometheus,
  findPython,
  isVersion,
  kubernetesFolderNames,
  oracleFolderName,
  prometheusFolderName,
  type PrometheusVersion,
} from "../../test/support/tool-paths.ts";
import { buildKubeApiserver } from "./build-kube-apiserver.ts";
import type { DebianArchive } from "./debian-archive.ts";
import { placeTree } from "./place-tree.ts";
import type { PrivateApt } from "./private-apt.ts";
import { run } from "./run.ts";

export interface Tool {
  /** What to install where the script cannot. */
  readonly name: string;
  readonly isThere: () => boolean;
  readonly install: (debian: DebianArchive) => void;
}

export const tools: readonly Tool[] = [
  {
    name: "python3",
    isThere: () => findPython() !== undefined,
    install: () => installPython(),
  },
  {
    name: "prometheus_client for python3",
    isThere: () => findOracle() !== undefined,
    install: (debian) => {
      placeTree(oracleFolderName, (tree) => {
        debian.stable().unpack(["python3-prometheus-client", "python3-decorator"], tree);
      });
    },
  },
  {
    name: "prometheus and promtool 2.42 or later, of major version 2, on the PATH",
    isThere: () => findPrometheus("2.42") !== undefined,
    install: (debian) => {
      placePrometheus("2.42", debian.stable(), ["prometheus"]);
    },
  },
  {
    name: "prometheus and promtool 3.5 or later, of major version 3, on the PATH",
    isThere: () => findPrometheus("3.5") !== undefined,
    install: (debian) => {
      placePrometheus("3.5", debian.sid(), ["prometheus", "promtool"]);
    },
  },
  {
    name: "etcd 3.4 or later, in KUBEBUILDER_ASSETS or on the PATH",
    isThere: () => findKubernetesTool("etcd") !== undefined,
    install: (debian) => {
      placeTree(kubernetesFolderNames.etcd, (tree) => {
        debian.stable().unpack(["etcd-server"], tree);
      });
    },
  },
  {
    name: "kubectl, in KUBEBUILDER_ASSETS or on the PATH",
    isThere: () => findKubernetesTool("kubectl") !== undefined,
    install: (debian) => {
      placeTree(kubernetesFolderNames.kubectl, (tree) => {
        debian.stable().unpack(["kubernetes-client"], tree);
      });
    },
  },
  {
    name: "kube-apiserver 1.20 or later, in KUBEBUILDER_ASSETS or on the PATH",
    isThere: () => findKubernetesTool("kube-apiserver") !== undefined,
    install: (debian) => {
      placeTree(kubernetesFolderNames["kube-apiserver"], (tree, scratch) => {
        const folder = join(tree, "usr", "bin");
        mkdirSync(folder, { recursive: true });
        buildKubeApiserver(debian, scratch, join(folder, "kube-apiserver"));
      });
    },
  },
];

function placePrometheus(version: PrometheusVersion, apt: PrivateApt, packages: readonly string[]): void {
  placeTree(prometheusFolderName(version), (tree) => {
    apt.unpack(packages, tree);
    for (const program of ["prometheus", "promtool"]) {
      const file = join(tree, "usr", "bin", program);
      if (!isVersion(file, version)) {
        throw new Error(`Cannot use ${program} of Debian: it is not ${version} or later, or it does not run`);
      }
    }
  });
}

/** The only one of the tools that goes into the system: unpacked beside it, it would not find its own library. */
function installPython(): void {
  if (process.getuid?.() !== 0) {
    throw new Error('Cannot install python3: not root; run "apt-get install python3"');
  }
  run("apt-get", ["update"]);
  run("apt-get", ["install", "--yes", "--no-install-recommends", "python3"]);
}

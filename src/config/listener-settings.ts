// What the main listener is: HTTP or HTTPS, on which port, and which variable said so. The variables and their precedence are
// those of the original. Knows names of files only; never opens one.
import { ConfigurationError } from "./configuration-error.ts";
import { options, type Settings } from "./options.ts";
import type { SettingsContext } from "./resolve-settings.ts";

/** The files that HTTPS is served with. */
export interface CertificateFiles {
  readonly keyFile: string;
  readonly certFile: string;
  readonly caFile: string | undefined;
  readonly passwordFile: string | undefined;
}

export interface ListenerSettings {
  /** 0: any free one. */
  readonly mainPort: number;
  /** The variable that set the port, or whose default it is. */
  readonly mainPortVariable: string;
  /** Absent for plain HTTP, and for TLS of WEB_CONFIG_FILE. */
  readonly certificateFiles?: CertificateFiles;
  /** The main listener speaks TLS. With WEB_CONFIG_FILE known once that has been read: `withWebTls()`. */
  readonly servesTls: boolean;
  /** What changes if WEB_CONFIG_FILE has TLS. */
  readonly webTls: {
    readonly port: number;
    readonly portVariable: string;
    /** Variables that are set and must not be then. */
    readonly contradicting: readonly string[];
  };
}

/** Options that have no value of their own in Config: `ListenerSettings` stand for them. */
export type ListenerOption = PortKey | FileKey;

type PortKey = "httpPort" | "httpsPort" | "k8sNodejsPort";
type FileKey = "certKeyFile" | "certFile" | "certCaFile" | "certKeyPasswdFile";

export interface UnresolvedListeners {
  readonly ports: Pick<Settings, "httpPort" | "httpsPort" | "metricsHttpPort"> & {
    readonly k8sNodejsPort: number | undefined;
  };
  readonly files: { readonly [K in FileKey]: string | undefined };
}

type Given = SettingsContext["given"];
/** CERT_KEY_FILE selects HTTPS. A certificate that is missing beside it is no reason to serve without encryption. */
export function resolveListeners(
  { ports, files }: UnresolvedListeners,
  { given, refused }: Pick<SettingsContext, "given" | "refused">,
): { listeners: ListenerSettings; problems: string[] } {
  const { certKeyFile: keyFile, certFile } = files;
  const ownScheme = schemePortKey(given);
  const portKey = mainPortKey(given, ownScheme);
  const mainPort = ports[portKey] ?? ports[ownScheme];
  const webPortKey = mainPortKey(given, "httpsPort");
  const problems = certificateProblems(given);
  if (
    mainPort === ports.metricsHttpPort &&
    mainPort !== 0 &&
    !refused.has(portKey) &&
    !refused.has("metricsHttpPort")
  ) {
    problems.push(
      `Cannot listen twice on port ${mainPort}: ${options[portKey].env} and METRICS_HTTP_PORT must differ`,
    );
  }
  const listeners: ListenerSettings = {
    mainPort,
    mainPortVariable: options[portKey].env,
    ...(keyFile !== undefined &&
      certFile !== undefined && {
        certificateFiles: {
          keyFile,
          certFile,
          caFile: files.certCaFile,
          passwordFile: files.certKeyPasswdFile,
        },
      }),
    servesTls: keyFile !== undefined && certFile !== undefined,
    webTls: {
      port: ports[webPortKey] ?? ports.httpsPort,
      portVariable: options[webPortKey].env,
      contradicting: fileKeys.filter((key) => given.has(key)).map((key) => options[key].env),
    },
  };
  return { listeners, problems };
}

const fileKeys = ["certKeyFile", "certFile", "certCaFile", "certKeyPasswdFile"] as const;

/** The settings once it is known that WEB_CONFIG_FILE has TLS. Throws ConfigurationError when that contradicts others. */
export function withWebTls<C extends ListenerSettings>(config: C): C {
  const { port, portVariable, contradicting } = config.webTls;
  if (contradicting.length > 0) {
    throw new ConfigurationError(
      `Cannot serve HTTPS in two ways: WEB_CONFIG_FILE has tls_server_config, and ${contradicting.join(", ")} ` +
        `${contradicting.length === 1 ? "is" : "are"} set; wanted one of both`,
    );
  }
  return { ...config, servesTls: true, mainPort: port, mainPortVariable: portVariable };
}

/** Says that a setting has no effect, above all where somebody expects HTTPS from it. */
export function listenerWarnings(given: Given): string[] {
  const used = schemePortKey(given);
  const [state, unused] =
    used === "httpPort"
      ? (["is not set", ["httpsPort", "certFile", "certCaFile", "certKeyPasswdFile"]] as const)
      : (["is set", ["httpPort"]] as const);
  return (
    unused
      .filter((key) => given.has(key))
      // Whether there is TLS in that file is known later.
      .filter((key) => key !== "httpsPort" || !given.has("webConfigFile"))
      .map((key) => `${options[key].env} has no effect: CERT_KEY_FILE, which selects HTTPS, ${state}`)
  );
}

/** Flags beat variables; among equals K8S_NODEJS_PORT beats HTTP_PORT and HTTPS_PORT, as in the original. */
function mainPortKey(given: Given, own: "httpPort" | "httpsPort"): PortKey {
  const nodejs = given.get("k8sNodejsPort");
  if (nodejs === undefined) return own;
  return nodejs.source === "environment" && given.get(own)?.source === "flag" ? own : "k8sNodejsPort";
}

function schemePortKey(given: Given): "httpPort" | "httpsPort" {
  return given.has("certKeyFile") ? "httpsPort" : "httpPort";
}

/** Without the key the original serves plain HTTP, whatever else is set: that is a warning. */
function certificateProblems(given: Given): string[] {
  if (!given.has("certKeyFile") || given.has("certFile")) return [];
  return [
    "Cannot serve HTTPS: CERT_KEY_FILE is set, but CERT_FILE is not; wanted both, or none for plain HTTP",
  ];
}

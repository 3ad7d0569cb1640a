// How Prometheus proves who it is and whom it talks to: `authorization`, `basic_auth` and `tls_config`.
// Never holds a secret, only the files (or keys of Secrets) that do.
import type { FlagValues } from "./flags.ts";
import { type Block, Noted } from "./noted.ts";

/** Towards the proxy. Empty when nothing is needed. */
export function proxyClient(values: FlagValues): Block {
  const { credentialsFile, username, passwordFile, externalUrl } = values;
  const noted = (block: Block) =>
    externalUrl?.scheme === "http"
      ? new Noted("In clear text: the proxy is not reached by https.", block)
      : block;
  return {
    authorization: credentialsFile === undefined ? undefined : noted({ credentials_file: credentialsFile }),
    basic_auth: username === undefined ? undefined : noted({ username, password_file: passwordFile }),
    tls_config: orNothing({
      ca_file: values.caFile,
      cert_file: values.certFile,
      key_file: values.keyFile,
      server_name: values.serverName,
      insecure_skip_verify: values.insecureSkipVerify
        ? new Noted("Whoever is on the way can pose as the proxy, and read the credentials.", true)
        : undefined,
    }),
  };
}

/** Towards the Kubernetes API. */
export function kubernetesClient({ kubernetesCaFile, kubernetesCredentialsFile }: FlagValues): Block {
  return {
    authorization:
      kubernetesCredentialsFile === undefined
        ? undefined
        : new Noted("Of an account that may list and watch pods.", {
            credentials_file: kubernetesCredentialsFile,
          }),
    tls_config: orNothing({ ca_file: kubernetesCaFile }),
  };
}

/** Nothing for a block in which nothing stands. */
export function orNothing(block: Block): Block | undefined {
  return Object.values(block).some((value) => value !== undefined) ? block : undefined;
}

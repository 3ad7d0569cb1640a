// Where pods come from, as the rest of the program sees it: something that fills the store and says how true it is.

export interface PodSource {
  /** Begins to fill the store. Rejects only when waiting could never help. */
  start(): Promise<void>;
  /** Ends it, whatever runs. The store keeps its pods. */
  stop(): Promise<void>;
  /**
   * Resolves once all pods of the namespace are in the store, to stay there until the lease is released; without a
   * namespace, all pods of every namespace that is configured. Rejects with a PodsUnknownError when that is not so within
   * `timeoutMs`, and with the reason of the signal.
   */
  hold(namespace: string | undefined, o: { timeoutMs: number; signal: AbortSignal }): Promise<PodLease>;
  readonly status: PodSourceStatus;
}

export interface PodLease {
  /** Once. */
  release(): void;
}

export interface PodSourceStatus {
  /** One line that says which pods are not known and why, until every configured source has been read once. */
  readonly notReady: string | undefined;
  /** Milliseconds for which the state in the store has not been confirmed, of its oldest part; undefined before the first list. */
  readonly ageMs: number | undefined;
  /** Wall-clock ms since 1970 of the last contact, for its oldest part. */
  readonly lastContactMs: number | undefined;
}

/** The pods that a request is about are not known, or not well enough. The message is for the caller. */
export class PodsUnknownError extends Error {
  override readonly name = "PodsUnknownError";
}

// How many pods are asked at once: over everything (MAX_CONNECTIONS) and within one scrape (MAX_CONNECTIONS_PER_SCRAPE).
// Fair in two ways: scrapes take turns, and where pods wait, one that has had its slot for long loses it.
import type { Metrics } from "../telemetry/metrics.ts";

export interface ConnectionSlotsOptions {
  /** MAX_CONNECTIONS. */
  readonly maxConnections: number;
  readonly metrics: Pick<Metrics, "limitHit">;
}

export interface SlotLaneOptions {
  /** MAX_CONNECTIONS_PER_SCRAPE, or 1 for a single request. */
  readonly limit: number;
  /** How long a slot is safe from those who wait: a quarter of the deadline. */
  readonly patienceMs: number;
}

/** Something that needs one slot. Neither method is ever called from inside a call to the lane. */
export interface SlotUser {
  granted(): void;
  /** The user has to stop at once and to leave its lane. */
  lost(): void;
}

// Opening a connection takes some 0.1 ms: a scrape of hundreds of pods must not keep everything else waiting meanwhile.
const grantsPerTurn = 64;

export class ConnectionSlots {
  readonly #maxConnections: number;
  readonly #metrics: Pick<Metrics, "limitHit">;
  /** Lanes with users that wait; the one whose turn is next comes first. */
  readonly #waiting = new Set<SlotLane>();
  readonly #holding = new Set<SlotLane>();
  #held = 0;
  #drainScheduled = false;
  #evictionTimer: NodeJS.Timeout | undefined;

  constructor(o: ConnectionSlotsOptions) {
    this.#maxConnections = o.maxConnections;
    this.#metrics = o.metrics;
  }

  /** Slots in use. */
  get held(): number {
    return this.#held;
  }

  /** Scrapes that have or want slots. */
  get lanes(): number {
    return new Set([...this.#waiting, ...this.#holding]).size;
  }

  /** A lane of one scrape. Nothing has to be closed: it is gone when its last user has left. */
  openLane(options: SlotLaneOptions): SlotLane {
    return new SlotLane(options, {
      joined: (lane) => {
        this.#waiting.add(lane);
        this.#scheduleDrain();
      },
      left: (lane, held) => {
        if (held) this.#held--;
        if (lane.waiting.size === 0) this.#waiting.delete(lane);
        if (lane.holders.size === 0) this.#holding.delete(lane);
        this.#scheduleDrain();
      },
    });
  }

  #scheduleDrain(): void {
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    // Never at once: who leaves may stand inside a parser's callback, where nothing may be started.
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    this.#drainScheduled = false;
    let grants = 0;
    for (const lane of this.#waiting) {
      if (this.#held >= this.#maxConnections) break;
      if (lane.full) continue;
      if (++grants > grantsPerTurn) {
        this.#drainScheduled = true;
        setImmediate(() => this.#drain());
        break;
      }
      // To the end of the line: a Set is visited in the order of insertion, and what is added meanwhile is visited too.
      this.#waiting.delete(lane);
      if (lane.waiting.size > 1) this.#waiting.add(lane);
      this.#holding.add(lane);
      this.#held++;
      lane.grantNext();
    }
    this.#watchHolders();
  }

  /** Sets the alarm for the moment at which the next slot may be taken from its holder. */
  #watchHolders(): void {
    clearTimeout(this.#evictionTimer);
    this.#evictionTimer = undefined;
    let atMs = Infinity;
    for (const lane of this.#waiting) {
      const rivals = this.#rivalsOf(lane);
      for (const rival of rivals) atMs = Math.min(atMs, rival.patienceEndsMs);
      if (rivals.length > 0 && lane.firstTimeBlocked()) {
        this.#metrics.limitHit(lane.full ? "max_connections_per_scrape" : "max_connections");
      }
    }
    if (atMs === Infinity) return;
    this.#evictionTimer = setTimeout(() => this.#evict(), Math.max(1, Math.ceil(atMs - performance.now())));
  }

  /** Takes slots whose time is up, as many as there are users waiting for them. */
  #evict(): void {
    const nowMs = performance.now();
    const lost = new Set<SlotUser>();
    for (const lane of this.#waiting) {
      let wanted = lane.waiting.size;
      for (const rival of this.#rivalsOf(lane)) {
        for (const user of rival.holdersSince(nowMs - rival.patienceMs)) {
          if (wanted === 0) break;
          if (lost.has(user)) continue;
          lost.add(user);
          wanted--;
        }
      }
    }
    for (const user of lost) user.lost();
    this.#scheduleDrain();
  }

  /** The lanes in which a slot has to become free for this one: itself at its own limit, any at the common one. */
  #rivalsOf(lane: SlotLane): readonly SlotLane[] {
    if (lane.full) return [lane];
    return this.#held >= this.#maxConnections ? [...this.#holding] : [];
  }
}

interface SlotLaneEvents {
  joined(lane: SlotLane): void;
  left(lane: SlotLane, held: boolean): void;
}

/** The users of one scrape: those that wait, in order, and those that hold a slot. */
export class SlotLane {
  readonly patienceMs: number;
  readonly waiting = new Set<SlotUser>();
  /** When each holder got its slot; the oldest first. */
  readonly holders = new Map<SlotUser, number>();
  readonly #limit: number;
  readonly #events: SlotLaneEvents;
  #blocked = false;

  constructor(options: SlotLaneOptions, events: SlotLaneEvents) {
    this.patienceMs = options.patienceMs;
    this.#limit = options.limit;
    this.#events = events;
  }

  /** Asks for a slot. Users of a lane get theirs in the order in which they joined. */
  join(user: SlotUser): void {
    this.waiting.add(user);
    this.#events.joined(this);
  }

  /** Gives back the slot, or the place in the line. Harmless when repeated. */
  leave(user: SlotUser): void {
    const held = this.holders.delete(user);
    if (this.waiting.delete(user) || held) this.#events.left(this, held);
  }

  /** For ConnectionSlots. */
  get full(): boolean {
    return this.holders.size >= this.#limit;
  }

  /** For ConnectionSlots. When the slot that was granted first may be taken away. */
  get patienceEndsMs(): number {
    for (const grantedMs of this.holders.values()) return grantedMs + this.patienceMs;
    return Infinity;
  }

  /** For ConnectionSlots. */
  *holdersSince(ms: number): Generator<SlotUser> {
    for (const [user, grantedMs] of this.holders) {
      if (grantedMs > ms) return;
      yield user;
    }
  }

  /** For ConnectionSlots. */
  grantNext(): void {
    for (const user of this.waiting) {
      this.waiting.delete(user);
      this.holders.set(user, performance.now());
      user.granted();
      return;
    }
  }

  /** For ConnectionSlots: true once, so that a limit is counted once per scrape. */
  firstTimeBlocked(): boolean {
    const first = !this.#blocked;
    this.#blocked = true;
    return first;
  }
}

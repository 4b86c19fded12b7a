import { Readable } from 'node:stream';

/** What is needed of a packet to keep it. */
interface Retainable {
  readonly topic: string;
  readonly payload: Buffer | string;
}

/**
 * The retained messages of a broker, found by their topic. (The store that comes with aedes compares every message with
 * every filter that anybody subscribes to, which a thousand devices that join together do not survive.)
 */
export class RetainedMessages<P extends Retainable> {
  readonly #byTopic = new Map<string, P>();

  /** Keeps the message, or with an empty payload forgets what was kept. */
  store(packet: P): void {
    if (packet.payload.length === 0) this.#byTopic.delete(packet.topic);
    else this.#byTopic.set(packet.topic, packet);
  }

  /** The messages that any of the filters matches, once for each filter. */
  matching(filters: readonly string[]): readonly P[] {
    return filters.flatMap((filter) => {
      if (!/[+#]/.test(filter)) return this.#byTopic.get(filter) ?? [];
      const parts = filter.split('/');
      return [...this.#byTopic.values()].filter(({ topic }) => matches(parts, topic));
    });
  }

  /** Takes the place of what an aedes keeps itself. */
  install(broker: object): void {
    // Its persistence is public, but not declared.
    const { persistence } = broker as { persistence: object };
    Object.assign(persistence, {
      storeRetained: async (packet: P) => this.store({ ...packet }),
      createRetainedStream: (filter: string) => Readable.from(this.matching([filter])),
      createRetainedStreamCombi: (filters: readonly string[]) => Readable.from(this.matching(filters)),
    });
  }
}

/** MQTT 3.1.1, section 4.7. */
function matches(parts: readonly string[], topic: string): boolean {
  const levels = topic.split('/');
  if (topic.startsWith('$') && (parts[0] === '+' || parts[0] === '#')) return false;
  for (const [i, part] of parts.entries()) {
    if (part === '#') return true;
    if (levels[i] === undefined || (part !== '+' && part !== levels[i])) return false;
  }
  return parts.length === levels.length;
}

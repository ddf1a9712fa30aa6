/** What is measured: names by the conventions of Prometheus, with base units. Labels have few values, never addresses. */

/** A value with its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  /** `postern_..._total` for a counter; units at the end, `_seconds` or `_bytes` */
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly labels?: readonly string[];
  /** the values now; called at each scrape */
  read(): readonly Sample[];
}

/** A counter in this process, by the values of its labels. */
export class Tally {
  readonly #counts = new Map<string, { labels: Readonly<Record<string, string>>; value: number }>();

  add(labels: Readonly<Record<string, string>>, more = 1): void {
    const key = JSON.stringify(labels);
    const known = this.#counts.get(key);
    if (known === undefined) this.#counts.set(key, { labels, value: more });
    else known.value += more;
  }

  read(): readonly Sample[] {
    return [...this.#counts.values()];
  }
}

/** The process itself, under the names that all exporters use. */
export function processFamilies(started: number): Family[] {
  return [
    {
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time of the process.',
      type: 'counter',
      read: () => {
        const { user, system } = process.cpuUsage();
        return [{ value: (user + system) / 1e6 }];
      },
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the process.',
      type: 'gauge',
      read: () => [{ value: process.memoryUsage.rss() }],
    },
    {
      name: 'process_start_time_seconds',
      help: 'When the process started, since the epoch.',
      type: 'gauge',
      read: () => [{ value: started / 1000 }],
    },
  ];
}

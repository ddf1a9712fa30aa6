/** Families as the text that Prometheus reads. */
import { Counter, Gauge, Registry } from 'prom-client';
import type { Family } from './family.ts';

/** A function that renders what the families say now, and the type of that text. */
export function buildExposition(families: readonly Family[]): {
  readonly contentType: string;
  render(): Promise<string>;
} {
  const registry = new Registry();
  for (const family of families) addFamily(registry, family);
  return { contentType: registry.contentType, render: () => registry.metrics() };
}

function addFamily(registry: Registry, { name, help, type, labels = [], read }: Family): void {
  const Metric = type === 'counter' ? Counter : Gauge;
  new Metric<string>({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    // Each scrape shows the present alone: a log or an outage that is gone leaves no series behind.
    collect() {
      this.reset();
      for (const sample of read()) this.inc(sample.labels ?? {}, sample.value);
    },
  });
}

/** Families as the text that Prometheus reads. */
import { Counter, Gauge, Registry } from 'prom-client';
import { escapeControls } from '../base/escape.ts';
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
      for (const { labels = {}, value } of read()) this.inc(escapeLabels(labels), value);
    },
  });
}

/** A path, a host or a provider may hold anything; prom-client escapes quotes, backslashes and line feeds alone. */
function escapeLabels(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [name, escapeControls(value)]),
  );
}

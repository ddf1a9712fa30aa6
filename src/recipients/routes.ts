/** Which domains are protected, and where their recipients are known from: the configuration first, then the tables. */
import type { Log } from '../base/log.ts';
import type { Clock } from '../base/time.ts';
import { WatchedFile } from '../base/watched-file.ts';
import type { DomainOptions, RecipientOptions, Source, TableOptions } from './options.ts';
import { parseMailertable, parseTransport, type RouteTable } from './route-table.ts';

/** The way of one recipient's domain. */
export interface Route {
  readonly role: DomainOptions['role'];
  /** absent for the role catch-all */
  readonly source?: Source;
}

interface Table {
  readonly options: TableOptions;
  readonly file: WatchedFile<RouteTable>;
}

const PARSERS = { mailertable: parseMailertable, transport: parseTransport } as const;

export class Routes {
  readonly #domains: ReadonlyMap<string, DomainOptions>;
  readonly #tables: readonly Table[];

  constructor(
    { domains, tables }: Pick<RecipientOptions, 'domains' | 'tables'>,
    parts: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#domains = new Map(domains.map((entry) => [entry.domain, entry]));
    this.#tables = tables.map((options) => {
      const parse = (text: string) => PARSERS[options.format](text, options.port);
      return { options, file: new WatchedFile(options.file, parse, parts) };
    });
  }

  /** `domain` in lower case; undefined if it is not protected. The nearest name wins: itself, then what is above it. */
  find(domain: string): Route | undefined {
    for (const name of listNames(domain)) {
      const isAbove = name !== domain;
      const entry = this.#domains.get(name);
      if (entry !== undefined && (entry.subdomains || !isAbove)) return entry;
      const servers = this.#findInTables(name, isAbove);
      if (servers !== undefined) return { role: 'primary', source: { kind: 'callout', servers } };
    }
    return this.#domains.get('*') ?? this.#findAny();
  }

  /** The tables, for `check` and for messages. */
  get tables(): readonly WatchedFile<RouteTable>[] {
    return this.#tables.map(({ file }) => file);
  }

  /** Every source that is named, each once, with a domain of it; for `check`. */
  listSources(): { readonly domain: string; readonly source: Source }[] {
    const named = [...this.#domains.values()].flatMap(({ domain, source }) =>
      source === undefined ? [] : [{ domain, source }],
    );
    const listed = this.#tables.flatMap(({ file }) =>
      [...file.value].map(([domain, servers]) => ({
        domain,
        source: { kind: 'callout' as const, servers },
      })),
    );
    const seen = new Map(
      [...named, ...listed].map((entry) => [JSON.stringify(entry.source), entry]),
    );
    return [...seen.values()];
  }

  #findInTables(name: string, isAbove: boolean) {
    for (const { options, file } of this.#tables) {
      const table = file.value;
      const exact = isAbove ? undefined : table.get(name);
      const below = isAbove ? table.get(`.${name}`) : undefined;
      const found = exact ?? below ?? (isAbove && options.subdomains ? table.get(name) : undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** `*` of a transport file. */
  #findAny(): Route | undefined {
    for (const { file } of this.#tables) {
      const servers = file.value.get('*');
      if (servers !== undefined) return { role: 'primary', source: { kind: 'callout', servers } };
    }
    return undefined;
  }
}

/** `a.example.net`, `example.net`, `net`. Mostly the first is enough, so the others are made when they are asked for. */
function* listNames(domain: string): Generator<string> {
  yield domain;
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1))
    yield domain.slice(dot + 1);
}

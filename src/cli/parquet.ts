/** Events as a Parquet file, row group by row group: never more than one of them is in memory. */
import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { escapeControls } from '../base/escape.ts';
import type { MailEvent } from '../model/event.ts';
import type { Value } from './csv.ts';
import { EVENT_COLUMNS } from './event-columns.ts';

/** Rows of a row group. With more of them, more is in memory, and the file is hardly smaller. */
export const GROUP = 8192;

const TYPES = { time: 'TIMESTAMP', text: 'STRING', number: 'INT64', truth: 'BOOLEAN' } as const;

export class ParquetEvents {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #bytes = new ByteWriter();
  readonly #file: ParquetWriter;
  #columns = newColumns();

  /** `send` gets the file from its beginning to its end. */
  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
    const columnData = EVENT_COLUMNS.map(({ name, type }) => ({
      name,
      type: TYPES[type],
      nullable: true,
      data: [],
    }));
    this.#file = new ParquetWriter({
      writer: this.#bytes,
      schema: schemaFromColumnData({ columnData }),
      createdBy: 'postern',
    });
  }

  add(event: MailEvent): void {
    EVENT_COLUMNS.forEach(({ type, of }, at) => {
      this.#columns[at]?.push(toCell(of(event), type));
    });
    if (this.#columns[0]?.length === GROUP) this.#write();
  }

  /** Sends the rest. The file is complete only then. */
  finish(): void {
    if (this.#columns[0]?.length !== 0) this.#write();
    this.#file.finish();
    this.#flush();
  }

  #write(): void {
    const columnData = EVENT_COLUMNS.map(({ name }, at) => ({
      name,
      data: this.#columns[at] ?? [],
    }));
    this.#file.write({ columnData, rowGroupSize: GROUP });
    this.#columns = newColumns();
    this.#flush();
  }

  /** The writer's memory is used again; it goes on counting the bytes of the file. */
  #flush(): void {
    this.#send(this.#bytes.getBytes().slice());
    this.#bytes.index = 0;
  }
}

/** Texts are as in CSV: programs that read such files print them to terminals. */
function toCell(value: Value, type: keyof typeof TYPES): Date | bigint | string | boolean | null {
  if (type === 'time') return new Date(value as number);
  if (typeof value === 'number') return BigInt(value);
  return typeof value === 'string' ? escapeControls(value) : (value ?? null);
}

function newColumns(): unknown[][] {
  return EVENT_COLUMNS.map(() => []);
}

/**
 * Frames of the milter protocol: `uint32 length, char command, byte data[length - 1]`, in both directions. Bytes are
 * byte strings (latin1). The stream cuts them anywhere. Time and memory are linear in the bytes received.
 */

export interface Frame {
  /** one character */
  readonly command: string;
  readonly data: string;
}

/** Postfix sends header frames of up to `header_size_limit` (100 KiB), Sendmail 64 KiB: this is far above both. */
export const LONGEST_FRAME = 1_048_576;
const HEADER = 4;

export class FrameReader {
  /** bytes of a frame that is not complete yet */
  #pending = '';
  /** how many bytes must be there before anything can be read */
  #needed = HEADER;
  #isBroken = false;

  /** A length of 0, or above the limit: the peer does not speak this protocol, nothing more can be read. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether the stream ends here in the middle of a frame. */
  get isWaiting(): boolean {
    return this.#pending.length > 0;
  }

  /** Takes the next bytes; returns the frames that end in them, in order. After a broken one, none. */
  read(bytes: string): Frame[] {
    const frames: Frame[] = [];
    if (this.#isBroken) return frames;
    // Joined lazily: nothing is copied before the frame is complete.
    const all = this.#pending === '' ? bytes : this.#pending + bytes;
    let at = 0;
    while (all.length - at >= this.#needed) {
      const length = readUint32(all, at);
      if (length === 0 || length > LONGEST_FRAME) {
        this.#isBroken = true;
        this.#pending = '';
        return frames;
      }
      const end = at + HEADER + length;
      if (end > all.length) {
        this.#needed = end - at;
        break;
      }
      this.#needed = HEADER;
      frames.push({ command: all[at + HEADER] as string, data: all.slice(at + HEADER + 1, end) });
      at = end;
    }
    this.#pending = at === 0 ? all : all.slice(at);
    return frames;
  }
}

/** One frame as bytes. */
export function encodeFrame(command: string, data = ''): string {
  return `${uint32(1 + data.length)}${command}${data}`;
}

/** Big-endian, as a byte string. */
export function uint32(value: number): string {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** Reads what `uint32` writes; the string must have four bytes from `at` on. */
export function readUint32(bytes: string, at: number): number {
  return (
    bytes.charCodeAt(at) * 0x100_0000 +
    ((bytes.charCodeAt(at + 1) << 16) | (bytes.charCodeAt(at + 2) << 8) | bytes.charCodeAt(at + 3))
  );
}

import { type ByteSink } from '../archive/archive';
import { type WorkerControl } from '../pool/control';

/** A part of the stream, in the slot of this number; the slot is the reader's until it has read it. */
export interface FilledSlot {
  slot: number;
  length: number;
}

/** How many slots the reader may have unread while another one is filled: one less than there are. */
const UNREAD_SLOTS = 1;

/** A sink over two slots of shared memory: one is filled while the reader has the other. */
export class SlotSink implements ByteSink {
  private readonly slots: Buffer[];
  private slot = 0;
  private length = 0;

  constructor(
    slots: readonly [SharedArrayBuffer, SharedArrayBuffer],
    private readonly control: WorkerControl,
  ) {
    this.slots = slots.map((memory) => Buffer.from(memory));
  }

  room(): Buffer {
    return this.slots[this.slot]!.subarray(this.length);
  }

  advance(count: number): void {
    this.length += count;
    if (this.length === this.slots[this.slot]!.length) this.flush();
  }

  write(data: Buffer): void {
    for (let done = 0; done < data.length;) {
      const count = data.copy(this.room(), 0, done);
      done += count;
      this.advance(count);
    }
  }

  flush(): void {
    if (this.length === 0) return;
    const filled: FilledSlot = { slot: this.slot, length: this.length };
    // Comes back when the reader is done with the other slot.
    this.control.emit(filled, UNREAD_SLOTS);
    this.slot = 1 - this.slot;
    this.length = 0;
  }
}

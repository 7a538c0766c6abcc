import { type Handle } from '../confined/handle';
import { type WorkerPool } from '../pool/worker-pool';

interface Closing {
  handle: Handle;
  done: () => void;
}

interface RootQueue {
  busy: boolean;
  waiting: Closing[];
}

/**
 * Closes handles of storages in a worker, since also close(2) may hang. Those of one root go one after another: while a
 * root hangs, one thread waits there, not one for each handle.
 */
export class HandleCloser {
  private readonly queues = new Map<number, RootQueue>();

  constructor(private readonly pool: WorkerPool) {}

  /**
   * Closes a handle of the root with this number. Never rejects; resolves when the handle is closed, or when its root
   * has turned out to hang: then it is closed as soon as the root answers.
   */
  close(root: number, handle: Handle): Promise<void> {
    const queue = this.queues.get(root) ?? { busy: false, waiting: [] };
    this.queues.set(root, queue);
    return new Promise((done) => {
      queue.waiting.push({ handle, done });
      this.next(root, queue);
    });
  }

  private next(root: number, queue: RootQueue): void {
    if (queue.busy || queue.waiting.length === 0) return;
    const batch = queue.waiting.splice(0);
    queue.busy = true;
    const onReleased = () => {
      queue.busy = false;
      this.next(root, queue);
    };
    const tell = (all: Closing[]) => all.forEach((one) => one.done());
    this.pool.run('closeHandles', { root, handles: batch.map((one) => one.handle) }, { onReleased }).then(
      () => tell(batch),
      () => tell([...batch, ...queue.waiting]),
    );
  }
}

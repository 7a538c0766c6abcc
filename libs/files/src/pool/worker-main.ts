import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { prepareHashing } from '../engine/hashing';
import { Ledger, Pulse, WorkerControl } from './control';
import { type TaskMessage, toPlainError, type WorkerMessage } from './messages';
import { TASKS } from './tasks';

type AnyTask = (input: unknown, control: WorkerControl) => unknown;

/** Moving data must not keep the service's own thread from answering (Linux: the priority is this thread's alone). */
setPriority(0, 5);

const port = parentPort!;
const pulse = new Pulse((workerData as { pulse: SharedArrayBuffer }).pulse);
const send = (message: WorkerMessage): void => port.postMessage(message);

function runTask({ id, kind, input, ledger }: TaskMessage): void {
  const control = new WorkerControl(new Ledger(ledger), pulse, (data) => send({ id, type: 'report', data }));
  try {
    const task = TASKS[kind as keyof typeof TASKS] as AnyTask;
    send({ id, type: 'done', value: task(input, control) });
  } catch (error) {
    send({ id, type: 'failed', error: toPlainError(error) });
  }
}

void prepareHashing().then(() => port.on('message', runTask));

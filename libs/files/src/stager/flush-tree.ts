import { spawn } from 'node:child_process';
import { type Handle } from '../confined/handle';
import { noSpace, storageUnavailable } from '../confined/system-errors';

/**
 * Flushes the file system of an open directory, once for a whole tree: `sync -f` (syncfs(2), which Node does not have)
 * on the very handle, passed to the child as its descriptor 3. Rejects when that fails or takes longer than `timeoutMs`.
 */
export function flushFileSystem(directory: Handle, timeoutMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn('sync', ['-f', '/proc/self/fd/3'], { stdio: ['ignore', 'ignore', 'pipe', directory] });
    let text = '';
    child.stderr!.setEncoding('utf8').on('data', (part: string) => (text = (text + part).slice(-1000)));
    const give = (error?: Error | null) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      // A child that hangs in the kernel ends when the storage answers again; nobody waits for it.
      child.unref();
      if (error) reject(error);
      else resolve();
    };
    const abort = () => {
      child.kill('SIGKILL');
      give(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      give(storageUnavailable('The storage of the user areas', 'flushing takes too long'));
    }, timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    child.on('error', give);
    child.on('close', (code) => give(code === 0 ? null : failure(text)));
  });
}

function failure(text: string): Error {
  if (/no space|quota/i.test(text)) return noSpace(new Error(text.trim()));
  return storageUnavailable('The storage of the user areas', 'flushing failed', new Error(text.trim()));
}

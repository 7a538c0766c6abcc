/** A signal that is its parent's until a time is over. */
export interface Deadline {
  signal: AbortSignal;
  /** Whether the time was over before the parent was aborted. */
  readonly isOver: boolean;
  /** To be called once nothing waits any more: the parent may live as long as the process. */
  end(): void;
}

/** Aborts with the parent, for its reason, or after `timeoutMs`. */
export function deadline(parent: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let isOver = false;
  const abort = () => controller.abort(parent.reason);
  const timer = setTimeout(() => {
    isOver = true;
    controller.abort(new DOMException('The time is over', 'TimeoutError'));
  }, timeoutMs);
  timer.unref();
  if (parent.aborted) abort();
  else parent.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    get isOver() {
      return isOver && !parent.aborted;
    },
    end: () => {
      clearTimeout(timer);
      parent.removeEventListener('abort', abort);
    },
  };
}

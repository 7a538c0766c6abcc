type Cleanup = () => void | Promise<void>;

const pending: Cleanup[] = [];

/** Registers what must be undone at the end of this spec file, whatever becomes of its tests; last come, first undone. */
export function onCleanup(cleanup: Cleanup): void {
  pending.push(cleanup);
}

/** Undoes what was registered since `pending` had `from` entries; all of it, also when some of it fails. */
async function undo(from: number): Promise<void> {
  const failures: unknown[] = [];
  while (pending.length > from) {
    try {
      await pending.pop()!();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `Cleaning up failed: ${failures.map(String).join('; ')}`);
}

/**
 * Called once in a spec file: what a test (or its `beforeEach`) started is undone after that test, what `beforeAll`
 * started only after all of them.
 */
export function cleanUpAfterEach(): void {
  let mark = 0;
  beforeEach(() => {
    mark = pending.length;
  });
  afterEach(() => undo(mark));
}

// Whoever imports a helper gets its cleaning, so that no spec can forget it.
afterAll(() => undo(0));

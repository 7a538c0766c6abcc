import { AppError } from '@app/core';
import { type SourceReader } from '@app/files';
import { type MethodRegistry } from '../contract/method-registry';
import { type StagingMethod, type StagingOperation } from '../contract/staging-method';
import { RequestCheck } from './request-check';

const OPERATION = {
  username: 'jane',
  source: { path: 'tree', storage: undefined, asSent: 'tree' },
  expected: { algorithm: 'md5', value: '0' },
} as unknown as StagingOperation;
const REFUSAL = new AppError('validation_failed', 'checksum is for files.');

/** Fake: the methods and the sources. */
function scene(open: SourceReader['open'], method: Partial<StagingMethod> | null = {}) {
  const methods = { find: () => method ?? undefined } as unknown as MethodRegistry;
  return new RequestCheck(methods, { open } as SourceReader);
}

/** A directory of a storage, and how often it was closed. */
function directory() {
  const close = jest.fn(() => Promise.resolve());
  const verify = jest.fn(() => Promise.reject(REFUSAL));
  return { close, verify, open: jest.fn(() => Promise.resolve({ kind: 'directory', verify, close })) };
}

describe('RequestCheck', () => {
  it('refuses a checksum of a directory, and leaves nothing open', async () => {
    const { open, close } = directory();
    const check = scene(open as unknown as SourceReader['open']);
    await expect(check.refuseImproper('fake', OPERATION)).rejects.toBe(REFUSAL);
    expect(open).toHaveBeenCalledWith({ ...OPERATION.source, username: 'jane' }, expect.any(AbortSignal));
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('does not read a file, and looks at nothing where no checksum is expected', async () => {
    const [close, verify] = [jest.fn(() => Promise.resolve()), jest.fn()];
    const open = jest.fn(() => Promise.resolve({ kind: 'file', verify, close }));
    const check = scene(open as unknown as SourceReader['open']);
    await check.refuseImproper('fake', { ...OPERATION, expected: null });
    expect(open).not.toHaveBeenCalled();
    await check.refuseImproper('fake', OPERATION);
    expect([verify.mock.calls.length, close.mock.calls.length]).toEqual([0, 1]);
  });

  it('leaves to the attempt what else is wrong: it is recorded then', async () => {
    const open = () => Promise.reject(new AppError('storage_unavailable', 'The storage does not answer.'));
    await expect(scene(open).refuseImproper('fake', OPERATION)).resolves.toBeUndefined();
    const unknown = scene(directory().open as unknown as SourceReader['open'], null);
    await expect(unknown.refuseImproper('teleport', OPERATION)).resolves.toBeUndefined();
  });

  it('asks the method', async () => {
    const refuse = jest.fn(() => {
      throw REFUSAL;
    });
    const check = scene(() => Promise.reject(new Error('not needed')), { refuse });
    await expect(check.refuseImproper('fake', OPERATION)).rejects.toBe(REFUSAL);
    expect(refuse).toHaveBeenCalledWith(OPERATION);
  });
});

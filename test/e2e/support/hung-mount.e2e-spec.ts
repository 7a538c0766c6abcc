import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cleanUpAfterEach } from '../../support/cleanups';
import { describeWhere } from '../../support/describe-where';
import { hungMountMissing, mountHung } from '../../support/hung-mount';
import { until } from '../../support/until';

/** A process that reads a file, and what became of it. */
function reader(file: string) {
  const child = spawn('cat', [file], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const ended = new Promise<{ code: number | null; text: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, text })),
  );
  /** True when it waits inside a call to the FUSE daemon. */
  const waits = () => readFileSync(`/proc/${child.pid}/stack`, 'utf8').includes('fuse');
  return { ended, waits };
}

describeWhere(hungMountMissing(), 'mountHung', () => {
  cleanUpAfterEach();

  it('shows the folder behind it', async () => {
    const mount = await mountHung();
    writeFileSync(`${mount.behind}/file`, 'content');
    expect(readFileSync(`${mount.path}/file`, 'utf8')).toBe('content');
  });

  it('answers nothing while it hangs, and goes on afterwards', async () => {
    const mount = await mountHung();
    writeFileSync(`${mount.behind}/file`, 'content');
    await mount.hang();
    const read = reader(`${mount.path}/file`);
    await until(read.waits, 'The reader does not wait');
    mount.resume();
    await expect(read.ended).resolves.toEqual({ code: 0, text: 'content' });
  });

  it('ends calls that wait, and leaves no mount', async () => {
    const mount = await mountHung();
    await mount.hang();
    const read = reader(`${mount.path}/file`);
    await until(read.waits, 'The reader does not wait');
    mount.unmount();
    expect((await read.ended).code).toBe(1);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(mount.path);
  });
});

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ProcessIdentity } from './process-identity';

describe('the identity of a process', () => {
  const identity = new ProcessIdentity();
  const [host, boot, namespace, pid, started] = identity.name.split('/') as [string, string, string, string, string];
  const folder = mkdtempSync(path.join(tmpdir(), 'staging-identity-'));
  const children: ChildProcess[] = [];

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const run = async (program: string, ...argv: string[]) => {
    const child = spawn(program, argv, { stdio: 'ignore' });
    children.push(child);
    await once(child, 'spawn');
    return child;
  };
  const nameOf = (child: { pid?: number }) => {
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
    return [host, boot, namespace, child.pid, stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]].join('/');
  };
  const otherBoot = boot.replace(/./, (digit) => (digit === 'a' ? 'b' : 'a'));

  it('names host, start of the host, namespace, number and start', () => {
    expect(host).toBe(hostname());
    expect(pid).toBe(String(process.pid));
    expect(identity.name.length).toBeLessThanOrEqual(255);
    expect(new ProcessIdentity().name).toBe(identity.name);
    const asOthersSeeIt = execFileSync('readlink', [`/proc/${process.pid}/ns/pid`], { encoding: 'utf8' });
    expect(asOthersSeeIt).toBe(`pid:[${namespace}]\n`);
  });

  it('tells whether a process of this host has ended, also one whose program has an odd name', async () => {
    const odd = path.join(folder, 'a) Z (b');
    copyFileSync('/bin/sleep', odd);
    const child = await run(odd, '60');
    const name = nameOf(child);
    expect(identity.isDead(name)).toBe(false);
    expect(identity.isDead(identity.name)).toBe(false);

    child.kill('SIGKILL');
    await once(child, 'close');
    expect(identity.isDead(name)).toBe(true);
  });

  it('is not deceived by a number that is used again', () => {
    expect(identity.isDead([host, boot, namespace, pid, Number(started) + 1].join('/'))).toBe(true);
  });

  it('knows that a process has ended before its parent asks how', async () => {
    // The shell starts a child and becomes a program that never waits for it.
    const parent = spawn('/bin/sh', ['-c', 'sleep 60 >&2 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(parent);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const child = { pid: Number(line.toString()) };
    const name = nameOf(child);
    expect(identity.isDead(name)).toBe(false);
    while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await delay(5);

    process.kill(child.pid, 'SIGKILL');
    while (!/ Z /.test(readFileSync(`/proc/${child.pid}/stat`, 'utf8'))) await delay(5);

    expect(identity.isDead(name)).toBe(true);
  });

  it('knows that a host which was started anew runs nothing of before', () => {
    expect(identity.isDead([host, otherBoot, namespace, pid, started].join('/'))).toBe(true);
  });

  it.each([
    ['of another host', ['elsewhere', otherBoot, namespace, '1', '1']],
    ['of another host with this number and start', ['elsewhere', otherBoot, namespace, pid, started]],
    ['of a host whose name many bear', ['localhost', otherBoot, namespace, '1', '1']],
    ['of another container', [host, boot, '1', '4194305', '1']],
  ])('does not claim to know about a process %s', (_what, parts) => {
    expect(identity.isDead(parts.join('/'))).toBe(false);
  });

  it.each(['', 'x', `${host}/${boot}/${namespace}`, `${identity.name}/1`, `${host}/${boot}/${namespace}/-1/1`])(
    'does not claim to know about %j',
    (name) => expect(identity.isDead(name)).toBe(false),
  );
});

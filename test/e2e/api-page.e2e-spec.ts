import { spawn } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { onCleanup } from '../support/cleanups';
import { writeFiles } from '../support/files';
import { freePort } from '../support/free-port';
import { send } from '../support/http-client';
import { answering } from '../support/service-process';
import { temporaryFolder } from '../support/temporary-folder';

const ROOT = path.resolve(__dirname, '../..');

/** Starts the service from an installation of its own, in which a page was built; returns its address. */
async function serviceWithPage(): Promise<string> {
  const folder = temporaryFolder();
  for (const name of ['dist', 'package.json'])
    cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  writeFiles(folder, { 'client/dist/index.html': '<p>page</p>', 'client/dist/assets/a.js': '1' });
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/apps/api/src/main.js'], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onCleanup(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const url = `http://127.0.0.1:${port}`;
  await answering({ child, ended, output: () => output }, url);
  return url;
}

it('serves the page where it was built, at every address of its views, and begins there', async () => {
  const url = await serviceWithPage();
  expect(await send(url)).toMatchObject({ status: 302, headers: { location: '/ui/' } });
  for (const view of ['/ui/', '/ui/operations/1', '/api/v1/ui/', '/ui/..%2f..%2fpackage.json']) {
    expect(await send(url + view)).toMatchObject({ status: 200, body: '<p>page</p>' });
  }
  expect(await send(`${url}/ui/assets/a.js`)).toMatchObject({ status: 200, body: '1' });
  for (const other of ['/uix', '/nothing', '/client/dist/index.html']) {
    expect(await send(url + other)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  }
  expect(await send(`${url}/ui/`, { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
});

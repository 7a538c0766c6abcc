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

/** Starts the service from an installation of its own, with these files beside its code; returns its address. */
async function serviceWith(files: Record<string, string>): Promise<string> {
  const folder = temporaryFolder();
  for (const name of ['dist', 'package.json'])
    cpSync(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  writeFiles(folder, files);
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
  const url = await serviceWith({ 'client/dist/index.html': '<p>page</p>', 'client/dist/assets/a.js': '1' });
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

it('begins at the description of the API as long as no page was built', async () => {
  const url = await serviceWith({});
  for (const address of ['/', '/api/v1/']) {
    expect(await send(url + address)).toMatchObject({ status: 302, headers: { location: '/docs' } });
  }
  expect(await send(`${url}/ui/`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

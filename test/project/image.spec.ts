import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { run as lint } from 'dockerfilelint';

const root = path.resolve(__dirname, '../..');
const dockerfile = readFileSync(path.join(root, 'Dockerfile'), 'utf8');

interface Instruction {
  name: string;
  text: string;
}

/** The instructions with their lines joined, without comments. */
const instructions: Instruction[] = dockerfile
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => ({ name: line.split(' ')[0]!, text: line.slice(line.indexOf(' ') + 1).trim() }));
const textsOf = (name: string, among = instructions) => among.filter((one) => one.name === name).map((one) => one.text);
const lastFrom = instructions.map((one) => one.name).lastIndexOf('FROM');
const production = instructions.slice(lastFrom);

describe('Dockerfile', () => {
  it('has nothing that the lint minds', () => {
    // The lint cannot see through an argument: its tag is looked at below.
    const problems = lint('', dockerfile).filter((one) => one.title !== 'Base Image Missing Tag');
    expect(problems).toEqual([]);
  });

  it('takes the image that it builds with from one argument, whose default is a Debian with Node 20', () => {
    expect(textsOf('ARG')[0]).toBe('BASE_IMAGE=node:20-bookworm-slim');
    expect(textsOf('FROM')).toEqual(['${BASE_IMAGE} AS build', 'scratch AS production']);
  });

  it('has the version of the package on its label', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(textsOf('ARG', production)).toContain(`VERSION=${version}`);
    expect(textsOf('LABEL', production).join(' ')).toContain('org.opencontainers.image.version="${VERSION}"');
  });

  it('copies only what exists, and what the build context holds', () => {
    const kept = readFileSync(path.join(root, '.dockerignore'), 'utf8').split('\n');
    const sources = textsOf('COPY').flatMap((text) => (text.startsWith('--from=') ? [] : text.split(' ').slice(0, -1)));
    expect(sources).toContain('package-lock.json');
    for (const source of sources) {
      expect({ source, exists: existsSync(path.join(root, source)) }).toEqual({ source, exists: true });
      // A folder is kept with all that is in it.
      const [top] = source.replace('./', '').split('/');
      expect(kept).toContain(`!${top}`);
    }
  });

  it('builds what it starts', () => {
    const copied = textsOf('COPY').flatMap((text) => text.split(' '));
    expect(copied).toEqual(expect.arrayContaining(['libs', 'apps', 'scripts', 'ormconfig.ts']));
    expect(textsOf('RUN')).toContain('npm run build');
  });

  it('leaves production dependencies only before it gathers what the image holds, and compiles nothing', () => {
    const runs = textsOf('RUN');
    expect(runs.slice(-3)).toEqual([
      'npm run build',
      'npm prune --omit=dev --workspaces=false --ignore-scripts',
      'node scripts/image-root.mjs /image',
    ]);
    expect(runs.join('\n')).not.toMatch(/apt-get|build-essential|g\+\+|python/);
    expect(textsOf('ENV', production).join(' ')).toMatch(/\bNODE_ENV=production\b/);
  });

  it('takes from the build only what was gathered, and runs nothing afterwards', () => {
    expect(textsOf('COPY', production).filter((text) => !/^--from=build .*\/image\/(root|state)\//.test(text))).toEqual(
      [],
    );
    expect(textsOf('RUN', production)).toEqual([]);
  });

  it('runs as a numbered user that is not root', () => {
    expect(textsOf('USER', production)).toEqual(['10001:10001']);
  });

  it('starts node itself, so that signals and the exit status pass', () => {
    expect(textsOf('CMD', production)).toEqual(['["node", "dist/apps/api/src/main.js"]']);
    expect(textsOf('ENTRYPOINT')).toEqual([]);
    expect(textsOf('STOPSIGNAL', production)).toEqual(['SIGTERM']);
  });

  it('names only programs that are there, in its comments as in those of the documentation', () => {
    const text = dockerfile + readFileSync(path.join(root, 'docs/image.md'), 'utf8');
    const programs = new Set(text.match(/\bdist\/apps\/[\w/-]+\.js/g));
    expect(programs.size).toBe(4);
    for (const program of programs) {
      const source = program.replace(/^dist\//, '').replace(/\.js$/, '.ts');
      expect({ program, exists: existsSync(path.join(root, source)) }).toEqual({ program, exists: true });
    }
  });

  it.each([
    [200, 0],
    // A host name that ALLOWED_HOSTS does not list: whoever refuses it is alive.
    [403, 0],
    [503, 1],
  ])('takes the answer %i of /health/live for exit status %i', async (status, expected) => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url!);
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const [check] = textsOf('HEALTHCHECK', production);
    const [program, ...argv] = JSON.parse(check!.slice(check!.indexOf('CMD ') + 4)) as string[];
    expect(program).toBe('node');
    const env = { PORT: String((server.address() as AddressInfo).port) };
    // The file is in the image under another name.
    const health = argv.map((word) =>
      word.replace(/^\/app\/health\.mjs$/, path.join(root, 'scripts/image-health.mjs')),
    );
    const child = spawn(process.execPath, health, { env, stdio: 'ignore' });
    const code = await new Promise((resolve) => child.once('close', resolve));
    server.close();
    expect({ code, asked }).toEqual({ code: expected, asked: ['/health/live'] });
  });
});

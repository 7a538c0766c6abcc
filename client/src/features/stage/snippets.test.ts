import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { curlOf, pythonOf } from './snippets';

const SITE = { url: 'http://127.0.0.1:8000', needsToken: true };
const odd = `it's "odd" $(x) \`y\` \\ é`;
const order = {
  method: 'local_copy',
  username: 'jane@site',
  server: '',
  items: [{ local_path_on_storage: odd, relative_path: 'a b' }],
};

it('a command line says to a shell exactly what the page would send', () => {
  const command = curlOf(order, SITE).replace(/^curl/, `printf '%s\\n'`);
  const words = execFileSync('sh', ['-c', command], { encoding: 'utf8', env: { TOKEN: 'secret' } }).split('\n');
  expect(words[0]).toBe('http://127.0.0.1:8000/stage_data?method=local_copy&username=jane%40site');
  expect(words).toContain('Authorization: Bearer secret');
  expect(JSON.parse(words[words.indexOf('-d') + 1]!)).toEqual(order.items[0]);
});

it('a program in Python says the same', () => {
  const fake = [
    'class requests:',
    '    @staticmethod',
    '    def post(url, params, headers, json):',
    '        import json as j; print(j.dumps([url, params, headers, json]))',
    '        return type("A", (), {"json": lambda self: None})()',
    'token = "t"',
  ];
  const program = [
    ...fake,
    ...pythonOf({ ...order, items: [...order.items, ...order.items] }, SITE)
      .split('\n')
      .slice(1),
  ];
  const [line] = execFileSync('python3', ['-c', program.join('\n')], { encoding: 'utf8' }).split('\n');
  expect(JSON.parse(line!)).toEqual([
    'http://127.0.0.1:8000/stage_data/batch',
    { method: 'local_copy', username: 'jane@site' },
    { Authorization: 'Bearer t' },
    { items: [...order.items, ...order.items] },
  ]);
});

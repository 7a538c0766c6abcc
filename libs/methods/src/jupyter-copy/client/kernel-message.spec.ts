import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { executeRequest, hear } from './kernel-message';

/** Left out where there is no Python; the e2e specs run real kernels. */
const itInPython = spawnSync('python3', ['--version']).status === 0 ? it : it.skip;

interface Sent {
  content: { code: string; user_expressions: { result: string } };
}

/** Runs the program of a request as a kernel would; its result in Python's notation of a text. */
function runInPython(request: { text: string }): string {
  const { code, user_expressions } = (JSON.parse(request.text) as Sent).content;
  return execFileSync('python3', ['-'], {
    input: `${code}\nprint(repr(${user_expressions.result}))`,
    encoding: 'utf8',
  });
}

function reply(id: string, content: unknown): string {
  return JSON.stringify({ header: { msg_type: 'execute_reply' }, parent_header: { msg_id: id }, content });
}

const quoted = (value: unknown) => `'${Buffer.from(JSON.stringify(value)).toString('base64')}'`;
const withResult = (text: string) => ({ status: 'ok', user_expressions: { result: { data: { 'text/plain': text } } } });

describe('executeRequest', () => {
  itInPython('carries any data into Python and back, none of it as code', () => {
    const texts = fc.sample(fc.string({ unit: 'binary' }), { numRuns: 300, seed: 1 });
    const data = {
      texts,
      tricks: ['"""', "'''", '\\', '\\"', '\n', '\r', '\u2028', '\0', '{x}', '%s', '"); raise SystemExit("'],
    };
    const request = executeRequest('session', 'result = data', data);
    const heard = hear(reply(request.id, withResult(runInPython(request).trim())), request.id);
    expect(heard).toEqual({ kind: 'result', value: data });
  });

  it('asks for silence', () => {
    expect(JSON.parse(executeRequest('s', 'result = 1', null).text)).toMatchObject({
      channel: 'shell',
      header: { msg_type: 'execute_request', session: 's' },
      content: { silent: true, store_history: false, stop_on_error: true, allow_stdin: false },
    });
  });
});

describe('hear', () => {
  it('hears only the reply to its own request', () => {
    expect(hear(reply('mine', withResult(quoted({ a: 1 }))), 'mine')).toEqual({ kind: 'result', value: { a: 1 } });
    expect(hear(reply('other', withResult(quoted(1))), 'mine')).toEqual({ kind: 'other' });
    for (const text of ['', 'no json', '[]', 'null', '{"header":5}', '{"header":{"msg_type":"execute_result"}}']) {
      expect(hear(text, 'mine')).toEqual({ kind: 'other' });
    }
  });

  it.each([
    [{ status: 'error', ename: 'ValueError', evalue: 'secret' }, 'ValueError'],
    [{ status: 'error', ename: '<b>words of a user</b>' }, 'no result'],
    [{ status: 'aborted' }, 'no result'],
    [{ status: 'ok', user_expressions: { result: { status: 'error', ename: 'NameError' } } }, 'NameError'],
    [withResult('no text'), 'no result'],
    [withResult("'bm8gSlNPTg=='"), 'no result'],
    [null, 'no result'],
  ])('tells %j as a failure', (content, name) => {
    expect(hear(reply('mine', content), 'mine')).toEqual({ kind: 'error', name });
  });

  it.each(['dead', 'restarting'])('hears that the kernel is %s', (execution_state) => {
    const text = JSON.stringify({ header: { msg_type: 'status' }, content: { execution_state } });
    expect(hear(text, 'mine')).toEqual({ kind: 'dead' });
  });
});

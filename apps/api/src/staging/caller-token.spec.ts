import { type Request } from 'express';
import { type AppError } from '@app/core';
import { callerToken } from './caller-token';

const TOKEN = 'hunter2hunter2';

function asking(header: string | undefined, query: Record<string, unknown> = {}): Request {
  return { query, get: (name: string) => (name === 'X-JupyterHub-Token' ? header : undefined) } as unknown as Request;
}

function refusal(request: Request, isAcceptedInQuery: boolean): AppError {
  try {
    callerToken(request, isAcceptedInQuery);
  } catch (error) {
    return error as AppError;
  }
  throw new Error('It was accepted');
}

describe('callerToken', () => {
  it('is taken from the header, from the query only where the site says so', () => {
    expect(callerToken(asking(undefined), false)).toBeNull();
    expect(callerToken(asking(TOKEN), false)).toBe(TOKEN);
    expect(callerToken(asking(undefined, { jupyter_token: TOKEN }), true)).toBe(TOKEN);
    expect(callerToken(asking(TOKEN, { jupyter_token: 'other' }), true)).toBe(TOKEN);
  });

  it('names the header to those who send it in the query, and never the token', () => {
    const error = refusal(asking(undefined, { jupyter_token: TOKEN }), false);
    expect(error).toMatchObject({ code: 'validation_failed', errors: [{ field: 'jupyter_token' }] });
    expect(error.message).toContain('X-JupyterHub-Token');
    expect(JSON.stringify(error) + error.message).not.toContain(TOKEN);
  });

  it.each(['', 'two words', 'line\nbreak', 'ümlaut', ['a', 'b'], { a: 'b' }])('refuses %j', (token) => {
    expect(refusal(asking(undefined, { jupyter_token: token }), true)).toMatchObject({ code: 'validation_failed' });
    if (typeof token === 'string') expect(refusal(asking(token), false)).toMatchObject({ code: 'validation_failed' });
  });
});

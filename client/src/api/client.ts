import createClient, { type Middleware } from 'openapi-fetch';
import { API_PATH } from '../config/base';
import { texts } from '../texts/texts';
import { Problem, problemOf } from './problem';
import type { paths } from './schema';
import { getToken, tokenRefused } from './token';

const authorize: Middleware = {
  onRequest({ request }) {
    const token = getToken();
    if (token !== null) request.headers.set('Authorization', `Bearer ${token}`);
    return request;
  },
  onError: ({ error }) => {
    if (error instanceof DOMException && error.name === 'AbortError') return error;
    return new Problem(0, 'unreachable', texts.errors.unreachable);
  },
};

/** The API, with the types of its description. Its calls answer `{data, error, response}`: see {@link must}. */
export const api = createClient<paths>({ baseUrl: API_PATH });
api.use(authorize);

/** What a call answers. */
export interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What was asked for; throws a {@link Problem} for anything else. */
export async function must<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) return data as T;
  if (response.status === 401) tokenRefused();
  throw problemOf(response, error);
}

/** A request that the description's types do not fit: text, streams. Throws as {@link must} does. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const token = getToken();
  if (token !== null) headers.set('Authorization', `Bearer ${token}`);
  const response = await fetch(`${API_PATH}${path}`, { ...init, headers }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(0, 'unreachable', texts.errors.unreachable);
  });
  if (response.ok) return response;
  if (response.status === 401) tokenRefused();
  throw problemOf(response, await response.json().catch(() => null));
}

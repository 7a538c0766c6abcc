import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { setToken } from '../../api/token';
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS } from './growing-pause';
import { followLog, type LiveState } from './log-socket';

/** A socket to a service that refuses and answers as the test says. */
class FakeSocket {
  connected = false;
  active = true;
  connects = 0;
  readonly asked: ((answer: object) => void)[] = [];
  private readonly listeners = new Map<string, (told: unknown) => void>();

  constructor(readonly options: { auth: (give: (auth: object) => void) => void }) {
    this.begin();
  }

  on(event: string, listener: (told: unknown) => void): void {
    this.listeners.set(event, listener);
  }
  emit(_event: string, _wanted: object, answer: (answer: object) => void): void {
    this.asked.push(answer);
  }
  connect(): void {
    this.connects += 1;
    this.begin();
  }
  close(): void {
    this.active = false;
  }

  letIn(): void {
    this.connected = true;
    this.listeners.get('connect')!(undefined);
  }
  refuse(code: string): void {
    this.active = false;
    const detail = `It is ${code}.`;
    this.listeners.get('connect_error')!(Object.assign(new Error(detail), { data: { code, detail } }));
  }
  loseWay(): void {
    this.listeners.get('connect_error')!(new Error('websocket error'));
  }
  cut(): void {
    this.connected = this.active = false;
    this.listeners.get('disconnect')!('io server disconnect');
  }

  private begin(): void {
    this.active = true;
    this.options.auth(() => undefined);
  }
}

const sockets = vi.hoisted(() => [] as unknown[]);
vi.mock('socket.io-client', () => ({
  io: (_address: string, options: FakeSocket['options']) => {
    const socket = new FakeSocket(options);
    sockets.push(socket);
    return socket;
  },
}));

const states: [LiveState, string | null][] = [];
let stop: () => void;
function follow(): FakeSocket {
  const nothing = () => undefined;
  stop = followLog(
    { level: 'INFO', q: '' },
    {
      onBacklog: nothing,
      onLines: nothing,
      onDropped: nothing,
      onState: (state, detail) => states.push([state, detail]),
    },
  );
  return sockets.at(-1) as FakeSocket;
}

beforeEach(() => {
  vi.useFakeTimers();
  setToken('first');
});
afterEach(() => {
  stop();
  states.length = 0;
  vi.useRealTimers();
});

const PASSING = [['auth_unavailable'], ['rate_limited'], ['quota_exceeded'], ['shutting_down']];
const LONG_MS = 100 * LONGEST_PAUSE_MS;

it.each(PASSING)('refused as %s it tries again, less and less often, and says so', (code) => {
  const socket = follow();
  const pauses = [1, 2, 4, 8, 16, 30, 30].map((times) => times * FIRST_PAUSE_MS);
  for (const [tries, pause] of pauses.entries()) {
    socket.refuse(code);
    expect(states.at(-1)).toEqual(['waiting', `It is ${code}.`]);
    vi.advanceTimersByTime(pause - 1);
    expect(socket.connects).toBe(tries);
    vi.advanceTimersByTime(1);
    expect(socket.connects).toBe(tries + 1);
  }
  socket.letIn();
  socket.asked[0]!({ ok: true, items: [] });
  expect(states.at(-1)).toEqual(['live', null]);
  socket.cut();
  vi.advanceTimersByTime(FIRST_PAUSE_MS);
  expect(socket.connects).toBe(pauses.length + 1);
});

it.each(PASSING)('a subscription refused as %s is asked for again', (code) => {
  const socket = follow();
  socket.letIn();
  for (let tries = 1; tries <= 2; tries += 1) {
    socket.asked.at(-1)!({ ok: false, code, detail: 'Not now.' });
    expect(states.at(-1)).toEqual(['waiting', 'Not now.']);
    vi.advanceTimersByTime(tries * FIRST_PAUSE_MS);
    expect(socket.asked).toHaveLength(tries + 1);
  }
  socket.asked.at(-1)!({ ok: true, items: [] });
  vi.advanceTimersByTime(LONG_MS);
  expect([socket.asked.length, socket.connects]).toEqual([3, 0]);
});

it.each([['forbidden'], ['unauthorized'], ['validation_failed']])(
  'refused as %s it leaves the service alone',
  (code) => {
    const socket = follow();
    socket.refuse(code);
    expect(states).toEqual([['refused', `It is ${code}.`]]);
    vi.advanceTimersByTime(LONG_MS);
    expect(socket.connects).toBe(0);
  },
);

it('a refused token is left, and another one tried', () => {
  const socket = follow();
  socket.refuse('unauthorized');
  vi.advanceTimersByTime(LONG_MS);
  setToken('second');
  vi.advanceTimersByTime(LONGEST_PAUSE_MS);
  expect(socket.connects).toBe(1);
  socket.refuse('unauthorized');
  vi.advanceTimersByTime(LONG_MS);
  expect(socket.connects).toBe(1);
});

it('a service that stops is come back to; the way to it is for the socket to find', () => {
  const socket = follow();
  socket.letIn();
  socket.cut();
  expect(states.at(-1)).toEqual(['connecting', null]);
  vi.advanceTimersByTime(FIRST_PAUSE_MS);
  expect(socket.connects).toBe(1);
  socket.loseWay();
  expect(states.at(-1)).toEqual(['connecting', null]);
  vi.advanceTimersByTime(LONG_MS);
  expect(socket.connects).toBe(1);
});

it('who looks at something else asks no more', () => {
  const socket = follow();
  socket.refuse('rate_limited');
  stop();
  vi.advanceTimersByTime(LONG_MS);
  expect(socket.connects).toBe(0);
});

import { type AnswerForm, answerForm } from './answer-form';

describe('answerForm', () => {
  it.each<[string | undefined, AnswerForm]>([
    [undefined, 'content'],
    ['*/*', 'content'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'content'],
    ['application/octet-stream', 'content'],
    ['application/json, */*', 'content'],
    ['application/json, application/octet-stream;q=0.1', 'content'],
    ['text/html', 'content'],
    ['application/json;q=0, text/plain', 'content'],
    ['application/json', 'json'],
    ['Application/JSON; charset=utf-8', 'json'],
    ['text/plain, application/json;q=0.5', 'json'],
    ['application/json, */*;q=0', 'json'],
    ['application/json, application/octet-stream; q=0.000', 'json'],
  ])('is told by Accept: %s', (accept, form) => expect(answerForm({ headers: { accept } })).toBe(form));

  it.each<[string | string[], AnswerForm]>([
    ['respond-async', 'async'],
    ['wait=5, Respond-Async; foo', 'async'],
    [['wait=5', 'respond-async'], 'async'],
    ['wait=5', 'content'],
    ['respond-asynchronously', 'content'],
  ])('is told by Prefer: %s', (prefer, form) => expect(answerForm({ headers: { prefer } })).toBe(form));
});

import { StreamedBody } from '../http/item-stream-body';
import { singleBody } from './single-body';

function read(text: string): unknown {
  const body = new StreamedBody();
  body.add(Buffer.from(text));
  return singleBody(body);
}

describe('singleBody', () => {
  it.each([
    ['{"relative_path":"a"}', { relative_path: 'a' }],
    ['{"data":{"relative_path":"a"}}', { relative_path: 'a' }],
    ['{"data":{"a":1},"b":2}', { data: { a: 1 }, b: 2 }],
    ['{}', {}],
    ['{"items":[1]}', undefined],
    ['{"items":[1],"relative_path":"a"}', undefined],
    ['[1]', undefined],
    ['"x"', undefined],
    ['{"a":', undefined],
    ['', undefined],
    [`{"label":"${'x'.repeat(1024 ** 2)}"}`, undefined],
  ])('reads %.40s', (text, expected) => expect(read(text)).toEqual(expected));
});

import fc from 'fast-check';
import { type AppError } from '@app/core';
import { ItemParser } from './item-stream-parser';

/** The items of a text that comes in pieces of some bytes. */
function read(text: string | Buffer, piece = 64, maxItems = 1000): unknown[] {
  const parser = new ItemParser(maxItems);
  const bytes = Buffer.from(text);
  const items: unknown[] = [];
  for (let start = 0; start < bytes.length; start += piece) {
    items.push(...parser.write(bytes.subarray(start, start + piece)));
  }
  parser.end();
  return items;
}

function fault(text: string | Buffer, piece?: number, maxItems?: number): string {
  try {
    read(text, piece, maxItems);
  } catch (error) {
    expect(error).toMatchObject({ code: 'validation_failed', errors: [expect.anything()] });
    return (error as AppError).message;
  }
  return 'none';
}

/** What `JSON.parse` makes of it, where it has the form of a batch. */
const parsed = (text: string) => (JSON.parse(text) as { items: unknown[] }).items;

/** Any text that has a form of Unicode, the unusual characters among them. */
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', '\0', '"\\/\b\f\n\r\t'),
);

describe('ItemParser', () => {
  it('reads what JSON.parse reads, wherever the pieces are cut', () => {
    const value = fc.jsonValue({ maxDepth: 5, noUnicodeString: false });
    const text = fc
      .tuple(fc.array(fc.oneof(value, fc.dictionary(anyText, anyText)), { minLength: 1 }), fc.constantFrom(0, 2, '\t'))
      .map(([items, space]) => JSON.stringify({ items }, undefined, space));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (json, piece) => {
        expect(read(json, piece)).toEqual(parsed(json));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const whole = '{"items": [{"a": "b\\u00e9\\n", "c": [1, -2.5e3, true, null, {}]}, [], "x"] }';
    const character = fc.constantFrom(...'{}[],:"\\ \n\0\u0001012-+.eEtrufalsn\'/N', 'items');
    const edit = fc.tuple(fc.nat(whole.length), fc.nat(3), fc.array(character, { maxLength: 3 }));
    fc.assert(
      fc.property(edit, fc.integer({ min: 1, max: 80 }), ([start, gone, added], piece) => {
        const text = whole.slice(0, start) + added.join('') + whole.slice(start + gone);
        let items: unknown;
        try {
          items = parsed(text);
        } catch {
          expect(fault(text, piece)).not.toBe('none');
          return;
        }
        // Read alike, or refused for what JSON.parse lets pass: another form, fields given twice.
        if (fault(text, piece) === 'none') expect(read(text, piece)).toEqual(items);
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['', 'body is missing: send a JSON object.'],
    ['[]', 'body must be a JSON object.'],
    ['7', 'body must be a JSON object.'],
    ['{}', 'items is missing: send {"items": [...]}.'],
    ['{"items":[]}', 'items must not be empty.'],
    ['{"items":{}}', 'items must be an array.'],
    ['{"items":null}', 'items must be an array.'],
    ['{"items":[1],"label":"x"}', 'label is not a known field.'],
    ['{"__proto__":{},"items":[1]}', '__proto__ is not a known field.'],
    ['{"items":[1],"items":[2]}', 'items is given twice.'],
    ['{"items":[1,{"a":1,"b":2,"a":3}]}', 'items[1].a is given twice.'],
    ['{"items":[{"__proto__":1,"__proto__":3}]}', 'items[0].__proto__ is given twice.'],
    ['{"items":[{"c":{"d":[{"e":1,"\\u0065":2}]}}]}', 'items[0].c.d.e is given twice.'],
    ['{"items":[1]} {}', 'body is not complete, valid JSON.'],
    ['{"items":[1]}]', 'body is not complete, valid JSON.'],
    ['{"items":[1}}', 'body is not complete, valid JSON.'],
    ['{"items":[{"a":1]]}', 'body is not complete, valid JSON.'],
    ['{"items":[[1}]}', 'body is not complete, valid JSON.'],
    ['{"items":[1]]', 'body is not complete, valid JSON.'],
    ['{"items":[1,]}', 'body is not complete, valid JSON.'],
    ['{"items":[1],}', 'body is not complete, valid JSON.'],
    ['{"items":[1]', 'body is not complete, valid JSON.'],
    ['{"items":["a\0b"]}', 'body is not complete, valid JSON.'],
    ['{"items":[1]}\0', 'body is not complete, valid JSON.'],
    ['{"items":[1,2,3]}', 'items must have at most 2 items.'],
  ])('tells what is wrong with %j', (text, message) => {
    for (const piece of [1, 7, 1000]) expect(fault(text, piece, 2)).toBe(message);
  });

  it('refuses depth before it costs anything, and allows what bodies may have', () => {
    const nested = (depth: number) => `{"items":[${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}]}`;
    expect(read(nested(8))).toEqual(parsed(nested(8)));
    expect(fault(nested(9))).toBe('items[0] is nested too deeply.');
    expect(fault(`{"items":[1,${'['.repeat(1_000_000)}`, 65_536)).toBe('items[1] is nested too deeply.');
  });

  it('refuses an item that is larger than a body of its own may be, before all of it has come', () => {
    const parser = new ItemParser(10);
    const piece = Buffer.alloc(65_536, 'a');
    parser.write(Buffer.from('{"items":[1,2,"'));
    let pieces = 0;
    expect(() => {
      for (; pieces < 1000; pieces += 1) parser.write(piece);
    }).toThrow('items[2] is larger than 1048576 bytes.');
    expect(pieces).toBeLessThan(17);
    const items = Array.from({ length: 40 }, () => 'x'.repeat(65_000));
    expect(read(JSON.stringify({ items }), 65_536)).toEqual(items);
  });
});

import fc from 'fast-check';
import { countFitting, LineOutput } from './line-output';

/** Takes as many bytes at each write as the plan says; zero is a failure. */
function createTarget(plan: number[]) {
  const taken: Buffer[] = [];
  let turn = 0;
  const write = (bytes: Buffer, offset: number) => {
    const count = plan[turn++ % plan.length]!;
    if (count === 0) return Promise.reject(new Error('ENOSPC'));
    const part = bytes.subarray(offset, offset + count);
    taken.push(Buffer.from(part));
    return Promise.resolve(part.length);
  };
  return { write, text: () => Buffer.concat(taken).toString() };
}

describe('LineOutput', () => {
  it('brings each line through whole and once, in order, whatever part of it each write takes', async () => {
    const plans = fc
      .array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 20 })
      .filter((plan) => plan.some((count) => count > 30));
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '🚀'), maxLength: 6 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(plans, texts, async (plan, given) => {
        const lines = given.map((text, index) => `<${index} ${text}>\n`);
        const target = createTarget(plan);
        const output = new LineOutput();
        for (let done = 0; done < lines.length;) {
          done += await output.write(lines.slice(done), target.write).catch(() => 0);
        }
        const whole = target
          .text()
          .split('\n')
          .filter((line) => /^<\d+ .*>$/.test(line));
        expect(whole).toEqual(lines.map((line) => line.trimEnd()));
        expect(target.text().endsWith('\n')).toBe(!output.torn);
      }),
    );
  });

  it('fails when no line got through, and counts those that did', async () => {
    const output = new LineOutput();
    await expect(output.write(['one\n', 'two\n'], createTarget([0]).write)).rejects.toThrow('ENOSPC');
    expect(output.torn).toBe(false);
    expect(await output.write(['one\n', 'two\n'], createTarget([5, 0]).write)).toBe(1);
    expect(output.torn).toBe(true);
  });
});

describe('countFitting', () => {
  it('takes what fits by bytes, but at least one line', () => {
    expect(countFitting(['éé\n', 'b\n', 'c\n'], 7)).toBe(2);
    expect(countFitting(['éé\n', 'b\n'], 1)).toBe(1);
    expect(countFitting(['a\n', 'b\n'], Infinity)).toBe(2);
    expect(countFitting(new Array<string>(40).fill('x'.repeat(65_535) + '\n'), Infinity)).toBe(16);
  });
});

import { Logger } from '@nestjs/common';
import { createTemporaryLog, entriesOf, type TemporaryLog } from './testing/temporary-log';

describe('NestLogger', () => {
  let log: TemporaryLog;
  let nest: Logger;

  beforeEach(() => {
    log = createTemporaryLog();
    Logger.overrideLogger(log.nestLogger);
    nest = new Logger('Router');
  });
  afterEach(async () => {
    Logger.overrideLogger(true);
    await log.remove();
  });

  async function logged() {
    await log.logger.close();
    return entriesOf(log.lines());
  }

  it('writes each level with its context', async () => {
    nest.verbose('a');
    nest.debug('b');
    nest.log('c');
    nest.warn('d');
    nest.error('e');
    nest.fatal('f');
    const entries = await logged();
    expect(entries.map(({ level, message }) => [level, message])).toEqual([
      ['DEBUG', 'a'],
      ['DEBUG', 'b'],
      ['INFO', 'c'],
      ['WARNING', 'd'],
      ['ERROR', 'e'],
      ['ERROR', 'f'],
    ]);
    expect(new Set(entries.map(({ context }) => context))).toEqual(new Set(['Router']));
  });

  it('keeps errors and stack traces, wherever Nest puts them', async () => {
    const error = new TypeError('broken');
    nest.error(error);
    nest.error('failed', error);
    nest.error('failed', error.stack);
    log.nestLogger.error('without context', error.stack);
    const [alone, beside, trace, bare] = await logged();
    expect(alone).toMatchObject({
      message: 'broken',
      error: { name: 'TypeError', message: 'broken' },
      context: 'Router',
    });
    expect(beside).toMatchObject({ message: 'failed', error: { name: 'TypeError' }, context: 'Router' });
    expect(trace).toMatchObject({ message: 'failed', stack: error.stack, context: 'Router' });
    expect(bare).toMatchObject({ message: 'without context', stack: error.stack });
    expect(bare).not.toHaveProperty('context');
  });

  it('keeps objects, as message and beside it', async () => {
    nest.log({ a: 1 });
    nest.log('with', { b: 2 }, 3);
    const [alone, beside] = await logged();
    expect(alone).toMatchObject({ message: '{"a":1}', context: 'Router' });
    expect(beside).toMatchObject({ message: 'with', details: [{ b: 2 }, 3], context: 'Router' });
  });
});

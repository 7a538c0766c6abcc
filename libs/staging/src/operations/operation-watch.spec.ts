import { SilentBus } from '@app/cluster';
import { StagingRecord } from '@app/records';
import { type OperationEnded, OperationEvents } from './operation-events';
import { OperationWatch } from './operation-watch';

const ended = (id: string): OperationEnded => ({
  record: Object.assign(new StagingRecord(), { id }),
  seconds: 1,
  failure: null,
});

describe('OperationWatch', () => {
  let events: OperationEvents;
  let watch: OperationWatch;
  beforeEach(() => {
    events = new OperationEvents();
    watch = new OperationWatch(events, new SilentBus());
  });

  it('tells of one operation, until one has heard enough', () => {
    const heard: string[] = [];
    const stop = watch.subscribe('one', (change) => heard.push(change));
    watch.changed('other');
    watch.changed('one');
    events.ended(ended('other'));
    events.ended(ended('one'));
    stop();
    watch.changed('one');
    expect(heard).toEqual(['changed', 'ended']);
  });

  it('waits for the end, and knows how it was', async () => {
    const waiting = watch.untilEnded('one', Infinity);
    watch.changed('one');
    events.ended(ended('one'));
    await expect(waiting).resolves.toMatchObject({ record: { id: 'one' } });
  });

  it.each([
    ['the time is over', () => watch.untilEnded('one', 1)],
    ['the signal fires', () => watch.untilEnded('one', Infinity, AbortSignal.timeout(1))],
    ['the signal has fired', () => watch.untilEnded('one', Infinity, AbortSignal.abort())],
    [
      'the service stops',
      () => {
        const waiting = watch.untilEnded('one', Infinity);
        watch.close();
        return waiting;
      },
    ],
    [
      'the service has stopped',
      () => {
        watch.close();
        return watch.untilEnded('one', Infinity);
      },
    ],
  ])('gives up when %s', async (_when, wait) => {
    await expect(wait()).resolves.toBeNull();
  });

  it('keeps nothing of those who have gone', async () => {
    const controller = new AbortController();
    const remove = jest.spyOn(controller.signal, 'removeEventListener');
    const waiting = watch.untilEnded('one', 60_000, controller.signal);
    events.ended(ended('one'));
    await waiting;
    expect(remove).toHaveBeenCalledWith('abort', expect.any(Function));
    expect(Object.values(watch).filter((part) => part instanceof Map || part instanceof Set)).toEqual([
      new Map(),
      new Set(),
    ]);
  });
});

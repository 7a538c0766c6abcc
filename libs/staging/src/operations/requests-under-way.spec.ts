import { StagingRecord } from '@app/records';
import { OperationEvents } from './operation-events';
import { RequestsUnderWay } from './requests-under-way';

let events: OperationEvents;
let underWay: RequestsUnderWay;
beforeEach(() => {
  events = new OperationEvents();
  underWay = new RequestsUnderWay(events);
});

function record(id: string, overrides: Partial<StagingRecord> = {}): StagingRecord {
  const request = { method: 'local_copy', username: 'jane', localPathOnStorage: 'a', relativePath: 'b', storage: null };
  return Object.assign(new StagingRecord(), { id, batchId: null, ...request, ...overrides });
}
const end = (ended: StagingRecord) => events.ended({ record: ended, seconds: 1, failure: null });

it('finds the first of equal requests of one caller', () => {
  const first = record('1', { requestedBy: 'jane', label: 'one' });
  underWay.add(first);
  underWay.add(record('2', { requestedBy: 'jane' }));
  expect(underWay.find(record('3', { requestedBy: 'admin' }))).toBeUndefined();
  expect(underWay.find(record('3', { requestedBy: 'jane', label: 'another' }))).toBe(first);
  expect(underWay.find(record('3', { localPathOnStorage: 'c' }))).toBeUndefined();
});

it('forgets one that ended, though its record tells more by then', () => {
  const first = record('1');
  underWay.add(first);
  end(Object.assign(first, { storage: 'default', nameEncoding: 'percent', localPathOnStorage: '%61' }));
  expect(underWay.find(record('2'))).toBeUndefined();
  const second = record('2');
  underWay.add(second);
  end(first);
  expect(underWay.find(record('3'))).toBe(second);
});

it('keeps nothing of batches', () => {
  underWay.add(record('1', { batchId: 'many' }));
  expect(underWay.find(record('2'))).toBeUndefined();
});

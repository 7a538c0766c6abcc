import { findPlace } from './read-place';

it.each<[string, string | null, string | null, string, string]>([
  ['the first time it begins with now', null, null, '500-1', '500-1'],
  ['or with the first line, where there is none', null, null, '0-0', '0-0'],
  ['after a restart it goes on', null, '400-0', '500-1', '400-0'],
  ['also where nothing came', null, '500-1', '500-1', '500-1'],
  ['in a stream that was begun anew, it begins as well', null, '600-0', '500-1', '0-0'],
  ['what is no place counts as none', null, 'nonsense', '500-1', '500-1'],
  ['while it runs it goes on', '450-0', '400-0', '500-1', '450-0'],
  ['also when Redis forgot its place', '450-0', null, '500-1', '450-0'],
  ['when Redis was emptied, it begins', '450-0', null, '0-0', '0-0'],
  ['when its clock went back as well, it begins too', '450-0', null, '20-3', '0-0'],
  ['when Redis came back with older data, the place is older, too', '450-0', '400-0', '410-0', '400-0'],
  ['numbers within a millisecond count', '450-9', '450-9', '450-10', '450-9'],
  ['and tell what is beyond the end', '450-10', null, '450-9', '0-0'],
])('%s', (_what, known, saved, last, place) => {
  expect(findPlace(known, saved, last)).toBe(place);
});

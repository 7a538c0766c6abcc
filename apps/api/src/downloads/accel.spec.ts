import { type OpenFile, rawFromText } from '@app/files';
import { accelHeaders } from './accel';

it('names the real path by its bytes, and leaves to nginx what nginx knows', () => {
  const names = ['obs', 'Grüße', '50%41 #?.txt', 'two\nlines', 'a..b'];
  const realPath = [...names.map(rawFromText), 'caf\xff'];
  const file = { storage: 'cold store', realPath } as OpenFile;
  const headers = {
    'Content-Type': 't',
    ETag: 'e',
    'Last-Modified': 'm',
    'Accept-Ranges': 'bytes',
    'Repr-Digest': 'd',
  };
  const validators = { etag: undefined, lastModified: undefined };
  expect(accelHeaders('/internal', file, { size: 5, validators, headers })).toEqual({
    'Content-Type': 't',
    'Repr-Digest': 'd',
    'Content-Length': 0,
    'X-Accel-Redirect': '/internal/cold%20store/obs/Gr%C3%BC%C3%9Fe/50%2541%20%23%3F.txt/two%0Alines/a..b/caf%FF',
  });
});

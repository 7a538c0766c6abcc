import { type PlaceProgress } from '@app/files';
import { UploadProgress } from './upload-progress';

describe('the progress of an upload', () => {
  let told: PlaceProgress[];
  let progress: UploadProgress;

  beforeEach(() => {
    jest.useFakeTimers();
    told = [];
    progress = new UploadProgress((each) => told.push(each), { files: 3, bytes: 1000 });
  });
  afterEach(() => jest.useRealTimers());

  it('is told with its totals as it begins', () => {
    progress.begin();
    expect(told).toEqual([{ filesTotal: 3, bytesTotal: 1000, filesDone: 0, bytesDone: 0, currentPath: null }]);
  });

  it('is told five times a second, however often there is news, and the last news as well', () => {
    progress.begin();
    progress.enter('a/file');
    for (let at = 1; at <= 100; at += 1) {
      jest.advanceTimersByTime(10);
      progress.at(at);
    }
    expect(told.length).toBeLessThanOrEqual(6);
    expect(told.length).toBeGreaterThanOrEqual(5);
    jest.advanceTimersByTime(200);
    expect(told.at(-1)).toMatchObject({ bytesDone: 100, currentPath: 'a/file' });
    const count = told.length;
    jest.advanceTimersByTime(10_000);
    expect(told).toHaveLength(count);
  });

  it('counts what is sent again once, and never goes back or beyond', () => {
    for (const position of [100, 400, 0, 300, 390]) {
      progress.at(position);
      jest.advanceTimersByTime(300);
      expect(told.at(-1)!.bytesDone).toBe(Math.max(...told.map(({ bytesDone }) => bytesDone)));
    }
    expect(told.at(-1)).toMatchObject({ bytesDone: 400, filesDone: 0 });
    progress.at(450);
    progress.done(500);
    progress.at(200);
    jest.advanceTimersByTime(300);
    expect(told.at(-1)).toMatchObject({ bytesDone: 700, filesDone: 1 });
    progress.at(5000);
    jest.advanceTimersByTime(300);
    expect(told.at(-1)).toMatchObject({ bytesDone: 1000 });
  });

  it('ends complete, at once and for good', () => {
    progress.begin();
    progress.at(10);
    progress.finish();
    expect(told.at(-1)).toEqual({
      filesTotal: 3,
      bytesTotal: 1000,
      filesDone: 3,
      bytesDone: 1000,
      currentPath: null,
    });
    jest.advanceTimersByTime(1000);
    expect(told).toHaveLength(2);
  });

  it('says nothing any more once it is stopped', () => {
    progress.begin();
    progress.at(10);
    progress.stop();
    jest.advanceTimersByTime(1000);
    expect(told).toHaveLength(1);
  });
});

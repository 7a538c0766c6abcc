import { readDatabaseUrl } from './database-url';

describe('a database URL', () => {
  it.each([
    ['sqlite:./data/staging.sqlite', './data/staging.sqlite'],
    ['sqlite:/var/lib/staging.sqlite', '/var/lib/staging.sqlite'],
    ['sqlite:///var/lib/staging.sqlite', '/var/lib/staging.sqlite'],
    ['sqlite:a%20b#c?d.sqlite', 'a%20b#c?d.sqlite'],
    ['sqlite::memory:', null],
  ])('%s names a file', (url, file) => {
    expect(readDatabaseUrl(url)).toEqual({ kind: 'sqlite', file });
  });

  it('names a server, percent-encoded', () => {
    expect(readDatabaseUrl('mysql://sta%40ge:p%40%2F%3A%25%C3%BC@db.example:3307/na%2Dme')).toEqual({
      kind: 'mysql',
      server: { host: 'db.example', port: 3307, username: 'sta@ge', password: 'p@/:%ü', database: 'na-me' },
    });
    expect(readDatabaseUrl('mariadb://u@[::1]/d')).toMatchObject({
      server: { host: '::1', port: 3306, password: '' },
    });
  });

  it.each([
    'sqlite:',
    'mysql://u:hunter2@h',
    'mysql://u:hunter2@h/',
    'mysql://u:hunter2%@h/d',
    'mysql://u:hunter2@h:99999/d',
    'mysql://u:hunter2@h/d?ssl=true',
    'postgres://u:hunter2@h/d',
    'hunter2',
  ])('is refused without being repeated: %s', (url) => {
    const read = () => readDatabaseUrl(url);

    expect(read).toThrow(/database URL/);
    expect(read).not.toThrow(/hunter2/);
  });
});

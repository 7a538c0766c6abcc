/** Where an SQLite database lies; null: in memory only. */
export interface SqliteAddress {
  kind: 'sqlite';
  file: string | null;
}

/** Where a MySQL or MariaDB server listens, and as whom to sign in. */
export interface MysqlAddress {
  kind: 'mysql';
  server: { host: string; port: number; username: string; password: string; database: string };
}

const MYSQL_PORT = 3306;

/** Reads a database URL. Throws an Error that repeats nothing of it, since it may hold a password. */
export function readDatabaseUrl(text: string): SqliteAddress | MysqlAddress {
  if (!text.startsWith('sqlite:')) return readServerUrl(text);
  // Three slashes are an absolute path, as in the URLs of other tools.
  const file = text.slice('sqlite:'.length).replace(/^\/{2,}/, '/');
  if (file === '') throw new Error('The database URL names no file');
  return { kind: 'sqlite', file: file === ':memory:' ? null : file };
}

function readServerUrl(text: string): MysqlAddress {
  try {
    const url = new URL(text);
    const database = decodeURIComponent(url.pathname.slice(1));
    const usable = ['mysql:', 'mariadb:'].includes(url.protocol) && database !== '' && url.search + url.hash === '';
    if (!usable) throw new Error('not usable');
    const server = {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? MYSQL_PORT : Number(url.port),
      username: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      database,
    };
    return { kind: 'mysql', server };
  } catch {
    // Without its cause: Node's own error repeats the URL.
    throw new Error('The database URL must be sqlite:<path> or mysql://user:password@host:port/name, percent-encoded');
  }
}

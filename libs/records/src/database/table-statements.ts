import { type EntityManager, type EntityMetadata, type EntityTarget, type ObjectLiteral } from 'typeorm';
import { type ColumnMetadata } from 'typeorm/metadata/ColumnMetadata';

/**
 * The statements that each operation needs, written straight from TypeORM's metadata and sent by its driver. TypeORM's
 * own builder writes the same text, but takes several times as long for that as the database for its work.
 */

/** Values by property; a function gives an expression of SQL, such as the server's time. */
type Values = ObjectLiteral;

/** Turns values into places of a statement and their parameters. */
class Places {
  readonly parameters: unknown[] = [];

  constructor(private readonly manager: EntityManager) {}

  add(value: unknown, column: ColumnMetadata): string {
    if (typeof value === 'function') return String((value as () => string)());
    this.parameters.push(this.prepared(value ?? null, column));
    return '?';
  }

  /** Most values are text or nothing, which both drivers take as they are. */
  private prepared(value: unknown, column: ColumnMetadata): unknown {
    if (value === null || (typeof value === 'string' && column.transformer === undefined)) return value;
    return this.manager.dataSource.driver.preparePersistentValue(value, column) as unknown;
  }
}

function escaper(manager: EntityManager): (name: string) => string {
  return (name) => manager.dataSource.driver.escape(name);
}

/** What the database counts up by itself is left to it. */
function writtenColumns(metadata: EntityMetadata): ColumnMetadata[] {
  return metadata.columns.filter((column) => !column.isGenerated);
}

/** Adds complete rows by one statement. */
export async function insertRows<T extends ObjectLiteral>(
  manager: EntityManager,
  table: EntityTarget<T>,
  rows: readonly Values[],
): Promise<void> {
  const metadata = manager.dataSource.getMetadata(table);
  const columns = writtenColumns(metadata);
  const escape = escaper(manager);
  const places = new Places(manager);
  const names = columns.map((column) => escape(column.databaseName)).join(', ');
  const lines = rows.map((row) => `(${columns.map((one) => places.add(row[one.propertyName], one)).join(', ')})`);
  const text = `INSERT INTO ${escape(metadata.tableName)} (${names}) VALUES ${lines.join(', ')}`;
  await manager.query(text, places.parameters);
}

/** Changes the rows that `where` picks (with `?` for its parameters); returns how many it picked. */
export async function updateRows<T extends ObjectLiteral>(
  manager: EntityManager,
  table: EntityTarget<T>,
  values: Values,
  where: { text: string; parameters: unknown[] },
): Promise<number> {
  const metadata = manager.dataSource.getMetadata(table);
  const escape = escaper(manager);
  const places = new Places(manager);
  const columns = writtenColumns(metadata).filter((column) => values[column.propertyName] !== undefined);
  const changes = columns.map((one) => `${escape(one.databaseName)} = ${places.add(values[one.propertyName], one)}`);
  const text = `UPDATE ${escape(metadata.tableName)} SET ${changes.join(', ')} WHERE ${where.text}`;
  const parameters = [...places.parameters, ...where.parameters];
  const { affected } = await manager.queryRunner!.query(text, parameters, true);
  return affected ?? 0;
}

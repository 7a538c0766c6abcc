import { type Records } from '../create-records';
import { StagingFile } from '../entities/staging-file.entity';
import { StagingRecord } from '../entities/staging-record.entity';
import { type OperationFilter } from '../operations/record-statements';
import { testRecord } from './test-records';

/** Records of the tests of one suite: opened once, empty for each test, closed at the end. */
export class RecordsSuite {
  private records!: Records;

  constructor(private readonly make: () => Promise<Records>) {
    afterEach(async () => {
      const { dataSource } = this.records.database;
      for (const entity of [StagingRecord, StagingFile]) await dataSource.getRepository(entity).clear();
    });
    afterAll(() => this.records.close());
  }

  async open(): Promise<Records> {
    return (this.records = await this.make());
  }

  /** A new operation that is in the database. */
  readonly add = async (values: Partial<StagingRecord> = {}): Promise<StagingRecord> => {
    const record = testRecord(values);
    await this.records.operations.insert(record);
    return record;
  };

  /** Ids of what the list shows. */
  readonly ids = async (filter: OperationFilter, limit = 100): Promise<string[]> =>
    (await this.records.operations.page(filter, limit)).items.map((record) => record.id);
}

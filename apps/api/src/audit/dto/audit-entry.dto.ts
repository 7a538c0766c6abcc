import { ApiProperty } from '@nestjs/swagger';
import { ApiNextCursor } from '../../http/dto/next-cursor.decorator';

/** One entry of the audit. */
export class AuditEntryDto {
  @ApiProperty({ description: 'Id of the entry (UUIDv7).', example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a71' })
  id!: string;

  @ApiProperty({ description: 'When it was made (UTC).', format: 'date-time', example: '2026-02-01T12:00:01.250Z' })
  time!: string;

  @ApiProperty({
    description: 'Who asked: issuer and subject of the token. Null for who is not known, and without sign-in.',
    type: String,
    nullable: true,
    example: 'https://iam.example.org/#5f1c',
  })
  caller!: string | null;

  @ApiProperty({ description: 'The same by the name at this site.', type: String, nullable: true, example: 'jane' })
  caller_name!: string | null;

  @ApiProperty({
    description: 'As what they were let in: `user`, `service`, `operator`, or `anyone` where there is no sign-in.',
    type: String,
    nullable: true,
    example: 'user',
  })
  role!: string | null;

  @ApiProperty({ description: 'Where it came from.', type: String, nullable: true, example: '192.0.2.7' })
  address!: string | null;

  @ApiProperty({
    description: 'Method and route; the path where it led to none.',
    example: 'POST /operations/:id/cancel',
  })
  request!: string;

  @ApiProperty({
    description: 'What it named, as far as it was read: long text is cut.',
    type: 'object',
    additionalProperties: { type: 'string' },
    nullable: true,
    example: { method: 'local_copy', local_path_on_storage: 'obs/42.fits' },
  })
  asked!: Record<string, string | number> | null;

  @ApiProperty({ description: 'For whom.', type: String, nullable: true, example: 'jane' })
  username!: string | null;

  @ApiProperty({
    description: 'The operation that it was about, or made.',
    type: String,
    nullable: true,
    example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70',
  })
  operation_id!: string | null;

  @ApiProperty({ description: 'The batch, likewise.', type: String, nullable: true, example: null })
  batch_id!: string | null;

  @ApiProperty({
    description: '`denied`: not permitted, or another one’s. `failed`: permitted, but not possible.',
    enum: ['allowed', 'denied', 'failed'],
    example: 'allowed',
  })
  decision!: 'allowed' | 'denied' | 'failed';

  @ApiProperty({ description: 'Status of the answer (HTTP).', type: 'integer', example: 202 })
  status!: number;

  @ApiProperty({ description: 'Code of the error.', type: String, nullable: true, example: null })
  code!: string | null;

  @ApiProperty({ description: 'Id of the request, as in the log.', type: String, nullable: true, example: 'd2f1' })
  request_id!: string | null;

  @ApiProperty({
    description: 'How many requests alike it stands for: those that were refused once more within a minute.',
    type: 'integer',
    example: 1,
  })
  times!: number;
}

/** A part of the audit. */
export class AuditPageDto {
  @ApiProperty({ description: 'Newest first.', type: [AuditEntryDto] })
  items!: AuditEntryDto[];

  @ApiNextCursor()
  next_cursor!: string | null;
}

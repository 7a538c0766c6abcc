import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ERROR_CODES, ERROR_TITLES, type ErrorCode } from '@app/core';

/** What is wrong with one field. */
export class FieldErrorDto {
  @ApiProperty({ description: 'The field or parameter; inner ones after a dot.', example: 'checksum.value' })
  field!: string;

  @ApiProperty({ description: 'What is wrong with it.', example: 'must be 64 hexadecimal digits' })
  message!: string;
}

/** An error (RFC 9457), sent as `application/problem+json`. */
export class ProblemDto {
  @ApiProperty({
    description: 'Name of the kind of error; the same for each error of one code.',
    example: '/docs#source_not_found',
  })
  type!: string;

  @ApiProperty({ description: 'The kind of error in words.', example: ERROR_TITLES.source_not_found })
  title!: string;

  @ApiProperty({ description: 'The HTTP status.', type: 'integer', example: 400 })
  status!: number;

  @ApiProperty({
    description: 'What happened, and what to do about it.',
    example: 'Source path does not exist: obs/42.fits',
  })
  detail!: string;

  @ApiProperty({ description: 'The path that was asked for.', example: '/stage_data' })
  instance!: string;

  @ApiProperty({
    description: 'The kind of error for programs.',
    enum: ERROR_CODES,
    enumName: 'ErrorCode',
    example: 'source_not_found',
  })
  code!: ErrorCode;

  @ApiProperty({
    description: 'The operation that failed, where there is a record of it.',
    type: String,
    nullable: true,
    example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70',
  })
  operation_id!: string | null;

  @ApiPropertyOptional({
    description: 'For `validation_failed`: what is wrong with which field.',
    type: [FieldErrorDto],
  })
  errors?: FieldErrorDto[];
}

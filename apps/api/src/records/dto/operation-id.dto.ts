import { ApiProperty } from '@nestjs/swagger';
import { Allow } from 'class-validator';

/** Which operation is asked for. */
export class OperationIdDto {
  // Not checked here: what is no id names no operation, which is a 404.
  @ApiProperty({ description: 'Id of the operation.', format: 'uuid', example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70' })
  @Allow()
  id!: string;
}

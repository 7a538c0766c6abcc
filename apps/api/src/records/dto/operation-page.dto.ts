import { ApiProperty } from '@nestjs/swagger';
import { OperationDto } from './operation.dto';

/** A page of operations, the newest first. */
export class OperationPageDto {
  @ApiProperty({ description: 'The operations of this page.', type: [OperationDto] })
  items!: OperationDto[];

  @ApiProperty({
    description: '`cursor` of the next page; null on the last.',
    type: String,
    nullable: true,
    example: null,
  })
  next_cursor!: string | null;
}

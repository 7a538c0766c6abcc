import { ApiProperty } from '@nestjs/swagger';
import { ApiNextCursor } from '../../http/dto/next-cursor.decorator';
import { OperationDto } from './operation.dto';

/** A page of operations, the newest first. */
export class OperationPageDto {
  @ApiProperty({ description: 'The operations of this page.', type: [OperationDto] })
  items!: OperationDto[];

  @ApiNextCursor()
  next_cursor!: string | null;
}
